import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { type RangeSelection, selectRange } from '../../src/semantics/range.ts'

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT'
const oneSecondLater = 'Sun, 06 Nov 1994 08:49:38 GMT'
const modifiedMs = Date.UTC(1994, 10, 6, 8, 49, 37)

const select = (range: string | readonly string[], size = 100, headers: FieldMap = {}): RangeSelection =>
  selectRange({ range }, { status: 200, headers }, size)

/** `first-last`, or the kind. */
const brief = (selection: RangeSelection): string =>
  selection.kind === 'part' ? `${selection.first}-${selection.last}` : selection.kind

describe('a byte range of 100 bytes (RFC 9110 §14.1.2)', () => {
  const many = '9'.repeat(400)
  test.each([
    ['bytes=0-0', '0-0'],
    ['bytes=0-99', '0-99'],
    ['bytes=0-', '0-99'],
    ['bytes=99-', '99-99'],
    ['bytes=10-19', '10-19'],
    ['bytes=10-1000', '10-99'],
    ['bytes=-1', '99-99'],
    ['bytes=-100', '0-99'],
    ['bytes=-101', '0-99'],
    ['BYTES=1-2', '1-2'],
    ['bytes= 1-2 ', '1-2'],
    [' bytes=1-2', '1-2'],
    ['bytes=1-2,', '1-2'],
    ['bytes=, ,1-2 ,', '1-2'],
    ['bytes=0001-0002', '1-2'],
    [`bytes=5-${many}`, '5-99'],
    [`bytes=-${many}`, '0-99'],
    [`bytes=${'0'.repeat(400)}5-6`, '5-6'],
    ['bytes=9-00000000000000000010', '9-10'],
  ])('%s is the part %s', (range, expected) => {
    const selection = select(range)
    expect(brief(selection)).toBe(expected)
    expect(selection).toHaveProperty('contentRange', `bytes ${expected}/100`)
  })

  test.each([
    'bytes=100-',
    'bytes=100-200',
    'bytes=-0',
    'bytes=-000',
    `bytes=${many}-`,
    `bytes=${many}-${many}`,
    'bytes=9007199254740993-9007199254740993',
  ])('%s is unsatisfiable', (range) => {
    expect(select(range)).toEqual({ kind: 'unsatisfiable', contentRange: 'bytes */100' })
  })

  test.each([
    ['several ranges', 'bytes=0-1,5-6'],
    ['several ranges, one of them invalid', 'bytes=0-1,x'],
    ['an end before the beginning', 'bytes=2-1'],
    ['an end before the beginning, both behind the content', 'bytes=300-200'],
    [
      'an end before the beginning by less than a double tells apart',
      'bytes=9007199254740993-9007199254740992',
    ],
    ['no positions', 'bytes=-'],
    ['no range', 'bytes='],
    ['no unit', '0-1'],
    ['another unit', 'items=0-1'],
    ['whitespace before =', 'bytes =0-1'],
    ['whitespace in the range', 'bytes=0 - 1'],
    ['a sign', 'bytes=+0-1'],
    ['a negative beginning', 'bytes=-1-2'],
    ['a fraction', 'bytes=0.5-1'],
    ['an exponent', 'bytes=1e1-'],
    ['hexadecimal', 'bytes=0x1-'],
    ['digits that are not ASCII', 'bytes=١-'],
    ['an empty value', ''],
    ['something behind the range', 'bytes=0-1;x'],
  ])('%s is ignored', (_title, range) => {
    expect(select(range)).toEqual({ kind: 'whole' })
  })

  test('several lines are ignored', () => {
    expect(brief(select(['bytes=0-1', 'bytes=2-3']))).toBe('whole')
  })

  test('no Range is the whole', () => {
    expect(selectRange({}, { status: 200, headers: {} }, 100)).toEqual({ kind: 'whole' })
  })
})

describe('empty content', () => {
  test.each([
    ['bytes=0-', 'unsatisfiable'],
    ['bytes=0-0', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=-1', 'whole'],
  ])('%s is %s', (range, kind) => {
    expect(select(range, 0).kind).toBe(kind)
  })
})

describe('what a range does not apply to', () => {
  test.each([201, 204, 206, 301, 304, 404, 500])('a stored %d', (status) => {
    expect(selectRange({ range: 'bytes=0-1' }, { status, headers: {} }, 100).kind).toBe('whole')
  })

  test.each(['none', 'None', 'bytes, none'])('Accept-Ranges: %s', (acceptRanges) => {
    expect(select('bytes=0-1', 100, { 'accept-ranges': acceptRanges }).kind).toBe('whole')
  })

  test.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY])('a size of %d', (size) => {
    expect(select('bytes=0-1', size).kind).toBe('whole')
  })

  test('Accept-Ranges: bytes changes nothing', () => {
    expect(brief(select('bytes=0-1', 100, { 'accept-ranges': 'bytes' }))).toBe('0-1')
  })
})

