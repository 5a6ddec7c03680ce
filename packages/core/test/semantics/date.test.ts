import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatHttpDate, parseHttpDate } from '../../src/semantics/date.ts'

const now = Date.UTC(2024, 5, 15, 12)

describe('the three formats of HTTP-date (RFC 9110 §5.6.7)', () => {
  const moment = Date.UTC(1994, 10, 6, 8, 49, 37)
  const cases: readonly [value: string, ms: number][] = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', moment],
    ['Sunday, 06-Nov-94 08:49:37 GMT', moment],
    ['Sun Nov  6 08:49:37 1994', moment],
    ['Sun Nov 06 08:49:37 1994', moment],
    ['Sun Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['Mon, 06 Nov 1994 08:49:37 GMT', moment],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Thu, 29 Feb 2024 23:59:59 GMT', Date.UTC(2024, 1, 29, 23, 59, 59)],
    ['Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['Sat, 01 Jan 0000 00:00:00 GMT', Date.parse('0000-01-01T00:00:00Z')],
    ['Mon, 01 Jan 0050 00:00:00 GMT', Date.parse('0050-01-01T00:00:00Z')],
  ]
  test.each(cases)('%s', (value, ms) => {
    expect(parseHttpDate(value, now)).toBe(ms)
  })
})

describe('two-digit years', () => {
  const cases: readonly [value: string, year: number][] = [
    ['Saturday, 15-Jun-24 12:00:00 GMT', 2024],
    ['Saturday, 15-Jun-74 12:00:00 GMT', 2074],
    ['Saturday, 15-Jun-74 12:00:01 GMT', 1974],
    ['Saturday, 15-Jun-75 12:00:00 GMT', 1975],
    ['Saturday, 15-Jun-99 12:00:00 GMT', 1999],
    ['Saturday, 15-Jun-00 12:00:00 GMT', 2000],
    ['Saturday, 29-Feb-00 12:00:00 GMT', 2000],
  ]
  test.each(cases)('%s is in %i, seen from June 2024', (value, year) => {
    expect(new Date(parseHttpDate(value, now) ?? Number.NaN).getUTCFullYear()).toBe(year)
  })

  test('a leap day must exist in the year that is meant', () => {
    expect(parseHttpDate('Thursday, 29-Feb-99 12:00:00 GMT', now)).toBeUndefined()
    expect(parseHttpDate('Thursday, 29-Feb-00 12:00:00 GMT', Date.UTC(1940, 0, 1))).toBeUndefined()
  })
})

describe('what is not an HTTP-date', () => {
  const valid = 'Sun, 06 Nov 1994 08:49:37 GMT'
  const damaged = [
    '',
    '0',
    '-1',
    'now',
    '1994-11-06T08:49:37Z',
    '784111777',
    ` ${valid}`,
    `${valid} `,
    `${valid}\n`,
    valid.toLowerCase(),
    valid.toUpperCase(),
    valid.replace('GMT', 'gmt'),
    valid.replace('GMT', 'UTC'),
    valid.replace('GMT', 'CET'),
    valid.replace('GMT', '+0000'),
    valid.replace(' GMT', ''),
    valid.replace('06', '6'),
    valid.replace('06', '00'),
    valid.replace('06', '31'),
    valid.replace('06', '32'),
    valid.replace('Nov', 'Noc'),
    valid.replace('Nov', '11'),
    valid.replace('1994', '94'),
    valid.replace('1994', '19940'),
    valid.replace('08:', '24:'),
    valid.replace(':49', ':60'),
    valid.replace(':37', ':61'),
    valid.replace('08:', '8:'),
    valid.replace('Sun', 'Sunday'),
    valid.replace('Sun', 'Sux'),
    valid.replace(', ', ','),
    valid.replace(' Nov', '  Nov'),
    `${valid}, ${valid}`,
    valid.replace('0', '\u0660'),
    'Thu, 29 Feb 2023 00:00:00 GMT',
    'Thu, 29 Feb 1900 00:00:00 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sunday, 06 Nov 94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov  6 08:49:37 1994 GMT',
    'Sun Nov  0 08:49:37 1994',
    'Sun Nov  6 08:49:37 94',
  ]
  test.each(damaged)('%j', (value) => {
    expect(parseHttpDate(value, now)).toBeUndefined()
  })

  test('no text makes it throw or answer anything but a finite time', () => {
    const near = fc.string({ unit: fc.constantFrom(...'SunNov, 0619:4GMT-\n'), maxLength: 40 })
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (value) => {
        expect(Number.isFinite(parseHttpDate(value, now) ?? 0)).toBe(true)
      }),
    )
  })

  test('64 KB are refused at once', () => {
    const start = performance.now()
    expect(parseHttpDate(`${valid}${' '.repeat(65_536)}`, now)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(20)
  })
})

describe('formatting', () => {
  const cases: readonly [ms: number, value: string][] = [
    [0, 'Thu, 01 Jan 1970 00:00:00 GMT'],
    [784111777000, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [784111777999.5, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [-0.5, 'Wed, 31 Dec 1969 23:59:59 GMT'],
    [Number.NaN, 'Thu, 01 Jan 1970 00:00:00 GMT'],
    [Number.POSITIVE_INFINITY, 'Fri, 31 Dec 9999 23:59:59 GMT'],
    [Number.NEGATIVE_INFINITY, 'Sat, 01 Jan 0000 00:00:00 GMT'],
    [8.64e15, 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ]
  test.each(cases)('%d is %s', (ms, value) => {
    expect(formatHttpDate(ms)).toBe(value)
  })

  test('what is formatted is parsed to the same second, in every format', () => {
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 })
    fc.assert(
      fc.property(seconds, (second) => {
        const value = formatHttpDate(second * 1000)
        expect(parseHttpDate(value, now)).toBe(second * 1000)
        const [, day = '', month, year, time] = value.split(' ')
        expect(parseHttpDate(`Sun ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`, now)).toBe(
          second * 1000,
        )
      }),
    )
  })
})
