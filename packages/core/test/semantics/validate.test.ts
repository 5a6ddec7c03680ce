import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import {
  clientConditionHolds,
  hasConditions,
  hasOriginPreconditions,
  hasValidator,
  parseEntityTags,
  strongMatch,
  validationHeaders,
  weakMatch,
} from '../../src/semantics/validate.ts'

const earlier = 'Sun, 06 Nov 1994 08:49:36 GMT'
const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const later = 'Sun, 06 Nov 1994 08:49:38 GMT'
const dateMs = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('comparing entity tags (RFC 9110 §8.8.3.2)', () => {
  test.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"2"', false, false],
    ['"a"', '"A"', false, false],
    ['""', '""', true, true],
    ['W/""', '""', false, true],
    ['bare', 'bare', true, true],
    ['bare', '"bare"', false, false],
    ['W/bare', 'bare', false, false],
    ['W/bare', 'W/bare', false, true],
    ['w/"1"', 'w/"1"', false, true],
    ['w/"1"', '"1"', false, false],
    ['', '', false, false],
  ])('%s and %s: strong %s, weak %s', (a, b, strong, weak) => {
    expect(strongMatch(a, b)).toBe(strong)
    expect(strongMatch(b, a)).toBe(strong)
    expect(weakMatch(a, b)).toBe(weak)
    expect(weakMatch(b, a)).toBe(weak)
  })
})

