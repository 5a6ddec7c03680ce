import v8 from 'node:v8'
import { CacheConfigError, memory } from '@stowage/core'
import { afterEach, describe, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.restoreAllMocks()
})

const fill = (store: ReturnType<typeof memory>, count: number, from = 0): void => {
  for (let i = from; i < from + count; i++) store.set(`key ${i}`, 'value', 60)
}

describe('evictTo', () => {
  test('leaves that share of the entries once the limit is met, the oldest going', () => {
    const store = memory({ maxEntries: 100, evictTo: 0.9 })
    fill(store, 100)
    expect(store.stats().entries).toBe(100)
    store.set('one more', 'value', 60)
    expect(store.stats().entries).toBe(90)
    expect(store.stats().evictions).toBe(11)
    expect([store.has('key 10'), store.has('key 11'), store.has('one more')]).toEqual([false, true, true])
  })

  test('and of the bytes', () => {
    const store = memory({ maxBytes: 1000, evictTo: 0.5, sizeOf: () => 10 })
    fill(store, 101)
    fill(store, 10, 101)
    expect(store.stats().bytes).toBeLessThanOrEqual(600)
  })

  test('costs one write no more than 16 entries beyond its own room', () => {
    const store = memory({ maxEntries: 10_000, evictTo: 0.5 })
    fill(store, 10_001)
    expect(store.stats().entries).toBe(10_000 - 16)
    fill(store, 400, 10_001)
    expect(store.stats().entries).toBeLessThanOrEqual(5000 + 100)
  })

  test('by default no more goes than a new entry needs', () => {
    const store = memory({ maxEntries: 10 })
    fill(store, 15)
    expect(store.stats()).toMatchObject({ entries: 10, evictions: 5 })
  })
})

describe('heapLimitRatio', () => {
  const heap = (used: number): void => {
    const real = v8.getHeapStatistics()
    vi.spyOn(v8, 'getHeapStatistics').mockReturnValue({ ...real, used_heap_size: used, heap_size_limit: 100 })
  }

  test('above it a tenth of the entries goes from the old end, a few with each write', () => {
    heap(50)
    const store = memory({ heapLimitRatio: 0.8 })
    fill(store, 1000)
    expect(store.stats().entries).toBe(1000)
    heap(90)
    fill(store, 128, 1000)
    expect(store.stats().entries).toBeLessThan(1000)
    expect([store.has('key 0'), store.has('key 1127')]).toEqual([false, true])
    heap(50)
    const { evictions } = store.stats()
    fill(store, 64, 2000)
    fill(store, 500, 3000)
    expect(store.stats().evictions - evictions).toBeLessThanOrEqual(130)
  })

  test('is measured once in 64 writes, and not at all where it is not asked for', () => {
    heap(50)
    fill(memory({ heapLimitRatio: 0.8 }), 640)
    expect(v8.getHeapStatistics).toHaveBeenCalledTimes(10)
    fill(memory(), 640)
    expect(v8.getHeapStatistics).toHaveBeenCalledTimes(10)
  })

  test('an entry that was just written is never the one to go', () => {
    heap(99)
    const store = memory({ heapLimitRatio: 0.5 })
    for (let i = 0; i < 300; i++) {
      store.set(`key ${i}`, 'value', 60)
      expect(store.get(`key ${i}`)).toBe('value')
    }
  })
})

test.each([
  { evictTo: 0 },
  { evictTo: 1.1 },
  { evictTo: Number.NaN },
  { heapLimitRatio: 0 },
  { heapLimitRatio: 1 },
])('%j is refused', (options) => {
  expect(() => memory(options)).toThrow(CacheConfigError)
})
