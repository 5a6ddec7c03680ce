import { type CacheBackend, CacheBackendError, createCache, memory } from '@stowage/core'
import { asyncBackend, type ChaosBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Served, type Site } from './site.ts'

muteWarnings()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What `work` came to, and the milliseconds it took by the fake timers. */
const timed = async <T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> => {
  const began = performance.now()
  let ms = -1
  const ended = work.finally(() => {
    ms = performance.now() - began
  })
  ended.catch(() => undefined)
  while (ms < 0) await vi.advanceTimersByTimeAsync(1)
  return { value: await ended, ms }
}

interface Hanging {
  readonly site: Site
  readonly chaos: ChaosBackend['chaos']
  readonly codes: string[]
  get(url?: string): Promise<{ readonly value: Served; readonly ms: number }>
}

/** A site with an entry at `/a` on a backend whose operations hang from now on. */
const hanging = async (
  backend: CacheBackend,
  only: string[] | undefined,
  vary?: string,
): Promise<Hanging> => {
  const chaos = chaosBackend(asyncBackend(backend))
  const site = createSite({ ttl: 60, backend: chaos }, () => ({
    headers: vary === undefined ? {} : { vary },
    body: 'right',
  }))
  const codes: string[] = []
  site.cache.on('error', ({ code }) => codes.push(code))
  await site.get('/a')
  await site.settled()
  // So that the entry's validity has to be asked for again.
  await site.cache.invalidate({ tags: ['another'] })
  chaos.chaos.set({ hangRate: 1, ...(only === undefined ? {} : { only }) })
  return { site, chaos: chaos.chaos, codes, get: (url = '/a') => timed(site.get(url)) }
}

describe('an operation that hangs', () => {
  const rows: readonly [
    name: string,
    create: () => CacheBackend,
    only: string[] | undefined,
    vary: string | undefined,
  ][] = [
    ['get', () => memory(), ['get'], undefined],
    ['get of what varies', () => memory(), ['get'], 'x-a'],
    ['set', () => memory(), ['set'], undefined],
    ['set of what varies', () => memory(), ['set'], 'x-a'],
    ['tags.head', () => memory(), ['tags.head'], undefined],
    ['tags.head of what varies', () => memory(), ['tags.head'], 'x-a'],
    ['tags.read', () => memory(), ['tags.read'], undefined],
    ['everything', () => memory(), undefined, undefined],
    ['everything of what varies', () => memory(), undefined, 'x-a'],
    ['everything of a bare backend', () => mockBackend(), undefined, undefined],
  ]
  test.each(rows)(
    '%s: costs a request at most the deadline, and never its answer',
    async (_name, create, only, vary) => {
      const { get } = await hanging(create(), only, vary)
      for (const url of ['/a', '/b', '/a']) {
        const { value, ms } = await get(url)
        expect(value).toMatchObject({ status: 200, body: 'right' })
        expect(ms).toBeLessThanOrEqual(250)
      }
    },
  )

  test('the deadline is the one that was set', async () => {
    const backend = chaosBackend(memory(), { hangRate: 1 })
    const site = createSite({ ttl: 60, backend, backendDeadline: '40ms' })
    const { ms } = await timed(site.get('/a'))
    expect(ms).toBeGreaterThanOrEqual(40)
    expect(ms).toBeLessThanOrEqual(42)
  })

  test('is an event, as a timeout', async () => {
    const { site, codes, get } = await hanging(memory(), ['get'])
    const errors: unknown[] = []
    site.cache.on('error', ({ error }) => errors.push(error))
    await get()
    expect(codes).toEqual(['BACKEND_READ'])
    expect(errors[0]).toBeInstanceOf(CacheBackendError)
    expect(errors[0]).toMatchObject({ code: 'TIMEOUT_ERROR', operation: 'get' })
  })

  test('while the invalidation clock cannot be read, nothing is reused and nothing stored', async () => {
    for (const only of [['tags.head'], ['tags.read']]) {
      const { site, get } = await hanging(memory(), only)
      const { value } = await get()
      expect(value.how).toMatch(/fwd=/)
      expect(site.runs).toHaveLength(2)
    }
    const { value } = await (await hanging(memory(), ['tags.head'])).get('/new')
    expect(value.how).toBe('stowage; fwd=uri-miss; fwd-status=200; detail=backend')
  })

  test('is over when the backend answers again', async () => {
    for (const create of [() => memory(), () => mockBackend()]) {
      const { chaos, get } = await hanging(create(), undefined)
      await get()
      chaos.set({ hangRate: 0 })
      chaos.release()
      await vi.advanceTimersByTimeAsync(10)
      await get()
      const { value, ms } = await get()
      expect(value.how).toMatch(/hit/)
      expect(ms).toBeLessThanOrEqual(2)
    }
  })

  test('a bare backend that hangs from the start is used once it answers, though what hung never does', async () => {
    const backend = chaosBackend(mockBackend(), { hangRate: 1 })
    const site = createSite({ ttl: 60, backend })
    await timed(site.get('/a'))
    await vi.advanceTimersByTimeAsync(300)
    backend.chaos.set({ hangRate: 0 })
    await timed(site.get('/a'))
    expect((await timed(site.get('/a'))).value.how).toMatch(/hit/)
  })

  test('leaves no timer behind but that of the next probe, and none when the cache is closed', async () => {
    const { get, site } = await hanging(mockBackend(), undefined)
    for (let i = 0; i < 20; i++) await get(`/${i}`)
    await vi.advanceTimersByTimeAsync(1500)
    expect(vi.getTimerCount()).toBe(1)
    await timed(site.cache.close())
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('invalidate() while the store hangs', () => {
  test.each([
    ['a store that counts', () => memory()],
    ['a bare store', () => mockBackend()],
  ])('rejects within the deadline: %s', async (_name, create) => {
    const backend = chaosBackend(create(), { hangRate: 1 })
    const cache = createCache({ backend })
    const { value, ms } = await timed(cache.invalidate({ all: true }).catch((error: unknown) => error))
    expect(value).toBeInstanceOf(CacheBackendError)
    expect(value).toMatchObject({ code: 'TIMEOUT_ERROR', operation: 'invalidate' })
    expect(ms).toBeLessThanOrEqual(252)
    expect(cache.stats().errors).toBe(1)
  })

  test('on behalf of an unsafe request is given up with the deadline, and reported', async () => {
    const { site, codes } = await hanging(memory(), ['tags.bump'])
    const { value, ms } = await timed(site.get('/a', {}, { method: 'POST' }))
    expect(value.status).toBe(200)
    expect(ms).toBeLessThanOrEqual(252)
    expect(codes).toEqual(['BACKEND_INVALIDATE'])
  })
})
