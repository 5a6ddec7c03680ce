import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

const fill = (store: ReturnType<typeof memory>, keys: string, value = 'v'): void => {
  for (const key of keys) store.set(key, value, Number.POSITIVE_INFINITY)
}
const present = (store: ReturnType<typeof memory>, keys: string): string =>
  [...keys].filter((key) => store.has(key)).join('')

describe('memory: eviction by entries', () => {
  test('the entry set longest ago makes room', () => {
    const store = memory({ maxEntries: 3 })
    fill(store, 'abcd')
    expect(present(store, 'abcd')).toBe('bcd')
    expect(store.stats()).toMatchObject({ entries: 3, evictions: 1 })
  })

  test('a read keeps an entry, has() and keys() do not', async () => {
    const store = memory({ maxEntries: 3 })
    fill(store, 'abc')
    store.get('a')
    store.has('b')
    for await (const key of store.keys()) expect(key).toHaveLength(1)
    fill(store, 'd')
    expect(present(store, 'abcd')).toBe('acd')
  })

  test.each<[string, (store: ReturnType<typeof memory>) => unknown]>([
    ['getMany', (store) => store.getMany(['a'])],
    ['getWithTtl', (store) => store.getWithTtl('a')],
    ['a set of the same key', (store) => store.set('a', 'new', 60)],
  ])('%s counts as a use', (_title, use) => {
    const store = memory({ maxEntries: 3 })
    fill(store, 'abc')
    use(store)
    fill(store, 'd')
    expect(present(store, 'abcd')).toBe('acd')
    store.close()
  })

  test('replacing a value evicts nobody', () => {
    const store = memory({ maxEntries: 2 })
    fill(store, 'abab')
    expect(store.stats()).toMatchObject({ entries: 2, sets: 4, evictions: 0 })
  })

  test('one entry is a limit like any other', () => {
    const store = memory({ maxEntries: 1 })
    fill(store, 'aab')
    expect(present(store, 'ab')).toBe('b')
    expect(store.stats().evictions).toBe(1)
  })
})

describe('memory: eviction by bytes', () => {
  test('bytes are what key and value take as UTF-8 or in the heap, whichever is more', () => {
    const store = memory()
    store.set('key', 'Ærø', 60)
    expect(store.stats().bytes).toBe(3 + 6)
    store.set('😀', '', 60)
    expect(store.stats().bytes).toBe(3 + 6 + 4)
    store.delete('key')
    expect(store.stats().bytes).toBe(4)
    store.clear()
    expect(store.stats().bytes).toBe(0)
    store.close()
  })

  test('as many go as are needed, the least recently used first', () => {
    const store = memory({ maxBytes: 40, maxEntryBytes: 40 })
    fill(store, 'abcd', 'nine char')
    expect(store.stats()).toMatchObject({ bytes: 40, evictions: 0 })
    store.get('a')
    store.set('e', 'fourteen chars', 60)
    expect(present(store, 'abcde')).toBe('ade')
    expect(store.stats()).toMatchObject({ bytes: 35, entries: 3, evictions: 2 })
    store.close()
  })

  test('a value that grows pushes out others, not itself', () => {
    const store = memory({ maxBytes: 40, maxEntryBytes: 40 })
    fill(store, 'abcd', 'nine char')
    store.set('a', 'x'.repeat(25), 60)
    expect(present(store, 'abcd')).toBe('ad')
    expect(store.stats()).toMatchObject({ bytes: 36, evictions: 2 })
    store.close()
  })

  test('sizeOf decides what an entry counts for', () => {
    const store = memory({ maxBytes: 10, maxEntryBytes: 10, sizeOf: (_key, value) => Number(value) })
    store.set('a', '4.2', 60)
    store.set('b', '0', 60)
    expect(store.stats().bytes).toBe(6)
    store.set('c', '5', 60)
    expect(present(store, 'abc')).toBe('bc')
    store.close()
  })
})

describe('memory: entries too large', () => {
  test('a value above maxEntryBytes is not stored, and what it would have replaced is gone', () => {
    const store = memory({ maxBytes: 1000, maxEntryBytes: 100 })
    store.set('key', 'x'.repeat(97), 60)
    expect(store.has('key')).toBe(true)
    store.set('key', 'x'.repeat(98), 60)
    expect(store.get('key')).toBeNull()
    expect(
      store.setMany(
        [
          ['key', 'x'.repeat(98)],
          ['k', 'x'],
        ],
        60,
      ),
    ).toBe(1)
    expect(store.stats()).toMatchObject({ entries: 1, sets: 2, evictions: 0 })
    store.close()
  })

  test('an entry may be a quarter of maxBytes unless told otherwise', () => {
    const store = memory({ maxBytes: 400 })
    store.set('a', 'x'.repeat(99), 60)
    store.set('b', 'x'.repeat(100), 60)
    expect(present(store, 'ab')).toBe('a')
    store.close()
  })

  test('sizeOf that answers Infinity stores nothing', () => {
    const store = memory({ sizeOf: () => Number.POSITIVE_INFINITY })
    store.set('a', 'x', 60)
    expect(store.stats()).toMatchObject({ entries: 0, errors: 0 })
  })

  test.each<[string, () => number]>([
    [
      'throws',
      () => {
        throw new Error('no size')
      },
    ],
    ['answers NaN', () => Number.NaN],
    ['answers a negative number', () => -1],
  ])('sizeOf that %s fails the set, and the old value is gone', (_title, measure) => {
    let sizeOf = (): number => 1
    const store = memory({ sizeOf: () => sizeOf() })
    store.set('key', 'old', 60)
    sizeOf = measure
    expect(() => store.set('key', 'new', 60)).toThrow(
      expect.objectContaining({
        code: 'BACKEND_ERROR',
        backend: 'memory',
        operation: 'set',
        cause: expect.any(Error),
      }),
    )
    expect(store.get('key')).toBeNull()
    expect(store.stats().errors).toBe(1)
    store.close()
  })
})

describe('memory: books', () => {
  test('after any operations the gauges are those of a plain list kept in order of use', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const operation = fc.oneof(
      fc.record({ op: fc.constant('set' as const), key, length: fc.nat(30) }),
      fc.record({ op: fc.constantFrom('get' as const, 'delete' as const), key, length: fc.constant(0) }),
    )
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (operations, maxEntries) => {
          const store = memory({ maxEntries, maxBytes: 60, maxEntryBytes: 25 })
          let model: { key: string; size: number }[] = []
          for (const { op, key: name, length } of operations) {
            const found = model.find((entry) => entry.key === name)
            model = model.filter((entry) => entry !== found)
            if (op === 'delete') store.delete(name)
            if (op === 'get') {
              expect(store.get(name) !== null).toBe(found !== undefined)
              if (found) model.push(found)
            }
            if (op === 'set') {
              store.set(name, 'x'.repeat(length), Number.POSITIVE_INFINITY)
              if (length + 1 <= 25) model.push({ key: name, size: length + 1 })
              const total = (): number => model.reduce((sum, entry) => sum + entry.size, 0)
              while (model.length > maxEntries || total() > 60) model.shift()
            }
            const { entries, bytes } = store.stats()
            expect([entries, bytes]).toEqual([
              model.length,
              model.reduce((sum, entry) => sum + entry.size, 0),
            ])
          }
          expect([...'abcdef'].filter((name) => store.has(name))).toEqual(
            model.map((entry) => entry.key).sort(),
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})
