import { type CacheBackend, createCache, memory, type ResponseCache, tiered } from '@stowage/core'
import { asyncBackend, chaosBackend, fakeClock } from '@stowage/core/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { forwardOf, requestOf, servedOf } from '../cache/site.ts'
import { sharedStore } from './shared-store.ts'

const caches: ResponseCache[] = []
afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close()
})

const open = (backend: CacheBackend): ResponseCache => {
  const cache = createCache({
    backend,
    ttl: 60,
    clock: fakeClock(),
    tags: ['every'],
    backendDeadline: '30ms',
  })
  cache.on('error', () => undefined)
  caches.push(cache)
  return cache
}

/** What a visit is answered with, and whether from the cache at once. */
const visit = async (cache: ResponseCache, path: string, body = 'made anew') => {
  const decision = await cache.lookup(requestOf(path))
  if (decision.action === 'reuse') return `hit ${servedOf(decision.response).body}`
  const forward = forwardOf(decision)
  const verdict = forward.respond({ status: 200, headers: {} })
  if (verdict.record) forward.write(Buffer.from(body))
  await forward.end()
  return body
}

const hitAtOnce = (cache: ResponseCache, path: string): string | null | undefined => {
  const decision = cache.lookup(requestOf(path))
  return 'then' in decision || decision.action !== 'reuse' ? undefined : servedOf(decision.response).body
}

describe.each([
  ['fails', { failRate: 1 }],
  ['hangs', { hangRate: 1 }],
  ['takes too long', { latency: 200 }],
] as const)('a last tier that %s', (_name, faults) => {
  const scene = async () => {
    const store = memory()
    const chaos = chaosBackend(asyncBackend(store))
    const cache = open(tiered(memory(), chaos))
    expect(await visit(cache, '/a', 'first')).toBe('first')
    expect(hitAtOnce(cache, '/a')).toBe('first')
    chaos.chaos.set(faults)
    const end = (): void => {
      chaos.chaos.set({ failRate: 0, hangRate: 0, latency: 0 })
      chaos.chaos.release()
    }
    return { store, chaos, cache, end }
  }

  test('leaves the hits of the first as they are, and fails no miss', async () => {
    const { cache, end } = await scene()
    for (let i = 0; i < 10; i++) {
      expect(hitAtOnce(cache, '/a')).toBe('first')
      expect(await visit(cache, `/new/${i}`, 'second')).toBe('second')
      expect(hitAtOnce(cache, `/new/${i}`)).toBe('second')
    }
    end()
  })

  test('takes no invalidation, which holds here all the same, then and when it is back', async () => {
    const { cache, store, end } = await scene()
    await visit(cache, '/b', 'first')
    await expect(cache.invalidate({ url: '/a' })).rejects.toMatchObject({ name: 'CacheBackendError' })
    expect(await visit(cache, '/a', 'second')).toBe('second')
    expect(hitAtOnce(cache, '/a')).toBe('second')
    await expect(cache.invalidate({ url: '/a' })).rejects.toMatchObject({ name: 'CacheBackendError' })
    expect(await visit(cache, '/a', 'third')).toBe('third')
    end()
    // Made up for, so that nobody else has it either.
    await expect.poll(() => store.tags.head().seq, { timeout: 5000 }).toBeGreaterThan(0)
    await expect.poll(() => visit(cache, '/a', 'fourth'), { timeout: 5000 }).not.toBe('hit third')
    expect(await visit(cache, '/a')).toBe('hit fourth')
    await expect.poll(() => cache.invalidate({ url: '/a' }).then(() => 'taken', String)).toBe('taken')
    expect(await visit(cache, '/a', 'fifth')).toBe('fifth')
  })
})

describe('a last tier', () => {
  test('that was never there leaves the first to itself, and is used when it comes', async () => {
    const store = memory()
    const chaos = chaosBackend(asyncBackend(store), { failRate: 1 })
    const cache = open(tiered(memory(), chaos))
    expect(await visit(cache, '/a', 'first')).toBe('first')
    expect(await visit(cache, '/a')).toBe('hit first')
    await expect(cache.invalidate({ all: true })).rejects.toThrow()
    expect(await visit(cache, '/a', 'second')).toBe('second')
    chaos.chaos.set({ failRate: 0 })
    const stored = () => visit(cache, '/a', 'third').then(() => store.stats().entries)
    await expect.poll(stored, { timeout: 5000 }).toBe(1)
  })

  test('that answers with garbage is a miss, and leaves the hits of the first as they are', async () => {
    const chaos = chaosBackend(asyncBackend(memory()))
    const [one, two] = [open(tiered(memory(), chaos)), open(tiered(memory(), asyncBackend(chaos)))]
    await visit(one, '/a', 'first')
    chaos.chaos.set({ corruptRate: 1, only: ['get', 'getWithTtl'] })
    expect(hitAtOnce(one, '/a')).toBe('first')
    expect(await visit(two, '/a', 'second')).toBe('second')
    expect(await visit(two, '/a', 'third')).toBe('third')
    chaos.chaos.set({ corruptRate: 0 })
    await visit(two, '/a', 'fourth')
    expect(await visit(two, '/a')).toMatch(/^hit/)
  })

  test('that comes back empty has another epoch: nothing of before is used', async () => {
    const shared = sharedStore()
    const cache = open(tiered(memory(), shared.backend(), { bus: false }))
    await visit(cache, '/a', 'first')
    shared.lose()
    await expect.poll(() => visit(cache, '/a', 'second'), { timeout: 5000, interval: 20 }).toBe('second')
    expect(await visit(cache, '/a')).toBe('hit second')
  })

  test('that fails is told of by events, each with its code', async () => {
    const chaos = chaosBackend(asyncBackend(memory()))
    const cache = open(tiered(memory(), chaos))
    const codes = new Set<string>()
    cache.on('error', ({ code }) => codes.add(code))
    await visit(cache, '/a')
    chaos.chaos.set({ failRate: 1 })
    await visit(cache, '/b')
    await cache.invalidate({ all: true }).catch(() => undefined)
    expect([...codes].sort()).toEqual(['BACKEND_INVALIDATE', 'BACKEND_READ', 'BACKEND_WRITE'])
    for (let i = 0; i < 5; i++) await visit(cache, `/${i}`)
    expect(codes).toContain('BACKEND_CIRCUIT')
  })
})
