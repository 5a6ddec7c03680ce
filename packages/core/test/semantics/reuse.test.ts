import { describe, expect, test } from 'vitest'
import {
  type RequestDirectives,
  requestDirectives,
  responseDirectives,
} from '../../src/semantics/cache-control.ts'
import {
  forbidsStale,
  isServerFailure,
  mayReuse,
  mayUseStaleIfError,
  type ReuseFacts,
  staleness,
} from '../../src/semantics/reuse.ts'

/** Seconds, unless named otherwise. */
interface Given {
  readonly response?: string
  readonly lifetime?: number
  readonly age?: number
  readonly swr?: number
  readonly sie?: number
  readonly invalidatedFor?: number
}

const factsOf = ({
  response,
  lifetime = 60,
  age = 0,
  swr = 0,
  sie = 0,
  invalidatedFor,
}: Given): ReuseFacts => ({
  directives: responseDirectives(response),
  lifetime: lifetime * 1000,
  age: age * 1000,
  staleWhileRevalidate: swr * 1000,
  staleIfError: sie * 1000,
  invalidatedFor: invalidatedFor === undefined ? undefined : invalidatedFor * 1000,
})

const asked = (value: string | undefined): RequestDirectives =>
  requestDirectives(value === undefined ? {} : { 'cache-control': value })

type Row = readonly [title: string, given: Given, request: string | undefined, expected: string]

const check = (_title: string, given: Given, request: string | undefined, expected: string): void => {
  const { use, reason } = mayReuse(factsOf(given), asked(request))
  expect(`${use} ${reason.code}`).toBe(expected)
  expect(reason.ref).toMatch(/^RFC \d{4} §\d/)
}

describe('without request directives (RFC 9111 §4, §4.2)', () => {
  const rows: readonly Row[] = [
    ['fresh while the lifetime exceeds the age', { age: 59.999 }, undefined, 'fresh fresh'],
    ['stale when the age reaches the lifetime', { age: 60 }, undefined, 'validate stale'],
    ['stale at once with a lifetime of 0', { lifetime: 0 }, undefined, 'validate stale'],
    [
      'no-cache is validated however fresh (§5.2.2.4)',
      { response: 'no-cache' },
      undefined,
      'validate no-cache',
    ],
    ['qualified no-cache does not concern the rest', { response: 'no-cache="a"' }, undefined, 'fresh fresh'],
    [
      'must-revalidate does not concern what is fresh',
      { response: 'must-revalidate' },
      undefined,
      'fresh fresh',
    ],
    ['a soft invalidation ends freshness', { invalidatedFor: 0 }, undefined, 'validate invalidated'],
  ]
  test.each(rows)('%s', check)
})

describe('request directives (RFC 9111 §5.2.1)', () => {
  const rows: readonly Row[] = [
    ['no-cache asks for validation', {}, 'no-cache', 'validate request-no-cache'],
    ['no-cache outranks max-stale', { age: 61, sie: 60 }, 'no-cache, max-stale', 'validate request-no-cache'],
    ['max-age accepts that age', { age: 10 }, 'max-age=10', 'fresh fresh'],
    ['max-age refuses what is older', { age: 10.001 }, 'max-age=10', 'validate request-max-age'],
    ['max-age=0 accepts what was made just now', {}, 'max-age=0', 'fresh fresh'],
    ['max-age greater than the lifetime does not prolong it', { age: 60 }, 'max-age=90', 'validate stale'],
    ['a damaged max-age counts as 0', { age: 0.001 }, 'max-age=x', 'validate request-max-age'],
    ['min-fresh accepts freshness for as long', { age: 50 }, 'min-fresh=10', 'fresh fresh'],
    ['min-fresh refuses less', { age: 50.001 }, 'min-fresh=10', 'validate request-min-fresh'],
    ['max-stale accepts within the error window', { age: 70, sie: 60 }, 'max-stale=10', 'stale max-stale'],
    [
      'max-stale does not accept more than it says',
      { age: 70.001, sie: 60 },
      'max-stale=10',
      'validate stale',
    ],
    [
      'max-stale reaches no further than the error window',
      { age: 70.001, sie: 10 },
      'max-stale',
      'validate stale',
    ],
    ['max-stale without a window accepts nothing', { age: 61 }, 'max-stale', 'validate stale'],
    ['max-stale after a soft invalidation', { invalidatedFor: 10, sie: 10 }, 'max-stale', 'stale max-stale'],
    [
      'max-stale with a max-age that is kept',
      { age: 70, sie: 60 },
      'max-stale, max-age=70',
      'stale max-stale',
    ],
    ['max-stale with a max-age that is not', { age: 70, sie: 60 }, 'max-stale, max-age=69', 'validate stale'],
    ['max-stale with a min-fresh', { age: 70, sie: 60 }, 'max-stale, min-fresh=1', 'validate stale'],
    ['a damaged max-stale accepts nothing', { age: 61, sie: 60 }, 'max-stale=x', 'validate stale'],
    ['only-if-cached asks nothing of freshness', {}, 'only-if-cached', 'fresh fresh'],
  ]
  test.each(rows)('%s', check)
})

