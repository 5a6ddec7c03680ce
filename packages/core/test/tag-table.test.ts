import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTagTable } from '../src/tag-table.ts'

describe('tag table', () => {
  test('begins at 0 with an epoch of its own', () => {
    const { epoch, seq } = createTagTable().head()
    expect(seq).toBe(0)
    expect(epoch).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(createTagTable().head().epoch).not.toBe(epoch)
    expect(createTagTable({ epoch: 'fixed' }).head()).toEqual({ epoch: 'fixed', seq: 0 })
  })

  test('a bump is the count of every tag that it names', () => {
    const table = createTagTable()
    expect(table.bump(['a', 'b'])).toBe(1)
    expect(table.bump(['b', 'b'])).toBe(2)
    expect(table.bump([])).toBe(3)
    expect(table.head().seq).toBe(3)
    expect(table.read(['a', 'b', 'c'])).toEqual([1, 2, 0])
  })

  test('a head once read does not change with later bumps', () => {
    const table = createTagTable()
    const before = table.head()
    table.bump(['a'])
    expect(before.seq).toBe(0)
  })

  test('beyond the limit the tag bumped longest ago is forgotten, and what is forgotten reads as its count', () => {
    const table = createTagTable({ maxTags: 2 })
    table.bump(['a'])
    table.bump(['b'])
    table.bump(['a'])
    expect(table.read(['a', 'b', 'never'])).toEqual([3, 2, 0])
    table.bump(['c'])
    expect(table.read(['a', 'b', 'c', 'never'])).toEqual([3, 2, 4, 2])
  })

  test('one bump of more tags than the limit leaves an upper bound for all of them', () => {
    const table = createTagTable({ maxTags: 2 })
    table.bump(['a', 'b', 'c', 'd'])
    expect(table.read(['a', 'b', 'c', 'd', 'never'])).toEqual([1, 1, 1, 1, 1])
  })

  test.each([0, -1, Number.NaN])('a limit of %d still bounds the table', (maxTags) => {
    const table = createTagTable({ maxTags })
    table.bump(['a'])
    table.bump(['b'])
    expect(table.read(['a', 'b'])).toEqual([1, 2])
    table.bump(['c'])
    expect(table.read(['a', 'b', 'c', 'never'])).toEqual([2, 2, 3, 2])
  })

  test('against a table that never forgets: never below, and equal for the tags bumped last', () => {
    const tag = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '__proto__')
    const bumps = fc.array(fc.uniqueArray(tag, { maxLength: 5 }), { maxLength: 40 })
    fc.assert(
      fc.property(bumps, fc.integer({ min: 1, max: 10 }), (rounds, maxTags) => {
        const table = createTagTable({ maxTags })
        const truth = new Map<string, number>()
        for (const [index, tags] of rounds.entries()) {
          expect(table.bump(tags)).toBe(index + 1)
          for (const name of tags) {
            truth.delete(name)
            truth.set(name, index + 1)
          }
        }
        const names = [...truth.keys()]
        const remembered = new Set(names.slice(-maxTags))
        for (const [index, count] of table.read(names).entries()) {
          const name = names[index] ?? ''
          const exact = truth.get(name) ?? Number.NaN
          expect(count).toBeGreaterThanOrEqual(exact)
          expect(count).toBeLessThanOrEqual(rounds.length)
          if (remembered.has(name)) expect(count).toBe(exact)
        }
        const forgotten = names.slice(0, -maxTags).map((name) => truth.get(name) ?? 0)
        expect(table.read(['never bumped'])).toEqual([Math.max(0, ...forgotten)])
      }),
      { numRuns: 500 },
    )
  })

  test('forgetting a tag costs no more than remembering one', () => {
    const table = createTagTable()
    const bump = (from: number, to: number): number => {
      const started = performance.now()
      for (let n = from; n < to; n++) table.bump([`t:${n}`])
      return performance.now() - started
    }
    const remembering = bump(0, 100_000)
    const forgetting = bump(100_000, 150_000)
    expect(forgetting).toBeLessThan(remembering * 5 + 200)
    expect(table.read(['t:149999', 't:50000', 't:49999', 't:0'])).toEqual([150_000, 50_001, 50_000, 50_000])
  })
})
