import { describe, expect, test } from 'vitest'
import { type ResponseDirectives, responseDirectives } from '../../src/semantics/cache-control.ts'

type Case = readonly [value: string, expected: ResponseDirectives]

/** The result apart from the mark of damage, which has its own test. */
const read = (value: string): ResponseDirectives => {
  const { damaged: _damaged, ...directives } = responseDirectives(value)
  return directives
}

const forever = 2 ** 31
const everything: ResponseDirectives = {
  noStore: true,
  noCache: true,
  private: true,
  mustRevalidate: true,
  proxyRevalidate: true,
  noTransform: true,
  maxAge: 0,
  sMaxage: 0,
  staleWhileRevalidate: 0,
  staleIfError: 0,
}

describe('intact directives (RFC 9111 §5.2.2, RFC 5861)', () => {
  const cases: readonly Case[] = [
    ['', {}],
    [' , ,', {}],
    ['public, max-age=60', { public: true, maxAge: 60 }],
    ['PUBLIC ,\tMax-Age=60,', { public: true, maxAge: 60 }],
    ['max-age="60"', { maxAge: 60 }],
    ['s-maxage=0, max-age=99999999999', { maxAge: forever, sMaxage: 0 }],
    ['no-store', { noStore: true }],
    ['no-cache', { noCache: true }],
    ['private', { private: true }],
    ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
    ['must-understand, no-store', { noStore: true, mustUnderstand: true }],
    ['no-transform', { noTransform: true }],
    ['stale-while-revalidate=30, stale-if-error="60"', { staleWhileRevalidate: 30, staleIfError: 60 }],
    ['immutable, community="UCI", max-age=60', { maxAge: 60 }],
    ['extension="max-age=100", max-age=1', { maxAge: 1 }],
    ['max-age=1, extension="a, public"', { maxAge: 1 }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(responseDirectives(value)).toEqual(expected)
  })

  test('an absent value has none', () => {
    expect(responseDirectives(undefined)).toEqual({})
  })
})

describe('qualified forms (RFC 9111 §5.2.2.4, §5.2.2.7)', () => {
  const cases: readonly Case[] = [
    ['private="Set-Cookie"', { private: ['set-cookie'] }],
    ['private=set-cookie', { private: ['set-cookie'] }],
    ['no-cache="Set-Cookie ,\tX-A"', { noCache: ['set-cookie', 'x-a'] }],
    ['private="a", private="b, a"', { private: ['a', 'b'] }],
    ['private="x-private, set-cookie"', { private: ['x-private', 'set-cookie'] }],
    ['no-cache="a", private="b"', { noCache: ['a'], private: ['b'] }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(responseDirectives(value)).toEqual(expected)
  })

  const unqualified = [
    'private',
    'private=""',
    'private=" "',
    'private=","',
    'private=",a"',
    'private="a,"',
    'private="a,,b"',
    'private=" a"',
    'private="a\t"',
    'private=',
    'private="a b"',
    'private="a, b c"',
    'private="a;b"',
    'private="a\\"b"',
    'private="é"',
    'private="a", private',
    'private, private="a"',
    'private="a", private=""',
    'private="", private="a"',
    'private=true',
    'private="1"',
    'private=a b',
    'private="a',
    "private='a'",
    "private='a, b'",
    'private="$a"',
    'pri_vate="a"',
  ]
  test.each(unqualified)('%j is unqualified', (value) => {
    expect(read(value).private).toBe(true)
    expect(read(value.replaceAll('private', 'no-cache').replaceAll('pri_vate', 'no_cache')).noCache).toBe(
      true,
    )
  })
})

describe('restrictions restrict in any spelling and with any damage', () => {
  const cases: readonly Case[] = [
    ['no-store=anything', { noStore: true }],
    ['no-store="x"', { noStore: true }],
    ['no-store=', { noStore: true }],
    ['"no-store"', { noStore: true }],
    ['"no-store', { noStore: true }],
    ['no-store"', { noStore: true }],
    ['no-store;', { noStore: true }],
    ['no store', { noStore: true }],
    ['no_store', { noStore: true }],
    ['nostore', { noStore: true }],
    ['NoStore', { noStore: true }],
    ['no--store', { noStore: true }],
    ['no-store no-cache', { noStore: true, noCache: true }],
    ['no-store; max-age=60', { noStore: true, maxAge: 0 }],
    ['max-age=60 no-store', { noStore: true, maxAge: 0 }],
    ['max-age=60; s-maxage=60', { maxAge: 0, sMaxage: 0 }],
    ['public; private', { private: true }],
    ['private="a, no-store', { noStore: true, private: true }],
    ['x="a, no-store, max-age=60', { noStore: true, maxAge: 0 }],
    ['x=", no-store, y=", max-age=60', { noStore: true, maxAge: 60 }],
    ['private="a, no-store, b"', { noStore: true, private: ['a', 'no-store', 'b'] }],
    ['must-revalidate=x', { mustRevalidate: true }],
    ['must-revalidate=false, max-age=60', { mustRevalidate: true, maxAge: 60 }],
    ['mustrevalidate', { mustRevalidate: true }],
    ['proxy-revalidate;', { proxyRevalidate: true }],
    ['no-transform=x', { noTransform: true }],
    ['stale-while-revalidate=60; stale-if-error=60', { staleWhileRevalidate: 0, staleIfError: 0 }],
    ['must-understand=x', { mustUnderstand: true }],
    ['must-understand; max-age=60', { mustUnderstand: true, maxAge: 0 }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(read(value)).toEqual(expected)
    expect(responseDirectives(value).damaged).toBe(true)
  })

  test.each(['no-störe', 'no-stÃ¶re', '\u0000no-store', 'no-\u200bstore', 'max-age=60\u00a0', 'x="é"'])(
    '%j could have been any restriction',
    (value) => {
      expect(read(value)).toEqual(everything)
      expect(responseDirectives(value).damaged).toBe(true)
    },
  )

  test.each(['no-stores', 'x-no-store', 'x=no-store', 'store', 'no, store', 'privately'])(
    '%j is another directive and ignored (§5.2.3)',
    (value) => {
      expect(responseDirectives(value)).toEqual({})
    },
  )
})

