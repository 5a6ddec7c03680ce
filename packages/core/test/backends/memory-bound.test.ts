import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const used = (): number => {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
const MB = 2 ** 20
/** A string of its own in the heap, not a view of another. */
const body = (n: number): string => Buffer.alloc(1000, `${n} `).toString('latin1')

describe('memory: bounds under a flood of distinct keys', () => {
  test('bytes never exceed the limit, nor the heap what that justifies', () => {
    const limit = 16 * MB
    const before = used()
    const store = memory({ maxEntries: Number.POSITIVE_INFINITY, maxBytes: limit })
    let highest = 0
    for (let n = 0; n < 100_000; n++) {
      store.set(`GET https://example.com/items?page=${n}`, body(n), 60)
      highest = Math.max(highest, store.stats().bytes)
    }
    expect(highest).toBeLessThanOrEqual(limit)
    expect(highest).toBeGreaterThan(limit - 2000)
    expect(used() - before).toBeLessThan(1.5 * limit + 32 * MB)
    expect(store.stats().entries + store.stats().evictions).toBe(100_000)
    store.close()
  })

  test('without options entries are bounded, by number and by bytes', () => {
    const small = memory()
    for (let n = 0; n < 12_000; n++) small.set(`key:${n}`, 'value', 60)
    expect(small.stats().entries).toBe(10_000)
    const large = memory()
    for (let n = 0; n < 110; n++) large.set(`key:${n}`, 'x'.repeat(MB), 60)
    expect(large.stats().bytes).toBeLessThanOrEqual(100 * MB)
    expect(large.stats().entries).toBe(99)
    small.close()
    large.close()
  })

  test('what was cleared leaves nothing behind', () => {
    const store = memory()
    const before = used()
    for (let n = 0; n < 200_000; n++) {
      store.set(`a key of some length, so that it is seen in the heap: ${n}`, 'value', 60)
      if (n % 1000 === 999) store.clear()
    }
    expect(used() - before).toBeLessThan(4 * MB)
    store.close()
  })

  test('keys in use stay through the flood', () => {
    const store = memory({ maxEntries: 1000 })
    const hot = Array.from({ length: 50 }, (_, n) => `hot:${n}`)
    for (const key of hot) store.set(key, 'value', 60)
    for (let n = 0; n < 50_000; n++) {
      store.set(`cold:${n}`, 'value', 60)
      store.get(hot[n % 50] ?? '')
    }
    expect(store.stats()).toMatchObject({ hits: 50_000, misses: 0 })
    store.close()
  })

  test('setting and deleting the only entry costs no more after a million others', () => {
    const store = memory({ maxEntries: 200_000 })
    const turns = (): number => {
      const started = performance.now()
      for (let n = 0; n < 2000; n++) {
        store.set('only', 'value', 60)
        store.delete('only')
      }
      return performance.now() - started
    }
    turns()
    const before = turns()
    for (let n = 0; n < 200_000; n++) store.set(`key:${n}`, 'value', Number.POSITIVE_INFINITY)
    for (let n = 0; n < 200_000; n++) store.delete(`key:${n}`)
    expect(store.stats().entries).toBe(0)
    expect(turns()).toBeLessThan(before * 10 + 50)
    store.close()
  })
})
