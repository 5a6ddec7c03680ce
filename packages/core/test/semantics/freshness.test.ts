import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { responseDirectives } from '../../src/semantics/cache-control.ts'
import { formatHttpDate } from '../../src/semantics/date.ts'
import {
  correctedInitialAge,
  currentAge,
  explicitLifetime,
  hasInvalidAge,
  heuristicLifetime,
  isHeuristicallyCacheable,
} from '../../src/semantics/freshness.ts'

const second = 1000
const day = 86_400 * second
const now = Date.UTC(2024, 5, 15, 12)
const at = (seconds: number): string => formatHttpDate(now + seconds * second)

describe('explicit freshness (RFC 9111 §4.2.1)', () => {
  const expires: FieldMap = { date: at(0), expires: at(60) }
  const cases: readonly [title: string, headers: FieldMap, cacheControl: string, expected: unknown][] = [
    [
      's-maxage before all others',
      expires,
      's-maxage=10, max-age=20',
      { source: 's-maxage', ms: 10 * second },
    ],
    ['max-age before Expires', expires, 'max-age=20', { source: 'max-age', ms: 20 * second }],
    ['a damaged max-age leaves nothing', expires, 'max-age=abc', { source: 'max-age', ms: 0 }],
    ['Expires minus Date', { date: at(-30), expires: at(60) }, '', { source: 'expires', ms: 90 * second }],
    ['Expires without Date', { expires: at(60) }, '', { source: 'expires', ms: 60 * second }],
    [
      'Expires beside an invalid Date',
      { date: 'x', expires: at(60) },
      '',
      { source: 'expires', ms: 60 * second },
    ],
    [
      'Expires beside two Dates',
      { date: [at(-9), at(0)], expires: at(60) },
      '',
      { source: 'expires', ms: 60 * second },
    ],
    ['Expires before Date', { date: at(0), expires: at(-1) }, '', { source: 'expires', ms: 0 }],
    ['Expires: 0', { expires: '0' }, '', { source: 'expires', ms: 0 }],
    ['Expires: -1', { expires: '-1' }, '', { source: 'expires', ms: 0 }],
    ['an empty Expires', { expires: '' }, '', { source: 'expires', ms: 0 }],
    ['Expires in another zone', { expires: at(60).replace('GMT', 'EST') }, '', { source: 'expires', ms: 0 }],
    ['two equal lines', { expires: [at(60), at(60)] }, '', { source: 'expires', ms: 60 * second }],
    ['two differing lines', { expires: [at(60), at(90)] }, '', { source: 'expires', ms: 0 }],
    ['two dates in a line', { expires: `${at(60)}, ${at(60)}` }, '', { source: 'expires', ms: 0 }],
    ['Expires in lower case', { expires: at(60).toLowerCase() }, '', { source: 'expires', ms: 60 * second }],
    ['Expires in upper case', { expires: at(60).toUpperCase() }, '', { source: 'expires', ms: 60 * second }],
    ['Expires with whitespace', { expires: `\t${at(60)} ` }, '', { source: 'expires', ms: 60 * second }],
    [
      'an obsolete format',
      { expires: 'Saturday, 15-Jun-24 12:01:00 GMT' },
      '',
      { source: 'expires', ms: 60 * second },
    ],
    [
      'asctime in lower case',
      { expires: 'sat jun 15 12:01:00 2024' },
      '',
      { source: 'expires', ms: 60 * second },
    ],
    ['no explicit freshness', { date: at(0), 'last-modified': at(-60) }, 'public', undefined],
    ['an Expires without lines', { expires: [] }, '', undefined],
  ]
  test.each(cases)('%s', (_title, headers, cacheControl, expected) => {
    expect(explicitLifetime(headers, responseDirectives(cacheControl), now)).toEqual(expected)
  })
})

