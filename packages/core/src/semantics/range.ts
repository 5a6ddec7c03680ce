import type { FieldMap } from '../message.ts'
import { parseHttpDate } from './date.ts'
import { hasField, listMembers } from './fields.ts'
import { dateIn, entityTag, isStrongLastModified, onlyLine, strongMatch } from './validate.ts'
import { trimOws } from './whitespace.ts'

/**
 * What a range request is answered with: the whole representation, one part of it, or 416. Positions are in bytes,
 * the last one included; `contentRange` is the value of Content-Range.
 *
 * @example
 * const selection: RangeSelection = { kind: 'part', first: 0, last: 9, contentRange: 'bytes 0-9/100' }
 */
export type RangeSelection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number; readonly contentRange: string }
  | { readonly kind: 'unsatisfiable'; readonly contentRange: string }

/** Positions as decimal digits without leading zeros: any number of them, so as numbers they may not be exact. */
interface ByteRange {
  readonly first: string | undefined
  readonly last: string | undefined
}

const whole: RangeSelection = { kind: 'whole' }

const unsatisfiable = (size: number): RangeSelection => ({
  kind: 'unsatisfiable',
  contentRange: `bytes */${size}`,
})

const part = (first: number, last: number, size: number): RangeSelection => ({
  kind: 'part',
  first,
  last,
  contentRange: `bytes ${first}-${last}/${size}`,
})

const rangeSpec = /^([0-9]*)-([0-9]*)$/

const significant = (digits: string): string => digits.replace(/^0+(?=[0-9])/, '')

const isGreater = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)

/** The only range of a byte-range set; undefined for several, and for what is invalid (RFC 9110 §14.1.1, §14.1.2). */
const parseRange = (value: string): ByteRange | undefined => {
  const equals = value.indexOf('=')
  if (equals < 0 || value.slice(0, equals).toLowerCase() !== 'bytes') return undefined
  const specs = value
    .slice(equals + 1)
    .split(',')
    .map((spec) => trimOws(spec))
    .filter((spec) => spec !== '')
  const [, first = '', last = ''] = (specs.length === 1 && rangeSpec.exec(specs[0] ?? '')) || []
  if (first === '' && last === '') return undefined
  const range = {
    first: first === '' ? undefined : significant(first),
    last: last === '' ? undefined : significant(last),
  }
  // §14.1.1: an int-range that ends before it begins is invalid.
  const isBackwards =
    range.first !== undefined && range.last !== undefined && isGreater(range.first, range.last)
  return isBackwards ? undefined : range
}

/** The bytes that a valid range selects (RFC 9110 §14.1.2). */
const satisfy = (range: ByteRange, size: number): RangeSelection => {
  // Rounding keeps the order, and what is not exact as a number lies behind the end of any content.
  if (range.first !== undefined) {
    const first = Number(range.first)
    if (first >= size) return unsatisfiable(size)
    return part(first, range.last === undefined ? size - 1 : Math.min(Number(range.last), size - 1), size)
  }
  const length = Number(range.last ?? '0')
  if (length === 0) return unsatisfiable(size)
  // A suffix of nothing is satisfiable, but no Content-Range can say so: the whole of it is sent.
  return size === 0 ? whole : part(Math.max(0, size - length), size - 1, size)
}

interface Ranged {
  readonly status: number
  readonly headers: FieldMap
  readonly responseTime?: number
}

/** Whether If-Range lets the range apply; it compares for exact equality and trusts strong validators only (RFC 9110 §13.1.5). */
const ifRangeHolds = (requestHeaders: FieldMap, stored: Ranged): boolean => {
  if (!hasField(requestHeaders, 'if-range')) return true
  const line = onlyLine(requestHeaders, 'if-range')
  if (line === undefined) return false
  const condition = trimOws(line)
  if (condition.slice(0, 3).includes('"')) {
    const tag = entityTag(stored.headers)
    return tag !== undefined && strongMatch(condition, tag)
  }
  const date = parseHttpDate(condition)
  return (
    date !== undefined &&
    date === dateIn(stored.headers, 'last-modified') &&
    isStrongLastModified(stored.headers, stored.responseTime)
  )
}

/**
 * Which part of a stored response a GET request with Range is answered with (RFC 9110 §14.2). `size` is the length of
 * the stored content in bytes. A set of several ranges is answered with the whole, as §14.2 allows.
 *
 * @example
 * selectRange({ range: 'bytes=0-9' }, { status: 200, headers: {} }, 100)
 * // { kind: 'part', first: 0, last: 9, contentRange: 'bytes 0-9/100' }
 */
export const selectRange = (requestHeaders: FieldMap, stored: Ranged, size: number): RangeSelection => {
  const line = onlyLine(requestHeaders, 'range')
  // §14.2: a Range counts only where the answer without it would be 200.
  if (line === undefined || stored.status !== 200 || !Number.isSafeInteger(size) || size < 0) return whole
  // §14.3: the origin does not support ranges here.
  if (listMembers(stored.headers, 'accept-ranges').includes('none')) return whole
  const range = parseRange(trimOws(line))
  if (range === undefined || !ifRangeHolds(requestHeaders, stored)) return whole
  return satisfy(range, size)
}
