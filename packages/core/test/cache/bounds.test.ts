import { type CacheOptions, createCache, type FieldMap, memory, type ResponseCache } from '@stowage/core'
import { describe, expect, test, vi } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { BoundedMap } from '../../src/bounded-map.ts'
import { muteWarnings } from '../warnings.ts'
import { forwardOf, requestOf, respond } from './site.ts'

muteWarnings()

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

/** A cache, and every Map that it keeps for as long as it lives. */
const watched = (
  options: CacheOptions,
): { readonly cache: ResponseCache; readonly maps: readonly Map<unknown, unknown>[] } => {
  const maps: Map<unknown, unknown>[] = []
  const Original = globalThis.Map
  class Watched<K, V> extends Original<K, V> {
    constructor(entries?: Iterable<readonly [K, V]> | null) {
      super(entries)
      maps.push(this)
    }
  }
  vi.stubGlobal('Map', Watched)
  try {
    return { cache: createCache(options), maps }
  } finally {
    vi.unstubAllGlobals()
  }
}

const sizes = (maps: readonly Map<unknown, unknown>[]): number[] => maps.map(({ size }) => size)

/** A flood of what clients can multiply: keys, values of a field, tags, routes, aborts, refusals. */
const flood = async (cache: ResponseCache, count: number): Promise<void> => {
  const rules = cache.policy({ ttl: 60, key: { headers: ['x-tenant'] } }, 'route')
  const ask = async (url: string, headers: FieldMap = {}) => cache.lookup(requestOf(url, headers))
  const kinds: readonly ((i: number) => Promise<unknown>)[] = [
    async (i) => respond(forwardOf(await ask(`/key/${i}`)), { headers: fresh, route: `/route/${i}` }),
    async (i) =>
      respond(forwardOf(await ask('/vary', { 'x-a': `${i}` })), { headers: { ...fresh, vary: 'x-a' } }),
    async (i) => {
      const forward = forwardOf(await ask(`/tag/${i}`))
      forward.handler.tag(`t${i}`)
      await respond(forward, { headers: fresh })
      await cache.invalidate({ tags: [`t${i}`] }, { mode: i % 2 === 0 ? 'stale' : 'remove' })
      forwardOf(await ask(`/tag/${i}`)).abort()
    },
    async (i) => {
      const first = forwardOf(await ask(`/abort/${i}`))
      const second = ask(`/abort/${i}`)
      first.abort()
      forwardOf(await second).abort()
    },
    async (i) => {
      const forward = forwardOf(await ask(`/private/${i}`, { cookie: `sid=${i}` }))
      await cache.refine(forward, rules)
      await respond(forward, { headers: { 'cache-control': 'private' } })
    },
  ]
  for (let i = 0; i < count; i++) await kinds[i % kinds.length]?.(i)
}

describe('what clients can multiply', () => {
  const count = scaled(60_000, 1_000_000)

  test(
    `${count} keys, Vary values, tags, refusals and aborts leave nothing unbounded and nothing in flight`,
    async () => {
      const { cache, maps } = watched({ backend: memory({ maxEntries: 1000 }), etag: false })
      await flood(cache, count)
      // Stored responses that are decoded are bounded by bytes, 32 MiB of at least 1 KiB; all else by number.
      expect(Math.max(...sizes(maps))).toBeLessThanOrEqual(32_768)
      expect(sizes(maps).filter((size) => size > 10_000).length).toBeLessThanOrEqual(1)
      expect(Object.keys(cache.stats().byRoute).length).toBeLessThanOrEqual(1001)

      // Of two that are empty now, one holds what is in flight. The keys of these requests are remembered already.
      const ask = () =>
        Promise.all(Array.from({ length: 50 }, (_, i) => cache.lookup(requestOf(`/open/${i}`))))
      for (const decision of await ask()) forwardOf(decision).abort()
      const before = sizes(maps)
      const open = await ask()
      const during = sizes(maps)
      const inFlight = during.flatMap((size, index) => (size - (before[index] ?? 0) === 50 ? [index] : []))
      expect(inFlight).toHaveLength(1)
      expect(before[inFlight[0] ?? -1]).toBe(0)
      for (const decision of open) forwardOf(decision).abort()
      expect(maps[inFlight[0] ?? -1]?.size).toBe(0)
    },
    scaled(120_000, 1_200_000),
  )

  test('closing lets go of what was remembered of responses', async () => {
    const { cache, maps } = watched({ backend: memory(), etag: false })
    await flood(cache, 500)
    const filled = sizes(maps).reduce((sum, size) => sum + size, 0)
    await cache.close()
    expect(sizes(maps).reduce((sum, size) => sum + size, 0)).toBeLessThan(filled)
  })
})

describe('a bounded map', () => {
  test('forgets what was set longest ago', () => {
    const map = new BoundedMap<number>(3)
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 4],
      ['d', 5],
    ] as const)
      map.set(key, value)
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([3, undefined, 4, 5])
    map.delete('a')
    map.delete('a')
    expect(map.size).toBe(2)
    map.clear()
    expect(map.size).toBe(0)
  })

  test('holds no more than its bound, however much is set', () => {
    const map = new BoundedMap<number>(100)
    for (let i = 0; i < 100_000; i++) {
      map.set(String(i % 7 === 0 ? 0 : i), i)
      if (i % 1000 === 0) expect(map.size).toBeLessThanOrEqual(100)
    }
    expect(map.size).toBe(100)
    expect(map.get('0')).toBe(99_995)
  })
})
