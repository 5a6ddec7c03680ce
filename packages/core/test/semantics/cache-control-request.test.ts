import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { type RequestDirectives, requestDirectives } from '../../src/semantics/cache-control.ts'

type Case = readonly [value: string, expected: RequestDirectives]

const forever = 2 ** 31
const read = (value: string): RequestDirectives => requestDirectives({ 'cache-control': value })

describe('intact directives (RFC 9111 §5.2.1, RFC 5861 §4)', () => {
  const cases: readonly Case[] = [
    ['no-cache', { noCache: true }],
    ['No-Store, NO-TRANSFORM', { noStore: true, noTransform: true }],
    ['only-if-cached', { onlyIfCached: true }],
    ['max-age=0', { maxAge: 0 }],
    ['max-age="5", min-fresh=7', { maxAge: 5, minFresh: 7 }],
    ['max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['max-stale=60', { maxStale: 60 }],
    ['stale-if-error=60', { staleIfError: 60 }],
    ['private, must-revalidate, s-maxage=5, public', {}],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(read(value)).toEqual(expected)
  })
})

describe('damage restricts', () => {
  const cases: readonly Case[] = [
    ['no-cache=x', { noCache: true }],
    ['no-cache="set-cookie"', { noCache: true }],
    ['no_cache', { noCache: true }],
    ['"no-cache"', { noCache: true }],
    ['no-cache; max-age=60', { noCache: true, maxAge: 0 }],
    ['x=", no-store, y="', { noStore: true }],
    ['max-age', { maxAge: 0 }],
    ['max-age=abc', { maxAge: 0 }],
    ['max_age=60', { maxAge: 0 }],
    ['min-fresh', { minFresh: forever }],
    ['min-fresh=abc', { minFresh: forever }],
    ['min_fresh=1', { minFresh: forever }],
    ['min-fresh=1;', { minFresh: forever }],
    ['max-stale=abc', {}],
    ['max-stale=', {}],
    ['max-stale=""', {}],
    ['max-stale=-1', {}],
    ['max-stale;', {}],
    ['max_stale', {}],
    ['stale-if-error', {}],
    ['stale-if-error=abc', {}],
    ['stale-if-error=60;', {}],
    ['only-if-cached=x', {}],
    ['only_if_cached', {}],
    ['nö-cache', { noCache: true, noStore: true, noTransform: true, maxAge: 0, minFresh: forever }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(read(value)).toEqual(expected)
  })
})

describe('duplicates: the most restrictive counts', () => {
  const cases: readonly Case[] = [
    ['max-age=60, max-age=5', { maxAge: 5 }],
    ['max-age=60, max-age=x', { maxAge: 0 }],
    ['min-fresh=5, min-fresh=60', { minFresh: 60 }],
    ['min-fresh=5, min-fresh=x', { minFresh: forever }],
    ['max-stale, max-stale=5, max-stale=60', { maxStale: 5 }],
    ['stale-if-error=60, stale-if-error=5', { staleIfError: 5 }],
  ]
  test.each(cases)('%j', (value, expected) => {
    expect(read(value)).toEqual(expected)
  })

  test('several lines are one value', () => {
    expect(requestDirectives({ 'cache-control': ['max-age=60', 'no-cache'] })).toEqual({
      noCache: true,
      maxAge: 60,
    })
    expect(requestDirectives({ 'cache-control': ['x="', 'no-cache'] })).toEqual({ noCache: true })
  })
})

describe('Pragma (RFC 9111 §5.4)', () => {
  const cases: readonly [headers: FieldMap, expected: RequestDirectives][] = [
    [{ pragma: 'no-cache' }, { noCache: true }],
    [{ pragma: 'No-Cache, x' }, { noCache: true }],
    [{ pragma: ['x', '"no-cache'] }, { noCache: true }],
    [{ pragma: 'no-cache', 'cache-control': '' }, { noCache: true }],
    [{ pragma: 'no-cache', 'cache-control': 'max-age=60' }, { maxAge: 60 }],
    [{ pragma: 'x' }, {}],
    [{ pragma: '' }, {}],
    [{}, {}],
  ]
  test.each(cases)('%j', (headers, expected) => {
    expect(requestDirectives(headers)).toEqual(expected)
  })
})

test('results are frozen, since they are shared', () => {
  expect(read('max-age=0')).toBe(read('max-age=0'))
  expect(requestDirectives({})).toBe(requestDirectives({ pragma: 'x' }))
  expect(
    [read('max-age=0'), requestDirectives({}), requestDirectives({ pragma: 'no-cache' })].every(
      Object.isFrozen,
    ),
  ).toBe(true)
})