describe('a list of entity tags (RFC 9110 §13.1.2)', () => {
  test.each<[string, readonly string[] | '*']>([
    ['', []],
    [' , ,', []],
    ['"a"', ['"a"']],
    ['"a","b"', ['"a"', '"b"']],
    [' "a" , W/"b" ,', ['"a"', 'W/"b"']],
    ['"a" "b"', ['"a"', '"b"']],
    ['""', ['""']],
    ['"a,b", "c"', ['"a,b"', '"c"']],
    ['W/"a,b",c', ['W/"a,b"', 'c']],
    ['"a\\", "b"', ['"a\\"', '"b"']],
    ['"é"', ['"é"']],
    ['abc', ['abc']],
    ['abc, d e ,f', ['abc', 'd e', 'f']],
    ['w/"a"', ['w/"a"']],
    ['W/', ['W/']],
    ['"a', ['"a']],
    ['"a, b', ['"a', 'b']],
    ['"a"b, "c"', ['"a"b', '"c"']],
    ['*', '*'],
    [' * ', '*'],
    ['*, "a"', ['*', '"a"']],
    ['**', ['**']],
    ['\u00a0*', ['\u00a0*']],
  ])('%s', (value, expected) => {
    expect(parseEntityTags(value)).toEqual(expected)
  })

  test('finds every tag that was written, whatever it holds', () => {
    const opaque = fc.string({ unit: 'grapheme-ascii' }).map((text) => text.replace(/[" ]/g, ''))
    const tag = fc.tuple(fc.constantFrom('', 'W/'), opaque).map(([weak, text]) => `${weak}"${text}"`)
    fc.assert(
      fc.property(fc.array(tag), fc.constantFrom(',', ', ', ' , ,'), (tags, separator) => {
        expect(parseEntityTags(tags.join(separator))).toEqual(tags)
      }),
    )
  })

  test.each([
    ['quotes', '"'.repeat(65_535)],
    ['open tags', '"a,'.repeat(21_845)],
    ['damaged tags', '"a"b,'.repeat(13_107)],
    ['weak marks', 'W/'.repeat(32_768)],
    ['weak open tags', 'W/"a '.repeat(13_107)],
    ['commas', ','.repeat(65_536)],
    ['whitespace', `a${' '.repeat(65_536)}b`],
    ['tags', '"a",'.repeat(16_384)],
  ])('64 KB of %s take no time', (_title, value) => {
    const started = performance.now()
    expect(parseEntityTags(value)).not.toBe('*')
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('the condition of a client (RFC 9111 §4.3.2)', () => {
  const holds = (request: FieldMap, headers: FieldMap, status = 200, responseTime = dateMs): boolean =>
    clientConditionHolds(request, { status, headers, responseTime })

  test.each<[string, string | readonly string[], FieldMap, boolean]>([
    ['a tag that matches', '"a"', { etag: '"a"' }, true],
    ['a weak tag of a strong one', 'W/"a"', { etag: '"a"' }, true],
    ['a strong tag of a weak one', '"a"', { etag: 'W/"a"' }, true],
    ['one of a list', '"x", "a"', { etag: '"a"' }, true],
    ['one of several lines', ['"x"', '"a"'], { etag: '"a"' }, true],
    ['another tag', '"b"', { etag: '"a"' }, false],
    ['a part of a tag with a comma', '"b"', { etag: '"a,"b""' }, false],
    ['a tag in another case', '"A"', { etag: '"a"' }, false],
    ['a tag where none is stored', '"a"', {}, false],
    ['an empty list', '', { etag: '"a"' }, false],
    ['an empty tag where an empty ETag is stored', '""', { etag: '' }, false],
    ['a tag where two are stored', '"a"', { etag: ['"a"', '"b"'] }, false],
    ['a bare tag', 'a', { etag: 'a' }, true],
    ['a bare tag of a quoted one', 'a', { etag: '"a"' }, false],
    ['the asterisk', '*', {}, true],
    ['the asterisk among others', '*, "b"', { etag: '"a"' }, false],
    ['the asterisk in quotes', '"*"', { etag: '"a"' }, false],
    ['any tag where the stored one is an asterisk', '"a"', { etag: '*' }, false],
  ])('If-None-Match: %s', (_title, noneMatch, headers, expected) => {
    expect(holds({ 'if-none-match': noneMatch }, headers)).toBe(expected)
  })

  test.each<[string, string | readonly string[], FieldMap, boolean]>([
    ['the date of the modification', date, { 'last-modified': date }, true],
    ['a later date', later, { 'last-modified': date }, true],
    ['an earlier date', earlier, { 'last-modified': date }, false],
    ['the date in the format of RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', { 'last-modified': date }, true],
    ['the date in the format of asctime', 'Sun Nov  6 08:49:37 1994', { 'last-modified': date }, true],
    ['a date, and Last-Modified counts before Date', date, { 'last-modified': date, date: later }, true],
    ['a date, and Date stands in for Last-Modified', date, { date }, true],
    ['a date before the Date that stands in', earlier, { date }, false],
    [
      'a date, and Date stands in for a damaged Last-Modified',
      date,
      { 'last-modified': 'x', date: later },
      false,
    ],
    ['a date, and the time of receipt stands in for Date', date, {}, true],
    ['a date before the time of receipt that stands in', earlier, {}, false],
    ['no date', 'yesterday', { 'last-modified': date }, false],
    ['an ISO date', '2094-11-06T08:49:37Z', { 'last-modified': date }, false],
    ['a number', '9999999999', { 'last-modified': date }, false],
    ['nothing', '', { 'last-modified': date }, false],
    ['two dates', `${later}, ${later}`, { 'last-modified': date }, false],
    ['two lines', [later, later], { 'last-modified': date }, false],
  ])('If-Modified-Since: %s', (_title, since, headers, expected) => {
    expect(holds({ 'if-modified-since': since }, headers)).toBe(expected)
  })

  test.each<[string, FieldMap, boolean]>([
    ['that does not match', { 'if-none-match': '"b"', 'if-modified-since': later }, false],
    ['that matches', { 'if-none-match': '"a"', 'if-modified-since': earlier }, true],
    ['that is empty', { 'if-none-match': '', 'if-modified-since': later }, false],
  ])('If-None-Match %s counts before If-Modified-Since', (_title, request, expected) => {
    expect(holds(request, { etag: '"a"', 'last-modified': date })).toBe(expected)
  })

  test.each([203, 204, 206, 301, 304, 404, 500])('a stored %d is sent whatever the condition', (status) => {
    expect(
      holds({ 'if-none-match': '*', 'if-modified-since': later }, { 'last-modified': date }, status),
    ).toBe(false)
  })

  test('conditions for the origin alone do not count', () => {
    const request = { 'if-match': '"b"', 'if-unmodified-since': earlier }
    expect(holds(request, { etag: '"a"', 'last-modified': date })).toBe(false)
  })

  test('any input is answered and never throws', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(date, '*', '"a"', 'W/"a"', ''))
    fc.assert(
      fc.property(text, text, text, text, (noneMatch, since, etag, modified) => {
        const request = { 'if-none-match': noneMatch, 'if-modified-since': since }
        const isEqual = holds(request, { etag, 'last-modified': modified })
        if (!/["*]/.test(noneMatch) && noneMatch.trim() !== etag.trim() && !/[\s,]/.test(noneMatch))
          expect(isEqual).toBe(false)
      }),
    )
  })
})

test.each<[FieldMap, boolean, boolean]>([
  [{}, false, false],
  [{ 'if-none-match': '' }, true, false],
  [{ 'if-none-match': undefined }, false, false],
  [{ 'if-modified-since': 'x' }, true, false],
  [{ 'if-match': '*' }, false, true],
  [{ 'if-unmodified-since': date }, false, true],
  [{ 'if-range': '"a"' }, false, false],
])('of %j, for the cache: %s, for the origin: %s', (request, forCache, forOrigin) => {
  expect(hasConditions(request)).toBe(forCache)
  expect(hasOriginPreconditions(request)).toBe(forOrigin)
})

describe('the conditions of a validation (RFC 9111 §4.3.1)', () => {
  test.each<[FieldMap, FieldMap]>([
    [{}, {}],
    [{ etag: '"a"' }, { 'if-none-match': '"a"' }],
    [{ etag: 'W/"a,b"' }, { 'if-none-match': 'W/"a,b"' }],
    [{ etag: 'bare' }, { 'if-none-match': 'bare' }],
    [{ 'last-modified': date }, { 'if-modified-since': date }],
    [
      { etag: '"a"', 'last-modified': date },
      { 'if-none-match': '"a"', 'if-modified-since': date },
    ],
    [{ etag: '*' }, {}],
    [{ etag: '' }, {}],
    [{ etag: '"a", "b"' }, {}],
    [{ etag: 'a,b' }, {}],
    [{ etag: ['"a"', '"b"'] }, {}],
    [{ 'last-modified': 'yesterday' }, {}],
    [{ 'last-modified': [date, date] }, {}],
  ])('of %j are %j', (stored, expected) => {
    expect(validationHeaders(stored)).toEqual(expected)
    expect(hasValidator(stored)).toBe(Object.keys(expected).length > 0)
  })
})
