import { describe, expect, test } from 'vitest'
import { addVariant, encodeVariants, expiryOf, isVariantRecord, type VariantRecord } from '../src/variants.ts'

const empty: VariantRecord = { key: 'k', fields: ['accept'], variants: [] }

describe('a record of variants', () => {
  test('lists them with the oldest first, each once', () => {
    let { record } = addVariant(empty, 'a', 1000, 0)
    ;({ record } = addVariant(record, 'b', 3000, 0))
    ;({ record } = addVariant(record, 'a', 2000, 0))
    expect(record.variants).toEqual([
      ['b', 3000],
      ['a', 2000],
    ])
    expect(expiryOf(record)).toBe(3000)
  })

  test('forgets what has expired without dropping it: the backend has', () => {
    const { record } = addVariant(empty, 'a', 1000, 0)
    const added = addVariant(record, 'b', 3000, 1000)
    expect(added.record.variants).toEqual([['b', 3000]])
    expect(added.dropped).toEqual([])
  })

  test('keeps 64 and drops the oldest for one more', () => {
    let record = empty
    const dropped: string[] = []
    for (let i = 0; i < 70; i++) {
      const added = addVariant(record, String(i), 1000, 0)
      record = added.record
      dropped.push(...added.dropped)
      expect(record.variants.length).toBeLessThanOrEqual(64)
    }
    expect(dropped).toEqual(['0', '1', '2', '3', '4', '5'])
    expect(record.variants[0]?.[0]).toBe('6')
    expect(addVariant(record, '69', 2000, 0).dropped).toEqual([])
  })

  test('is told from an entry by how it begins', () => {
    expect(isVariantRecord(encodeVariants(empty))).toBe(true)
    for (const value of ['', 'v1', 'c1 00000000\n', 'v2 00000000\n'])
      expect(isVariantRecord(value)).toBe(false)
  })
})