describe('damaged permissions permit nothing', () => {
  const cases: readonly Case[] = [
    ['public=x', {}],
    ['public=""', {}],
    ['"public"', {}],
    ['pub_lic', {}],
    ['public;', {}],
    ['x public', {}],
    ['must-understand, no-store;', { noStore: true }],
    ['must-understand=x, no-store', { noStore: true }],
    ['must_understand, no-store', { noStore: true }],
    ['must-understand; no-store', { noStore: true }],
    ['max-age', { maxAge: 0 }],
    ['max-age=', { maxAge: 0 }],
    ['max-age=abc', { maxAge: 0 }],
    ['max-age=-1', { maxAge: 0 }],
    ['max-age=1.5', { maxAge: 0 }],
    ['max-age= 60', { maxAge: 0 }],
    ['max-age =60', { maxAge: 0 }],
    ['max-age="60', { maxAge: 0 }],
    ['max-age=""', { maxAge: 0 }],
    ['max-age=60;', { maxAge: 0 }],
    ['max-age=60, max-age=x', { maxAge: 0 }],
    ['s-maxage=abc, max-age=60', { maxAge: 60, sMaxage: 0 }],
    ['stale-while-revalidate', { staleWhileRevalidate: 0 }],
    ['stale-while-revalidate=x, stale-if-error=-1', { staleWhileRevalidate: 0, staleIfError: 0 }],
    ['stale_if_error=60', { staleIfError: 0 }],
    ['max_age=60', { maxAge: 0 }],
    ['max_age=x', { maxAge: 0 }],
    ['s-max-age=600, max-age=60', { maxAge: 60 }],
    ['s-max-age=30, max-age=60', { maxAge: 30 }],
    ['max-age=60, s-maxage=90, maxage=30', { maxAge: 30, sMaxage: 30 }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(read(value)).toEqual(expected)
    expect(responseDirectives(value).damaged).toBe(true)
  })

  test('duplicates: the smallest counts', () => {
    expect(responseDirectives('max-age=60, max-age=30, s-maxage=5, s-maxage=9')).toEqual({
      maxAge: 30,
      sMaxage: 5,
    })
    expect(responseDirectives('stale-if-error=5, stale-if-error="3"')).toEqual({ staleIfError: 3 })
  })
})

describe('results', () => {
  test('equal directives are equal as JSON, in whatever order they come', () => {
    const json = (value: string): string => JSON.stringify(responseDirectives(value))
    expect(json('max-age=1, private="a", no-store')).toBe('{"noStore":true,"private":["a"],"maxAge":1}')
    expect(json('No-Store, max-age="1", private=A')).toBe(json('max-age=1, private="a", no-store'))
  })

  test('results are frozen, since they are shared', () => {
    const directives = responseDirectives('private="a", no-store')
    expect(responseDirectives('private="a", no-store')).toBe(directives)
    expect(Object.isFrozen(directives) && Object.isFrozen(directives.private)).toBe(true)
    expect(responseDirectives(undefined)).toBe(responseDirectives(''))
    expect(Object.isFrozen(responseDirectives(undefined))).toBe(true)
  })

  test('only a limited number of values, and no long ones, are remembered', () => {
    const first = responseDirectives('max-age=7')
    for (let seconds = 1000; seconds < 1600; seconds += 1) {
      expect(responseDirectives(`max-age=${seconds}`)).toEqual({ maxAge: seconds })
    }
    expect(responseDirectives('max-age=7')).not.toBe(first)
    expect(responseDirectives('max-age=7')).toEqual(first)
    const long = `max-age=7, x="${'a'.repeat(256)}"`
    expect(responseDirectives(long)).not.toBe(responseDirectives(long))
    expect(responseDirectives(long)).toEqual(first)
  })

  test('a value without a directive of the table sets nothing', () => {
    expect(responseDirectives(undefined)).toEqual({})
    expect(responseDirectives('immutable')).toEqual({})
    expect(responseDirectives('a b')).not.toEqual({})
  })
})
