import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseByteSize, parseDuration } from '../src/durations.ts'

describe('parseDuration', () => {
  test.each<[unknown, number]>([
    [0, 0],
    [-0, 0],
    [60, 60_000],
    [0.5, 500],
    ['0s', 0],
    ['500ms', 500],
    ['1s', 1000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['007s', 7000],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('%j is %d ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  test.each<[unknown]>([
    [-1],
    [Number.NaN],
    [Number.NEGATIVE_INFINITY],
    ['60'],
    [''],
    ['s'],
    ['5 m'],
    [' 5m'],
    ['5m '],
    ['5m\n'],
    ['5M'],
    ['-5m'],
    ['+5m'],
    ['.5h'],
    ['5.h'],
    ['1.2.3s'],
    ['1e3s'],
    ['0x10s'],
    ['Infinitys'],
    ['5min'],
    ['5y'],
    ['5mb'],
    ['٥m'],
    [`${'9'.repeat(400)}s`],
    [null],
    [undefined],
    [true],
    [5n],
    [['5m']],
    [{ valueOf: () => 5 }],
  ])('%s is no duration', (value) => {
    expect(parseDuration(value)).toBeUndefined()
  })

  test('never throws and is undefined or at least 0, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.double(), fc.string()), (value) => {
        const ms = parseDuration(value)
        expect(ms === undefined || ms >= 0).toBe(true)
      }),
    )
  })

  test('a number and the same number with unit s agree', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 999 }), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, '0')}` as const
        expect(parseDuration(`${text}s`)).toBeCloseTo(parseDuration(Number(text)) ?? Number.NaN, 3)
      }),
    )
  })

  test('64 KB of digits are refused at once', () => {
    const started = performance.now()
    expect(parseDuration('1'.repeat(65_536))).toBeUndefined()
    expect(parseDuration(`${'1'.repeat(65_536)}.`)).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(20)
  })
})

describe('parseByteSize', () => {
  test.each<[unknown, number]>([
    [0, 0],
    [1, 1],
    [1.4, 1],
    [1.5, 2],
    ['1kb', 1024],
    ['1KB', 1024],
    ['1.5Kb', 1536],
    ['100mb', 104_857_600],
    ['2gb', 2_147_483_648],
    ['0.0001kb', 0],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('%j is %d bytes', (value, bytes) => {
    expect(parseByteSize(value)).toBe(bytes)
  })

  test.each<[unknown]>([
    [-1],
    [Number.NaN],
    ['100'],
    ['100b'],
    ['1 mb'],
    ['mb'],
    ['-1mb'],
    ['1mib'],
    ['1e3kb'],
    ['5m'],
    [''],
    [null],
    [undefined],
    [1n],
    [{}],
  ])('%s is no size', (value) => {
    expect(parseByteSize(value)).toBeUndefined()
  })

  test('never throws; a size is whole and at least 0, or Infinity', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.double(), fc.string()), (value) => {
        const bytes = parseByteSize(value)
        const sound = bytes === undefined || bytes === Number.POSITIVE_INFINITY || Number.isInteger(bytes)
        expect(sound && (bytes ?? 0) >= 0).toBe(true)
      }),
    )
  })

  test('1024 of a unit are one of the next', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (count) => {
        expect(parseByteSize(`${count * 1024}kb`)).toBe(parseByteSize(`${count}mb`))
        expect(parseByteSize(`${count * 1024}mb`)).toBe(parseByteSize(`${count}gb`))
        expect(parseByteSize(count * 1024)).toBe(parseByteSize(`${count}kb`))
      }),
    )
  })
})
