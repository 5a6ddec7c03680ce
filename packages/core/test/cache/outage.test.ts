import { type CacheBackend, createCache, memory, resilient } from '@stowage/core'
import { asyncBackend, type ChaosBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Served, type Site } from './site.ts'

muteWarnings()

/** A site on a store that can hang and fail. */
const siteOn = (store: CacheBackend): { site: Site; backend: ChaosBackend; codes: string[] } => {
  const backend = chaosBackend(asyncBackend(store))
  const site = createSite({ ttl: 60, backend, backendDeadline: '100ms' }, () => ({ body: 'right' }))
  const codes: string[] = []
  site.cache.on('error', ({ code }) => codes.push(code))
  return { site, backend, codes }
}

const crowd = (site: Site, url: string, size = 1000): Promise<Served[]> =>
  Promise.all(Array.from({ length: size }, () => site.get(url)))

const stores: readonly [title: string, make: () => CacheBackend][] = [
  ['a store that counts', () => memory()],
  ['a bare store', () => mockBackend()],
]

describe.each(stores)('a thousand requests at once for a cold key of %s', (_title, make) => {
  const slowly = (site: Site, meanwhile: () => void = () => undefined): void => {
    site.handler = async () => {
      await new Promise((resume) => setTimeout(resume, 150))
      meanwhile()
      return { body: 'right' }
    }
  }

  test.each([
    ['everything', undefined],
    ['tags.head', ['tags.head']],
    ['get', ['get']],
    ['set', ['set']],
  ])('run the handler once while %s hangs', async (_what, only) => {
    const { site, backend } = siteOn(make())
    slowly(site)
    backend.chaos.set({ hangRate: 1, ...(only === undefined ? {} : { only }) })
    const served = await crowd(site, '/cold')
    expect(new Set(served.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 right']))
    expect(site.runs).toHaveLength(1)
    await site.cache.close()
  })

  test('run the handler once where the store begins to hang, or fail, meanwhile', async () => {
    for (const faults of [{ hangRate: 1 }, { failRate: 1 }]) {
      const { site, backend } = siteOn(make())
      slowly(site, () => backend.chaos.set(faults))
      const served = await crowd(site, '/cold')
      expect(new Set(served.map(({ body }) => body))).toEqual(new Set(['right']))
      expect(site.runs).toHaveLength(1)
      await site.cache.close()
    }
  })
})

describe('what is shared without the store', () => {
  test('is not stored, and not shared after an invalidation of this process', async () => {
    const { site, backend } = siteOn(memory())
    backend.chaos.set({ failRate: 1 })
    let release: () => void = () => undefined
    site.handler = async ({ number }) => {
      if (number === 1)
        await new Promise<void>((resume) => {
          release = resume
        })
      return { body: `run ${number}` }
    }
    const first = site.get('/a')
    await new Promise((resume) => setImmediate(resume))
    await expect(site.cache.invalidate({ url: '/a' })).rejects.toMatchObject({ name: 'CacheBackendError' })
    const second = site.get('/a')
    await new Promise((resume) => setImmediate(resume))
    release()
    expect((await first).body).toBe('run 1')
    expect((await second).body).toBe('run 2')
    expect((await site.get('/a')).body).toBe('run 3')
    await site.cache.close()
  })
})

describe('the middleware’s own breaker', () => {
  test('opens by itself, costs nothing then, and shares again within 2 s after the store is back', async () => {
    const { site, backend, codes } = siteOn(memory())
    const states: string[] = []
    site.cache.on('circuit', ({ state }) => states.push(state))
    backend.chaos.set({ hangRate: 1 })
    for (let i = 0; i < 3; i++) await site.get(`/${i}`)
    expect(states).toEqual(['open'])
    expect(codes).toContain('BACKEND_CIRCUIT')
    expect(await site.cache.health()).toMatchObject({ status: 'unhealthy', circuit: 'open' })
    // Nothing of it is a promise any more: no request waits.
    for (let i = 0; i < 100; i++) {
      const decision = site.cache.lookup({
        ...{ method: 'GET', url: `/x${i}`, authority: 'a', scheme: 'http', headers: {}, raw: undefined },
      })
      expect('then' in decision).toBe(false)
      if ('action' in decision && decision.action === 'forward') decision.abort()
    }
    backend.chaos.set({ hangRate: 0 })
    const back = performance.now()
    while (states.at(-1) !== 'closed') await new Promise((resume) => setTimeout(resume, 20))
    await site.get('/a')
    await site.settled()
    expect((await site.get('/a')).how).toMatch(/hit/)
    expect(performance.now() - back).toBeLessThan(2000)
    await site.cache.close()
  })

  test('leaves the user’s backend as cache.backend, and stands before no memory() and nothing resilient', async () => {
    for (const backend of [memory(), mockBackend(), resilient(mockBackend())]) {
      const cache = createCache({ backend })
      expect(cache.backend).toBe(backend)
      await cache.close()
    }
    const store = memory()
    expect(await createCache({ backend: store }).health()).toEqual(store.health())
  })

  test('obeys the shorter of two deadlines', async () => {
    const backend = resilient(chaosBackend(memory(), { hangRate: 1 }), { deadline: 5 })
    const cache = createCache({ backend, backendDeadline: '50ms' })
    const began = performance.now()
    await expect(cache.invalidate({ all: true })).rejects.toMatchObject({ code: 'TIMEOUT_ERROR' })
    expect(performance.now() - began).toBeLessThan(1000)
    await cache.close()
  })
})

describe('a write that was given up', () => {
  test('and lands after an invalidation is never served, nor is any replayed', async () => {
    const store = mockBackend()
    const { tags } = memory()
    const { site, backend } = siteOn({ ...store, tags })
    site.handler = ({ number }) => ({ body: `run ${number}` })
    backend.chaos.set({ hangRate: 1, only: ['set'] })
    await site.get('/a')
    await site.settled()
    await site.cache.invalidate({ url: '/a' })
    const writes = store.calls.filter(({ operation }) => operation === 'set').length
    backend.chaos.set({ hangRate: 0 })
    backend.chaos.release()
    while (store.calls.filter(({ operation }) => operation === 'set').length === writes)
      await new Promise((resume) => setImmediate(resume))
    expect(store.entries.size).toBe(1)
    expect((await site.get('/a')).body).toBe('run 2')
    await site.settled()
    expect(store.calls.filter(({ operation }) => operation === 'set')).toHaveLength(writes + 2)
  })
})