describe('If-Range (RFC 9110 §13.1.5)', () => {
  const strongDate = { 'last-modified': modified, date: oneSecondLater }
  test.each<[string, string | readonly string[], FieldMap, 'part' | 'whole']>([
    ['a strong tag that matches', '"a"', { etag: '"a"' }, 'part'],
    ['a tag with a comma', '"a,b"', { etag: '"a,b"' }, 'part'],
    ['whitespace around the tag', ' "a" ', { etag: '"a"' }, 'part'],
    ['another tag', '"b"', { etag: '"a"' }, 'whole'],
    ['a weak tag that is equal', 'W/"a"', { etag: 'W/"a"' }, 'whole'],
    ['a weak tag of a strong one', 'W/"a"', { etag: '"a"' }, 'whole'],
    ['a strong tag of a weak one', '"a"', { etag: 'W/"a"' }, 'whole'],
    ['a tag with a damaged weakness indicator', 'w/"a"', { etag: 'w/"a"' }, 'whole'],
    ['a list of tags', '"a", "b"', { etag: '"a"' }, 'whole'],
    ['the asterisk', '*', { etag: '"a"' }, 'whole'],
    ['a bare tag', 'a', { etag: 'a' }, 'whole'],
    ['a tag where none is stored', '"a"', {}, 'whole'],
    ['an empty value', '', { etag: '"a"' }, 'whole'],
    ['several lines', ['"a"', '"a"'], { etag: '"a"' }, 'whole'],
    ['a date that matches and is strong', modified, strongDate, 'part'],
    ['the same date in another format', 'Sun Nov  6 08:49:37 1994', strongDate, 'part'],
    ['a later date', oneSecondLater, strongDate, 'whole'],
    ['a date that is weak', modified, { 'last-modified': modified, date: modified }, 'whole'],
    ['a date beside a damaged Date', modified, { 'last-modified': modified, date: 'yesterday' }, 'whole'],
    ['a date where Date is missing', modified, { 'last-modified': modified }, 'whole'],
    ['a date where no Last-Modified is stored', modified, { date: oneSecondLater }, 'whole'],
    [
      'an invalid date equal to an invalid Last-Modified',
      'x',
      { 'last-modified': 'x', date: oneSecondLater },
      'whole',
    ],
  ])('%s', (_title, ifRange, headers, kind) => {
    const request = { range: 'bytes=0-1', 'if-range': ifRange }
    expect(selectRange(request, { status: 200, headers }, 100).kind).toBe(kind)
  })

  test.each([
    [999, 'whole'],
    [1000, 'part'],
  ])('a missing Date is the time of receipt, %d ms after the modification', (ms, kind) => {
    const stored = { status: 200, headers: { 'last-modified': modified }, responseTime: modifiedMs + ms }
    expect(selectRange({ range: 'bytes=0-1', 'if-range': modified }, stored, 100).kind).toBe(kind)
  })

  test('that does not match makes an unsatisfiable range the whole', () => {
    const request = { range: 'bytes=500-', 'if-range': '"b"' }
    expect(selectRange(request, { status: 200, headers: { etag: '"a"' } }, 100).kind).toBe('whole')
  })
})

describe('any input', () => {
  test('a part lies within the content and is what the numbers say', () => {
    const position = fc.option(fc.bigInt({ min: 0n, max: 2n ** 70n }), { nil: undefined })
    fc.assert(
      fc.property(position, position, fc.nat({ max: 1000 }), (first, last, size) => {
        fc.pre(first !== undefined || last !== undefined)
        const selection = select(`bytes=${first ?? ''}-${last ?? ''}`, size)
        const from = first ?? BigInt(size) - (last ?? 0n)
        const isValid = first === undefined || last === undefined || first <= last
        const isSatisfiable = first === undefined ? last !== 0n : first < BigInt(size)
        const expected = !isValid ? 'whole' : !isSatisfiable ? 'unsatisfiable' : size === 0 ? 'whole' : 'part'
        expect(selection.kind).toBe(expected)
        if (selection.kind !== 'part') return
        const to = first !== undefined && last !== undefined && last < BigInt(size) ? last : BigInt(size - 1)
        expect(selection.first).toBe(Number(from < 0n ? 0n : from))
        expect(selection.last).toBe(Number(to))
      }),
      { numRuns: 2000 },
    )
  })

  test('arbitrary text never throws and never leaves the content', () => {
    const digits = fc.constantFrom('0', '1', '9', '-', ',', ' ', '=', 'bytes', '"', '\t', 'é')
    const text = fc.array(digits, { maxLength: 12 }).map((parts) => `bytes=${parts.join('')}`)
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), fc.string(), fc.nat(50), (range, ifRange, size) => {
        const selection = selectRange({ range, 'if-range': ifRange }, { status: 200, headers: {} }, size)
        expect(selection).toEqual({ kind: 'whole' })
        const open = select(range, size)
        if (open.kind !== 'part') return
        expect(open.first).toBeGreaterThanOrEqual(0)
        expect(open.last).toBeLessThan(size)
        expect(open.first).toBeLessThanOrEqual(open.last)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['digits', `bytes=${'1'.repeat(65_536)}-`],
    ['zeros', `bytes=${'0'.repeat(65_536)}x`],
    ['hyphens', `bytes=${'-'.repeat(65_536)}`],
    ['ranges', `bytes=${'0-0,'.repeat(16_384)}`],
    ['whitespace', `bytes=${' '.repeat(65_536)}x`],
  ])('64 KB of %s take no time', (_title, range) => {
    const started = performance.now()
    expect(select(range).kind).not.toBe('part')
    expect(performance.now() - started).toBeLessThan(500)
  })
})