describe('stale-while-revalidate (RFC 5861 §3)', () => {
  const rows: readonly Row[] = [
    ['served stale within the window', { age: 70, swr: 10 }, undefined, 'refresh swr'],
    ['not beyond it', { age: 70.001, swr: 10 }, undefined, 'validate stale'],
    ['counts from a soft invalidation', { invalidatedFor: 10, swr: 10 }, undefined, 'refresh swr'],
    [
      'which does not outlast the window',
      { invalidatedFor: 10.001, swr: 10 },
      undefined,
      'validate invalidated',
    ],
    [
      'the longer staleness counts',
      { age: 71, invalidatedFor: 1, swr: 10 },
      undefined,
      'validate invalidated',
    ],
    ['a max-age wants no stale response (§5.2.1.1)', { age: 61, swr: 10 }, 'max-age=90', 'validate stale'],
    ['a min-fresh wants none', { age: 61, swr: 10 }, 'min-fresh=0', 'validate stale'],
    ['no-cache wants none', { age: 61, swr: 10 }, 'no-cache', 'validate request-no-cache'],
    [
      'max-stale within its own time needs no refresh',
      { age: 61, swr: 10, sie: 10 },
      'max-stale=5',
      'stale max-stale',
    ],
    [
      'max-stale beyond its time leaves the window',
      { age: 67, swr: 10, sie: 10 },
      'max-stale=5',
      'refresh swr',
    ],
  ]
  test.each(rows)('%s', check)
})

describe('responses that forbid stale reuse (RFC 9111 §4.2.4)', () => {
  const forbidding = ['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache', 'MUST_REVALIDATE']
  test.each(forbidding)('%s outranks every window', (response) => {
    const facts = factsOf({ response, age: 61, swr: 600, sie: 600 })
    expect(forbidsStale(facts.directives)).toBe(true)
    for (const request of [undefined, 'max-stale', 'max-stale=1000'])
      expect(mayReuse(facts, asked(request)).use).toBe('validate')
    expect(mayUseStaleIfError(facts, 200, {})).toBe(false)
  })

  test.each(['', 'public', 'max-age=60', 'stale-if-error=600', 'no-cache="a"'])('%j does not', (response) => {
    expect(forbidsStale(responseDirectives(response))).toBe(false)
  })
})

describe('stale-if-error (RFC 5861 §4)', () => {
  const rows: readonly [
    title: string,
    given: Given,
    status: number,
    request: string | undefined,
    expected: boolean,
  ][] = [
    ['within the window', { age: 70, sie: 10 }, 200, undefined, true],
    ['not beyond it', { age: 70.001, sie: 10 }, 200, undefined, false],
    ['while still fresh', { age: 1, sie: 0 }, 200, undefined, true],
    ['a redirect stands in as well', { age: 61, sie: 10 }, 301, undefined, true],
    ['a stored client error does not', { age: 61, sie: 10 }, 404, undefined, false],
    ['a stored failure does not', { age: 1, sie: 10 }, 503, undefined, false],
    ['the request shortens the window', { age: 70, sie: 60 }, 200, 'stale-if-error=9', false],
    ['the request does not prolong it', { age: 71, sie: 10 }, 200, 'stale-if-error=900', false],
    ['counted from a soft invalidation', { invalidatedFor: 10, sie: 10 }, 200, undefined, true],
    ['and not beyond that', { invalidatedFor: 10.001, sie: 10 }, 200, undefined, false],
  ]
  test.each(rows)('%s', (_title, given, status, request, expected) => {
    expect(mayUseStaleIfError(factsOf(given), status, asked(request))).toBe(expected)
  })

  test('server failures are 500, 502, 503 and 504', () => {
    const failures = Array.from({ length: 600 }, (_, status) => status).filter(isServerFailure)
    expect(failures).toEqual([500, 502, 503, 504])
  })
})

test.each<readonly [Given, number]>([
  [{ age: 10 }, -50],
  [{ age: 61 }, 1],
  [{ age: 10, invalidatedFor: 3 }, 3],
  [{ age: 70, invalidatedFor: 3 }, 10],
])('staleness of %j is %d s', (given, expected) => {
  expect(staleness(factsOf(given))).toBe(expected * 1000)
})
