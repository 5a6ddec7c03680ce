import { describe, expect, test } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

describe('memory: stats', () => {
  test('begin at zero, with the limits that hold without options', () => {
    expect(memory().stats().toJSON()).toEqual({
      backend: 'memory',
      hits: 0,
      misses: 0,
      sets: 0,
      deletes: 0,
      evictions: 0,
      expired: 0,
      errors: 0,
      entries: 0,
      bytes: 0,
      maxEntries: 10_000,
      maxBytes: 104_857_600,
      hitRate: 0,
      utilization: 0,
      entryUtilization: 0,
    })
  })

  test('tell what has expired and is still there from what has not', () => {
    let now = 0
    const store = memory({ clock: () => now, cleanupInterval: Number.POSITIVE_INFINITY })
    store.set('short', '1', 1)
    store.set('long', '2', 100)
    store.set('for ever', '3', Number.POSITIVE_INFINITY)
    const stats = store.stats()
    expect([stats.activeEntries, stats.expiredEntries]).toEqual([3, 0])
    now = 1000
    expect([stats.entries, stats.activeEntries, stats.expiredEntries]).toEqual([3, 2, 1])
    store.get('short')
    expect([stats.entries, stats.activeEntries, stats.expiredEntries]).toEqual([2, 2, 0])
    store.close()
  })

  test('two hits and a miss are a hit rate of two thirds', () => {
    const store = memory({ maxEntries: 4, maxBytes: 100 })
    store.set('key', 'seven b', 60)
    store.get('key')
    store.get('key')
    store.get('missing')
    store.delete('missing')
    const stats = store.stats()
    expect(stats.hitRate).toBeCloseTo(0.67, 2)
    expect(stats).toMatchObject({ hits: 2, misses: 1, sets: 1, deletes: 0, entries: 1, bytes: 10 })
    expect(stats.utilization).toBe(0.1)
    expect(stats.entryUtilization).toBe(0.25)
    store.delete('key')
    expect(store.stats()).toMatchObject({ deletes: 1, entries: 0 })
    store.close()
  })

  test('has() is neither hit nor miss; getMany and getWithTtl count each key', () => {
    const store = memory()
    store.set('key', 'value', 60)
    store.has('key')
    store.has('missing')
    expect(store.stats()).toMatchObject({ hits: 0, misses: 0 })
    store.getMany(['key', 'missing', 'other'])
    store.getWithTtl('key')
    expect(store.stats()).toMatchObject({ hits: 2, misses: 2 })
    store.close()
  })

  test('reset zeroes the counters and leaves the gauges', () => {
    const store = memory({ maxEntries: 1 })
    store.set('a', 'value', 60)
    store.set('b', 'value', 60)
    store.get('a')
    store.get('b')
    store.stats().reset()
    expect(store.stats().toJSON()).toMatchObject({
      hits: 0,
      misses: 0,
      sets: 0,
      evictions: 0,
      hitRate: 0,
      entries: 1,
      bytes: 6,
    })
    store.close()
  })

  test('are live; toJSON keeps a moment', () => {
    const store = memory()
    const stats = store.stats()
    const moment = stats.toJSON()
    store.get('missing')
    expect(stats.misses).toBe(1)
    expect(moment).toMatchObject({ misses: 0 })
  })

  test('are one line as text, without a limit that does not exist', () => {
    const store = memory()
    expect(String(store.stats())).toBe('memory: 0 entries, 0 bytes of 104857600, hit rate 0.0 %')
    const unbounded = memory({ maxBytes: Number.POSITIVE_INFINITY })
    unbounded.set('key', 'value', 60)
    unbounded.get('key')
    unbounded.get('missing')
    expect(String(unbounded.stats())).toBe('memory: 1 entries, 8 bytes, hit rate 50.0 %')
    expect(unbounded.stats().utilization).toBe(0)
    unbounded.close()
  })

  test('serialise as JSON', () => {
    expect(JSON.parse(JSON.stringify(memory().stats()))).toMatchObject({
      backend: 'memory',
      maxEntries: 10_000,
    })
  })
})