describe('heuristic freshness (RFC 9111 §4.2.2)', () => {
  const modified: FieldMap = { date: at(0), 'last-modified': at(-1000) }
  const cases: readonly [
    title: string,
    status: number,
    headers: FieldMap,
    cacheControl: string,
    share: number,
    ms: number | undefined,
  ][] = [
    ['a share of the time since Last-Modified', 200, modified, '', 0.1, 100 * second],
    ['the Date where it is older', 200, { ...modified, date: at(-500) }, '', 0.1, 50 * second],
    ['without Date', 404, { 'last-modified': at(-1000) }, '', 0.1, 100 * second],
    ['one day at most', 200, { 'last-modified': formatHttpDate(0) }, '', 0.1, day],
    ['the whole time at most', 200, modified, '', 5, 1000 * second],
    ['a share of 0', 200, modified, '', 0, 0],
    ['a share that is no number', 200, modified, '', Number.NaN, 0],
    ['Last-Modified in the future', 200, { 'last-modified': at(60) }, '', 0.1, 0],
    ['no Last-Modified', 200, {}, '', 0.1, undefined],
    ['an invalid Last-Modified', 200, { 'last-modified': 'yesterday' }, '', 0.1, undefined],
    ['two Last-Modified', 200, { 'last-modified': [at(-9), at(-99)] }, '', 0.1, undefined],
    ['a status that is not heuristically cacheable', 302, modified, '', 0.1, undefined],
    ['the same marked public', 302, modified, 'public', 0.1, 100 * second],
    ['the same with a damaged public', 302, modified, 'public=x', 0.1, undefined],
    ['beside max-age', 200, modified, 'max-age=0', 0.1, undefined],
    ['beside an invalid Expires', 200, { ...modified, expires: '0' }, '', 0.1, undefined],
  ]
  test.each(cases)('%s', (_title, status, headers, cacheControl, share, ms) => {
    expect(heuristicLifetime(status, headers, responseDirectives(cacheControl), share, now)).toBe(ms)
  })

  test('exactly the statuses of RFC 9110 §15.1 are heuristically cacheable', () => {
    const statuses = Array.from({ length: 500 }, (_, index) => index + 100)
    expect(statuses.filter(isHeuristicallyCacheable)).toEqual([
      200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
    ])
  })
})

describe('corrected initial age (RFC 9111 §4.2.3)', () => {
  const cases: readonly [title: string, headers: FieldMap, delay: number, ms: number][] = [
    ['nothing known', {}, 0, 0],
    ['the time that the handler took', {}, 250, 250],
    ['Age and the time that the handler took', { age: '10' }, 250, 10_250],
    ['a Date in the past', { date: at(-30) }, 250, 30_000],
    ['an Age above the apparent age', { date: at(-30), age: '60' }, 0, 60_000],
    ['a Date in the future', { date: at(3600) }, 0, 0],
    ['an invalid Date', { date: '0' }, 0, 0],
    ['a Date in lower case', { date: at(-30).toLowerCase() }, 0, 30_000],
    ['the first of several Age lines', { age: ['5', '500'] }, 0, 5000],
    ['an Age with whitespace', { age: ' 5\t' }, 0, 5000],
    ['an Age beyond 2^31', { age: '9'.repeat(400) }, 0, 2 ** 31 * second],
    ['a clock that stepped back meanwhile', { age: '5' }, -10_000, 5000],
  ]
  test.each(cases)('%s', (_title, headers, delay, ms) => {
    expect(correctedInitialAge(headers, now - delay, now)).toBe(ms)
  })

  test.each(['', '-1', '1.5', '+1', '1, 2', '1e3', '0x10', 'abc', '"5"', '\u0665', '5;', '\u00a05'])(
    'the invalid Age %j is told apart, and hides neither what the handler took nor the apparent age',
    (age) => {
      for (const field of [age, [age, '0']]) {
        expect(hasInvalidAge({ age: field })).toBe(true)
        expect(correctedInitialAge({ age: field }, now - 12 * second, now)).toBe(12 * second)
        expect(correctedInitialAge({ age: field, date: at(-30) }, now, now)).toBe(30 * second)
      }
    },
  )

  test('no Age and no Date makes it throw, negative or no number', () => {
    const line = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('5', '', at(-5), at(5)))
    const field = fc.oneof(line, fc.array(line))
    const times = fc.integer({ min: 0, max: 2 * now })
    fc.assert(
      fc.property(field, field, times, times, (age, date, requestTime, responseTime) => {
        expect(correctedInitialAge({ age, date }, requestTime, responseTime)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('current age (RFC 9111 §4.2.3)', () => {
  const cases: readonly [initial: number, responseTime: number, at: number, age: number][] = [
    [0, now, now, 0],
    [500, now, now + 1500, 2000],
    [500, now, now - 3_600_000, 500],
    [Number.POSITIVE_INFINITY, now, now - 1, Number.POSITIVE_INFINITY],
  ]
  test.each(cases)('initial age %d, received at %d, seen at %d: %d', (initial, responseTime, seenAt, age) => {
    expect(currentAge(initial, responseTime, seenAt)).toBe(age)
  })
})
