import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { responseDirectives } from '../../src/semantics/cache-control.ts'
import { formatHttpDate } from '../../src/semantics/date.ts'
import { isEndless, isStorable, permitsCredentials, type StoreContext } from '../../src/semantics/storable.ts'

const now = Date.UTC(2024, 5, 15, 12)
const at = (seconds: number): string => formatHttpDate(now + seconds * 1000)

const plain: StoreContext = {
  credentials: undefined,
  said: undefined,
  ttl: undefined,
  statusTtl: undefined,
  heuristic: false,
  responseTime: now,
  keepsStale: false,
}

/** The decision as text: where the lifetime comes from with its seconds, or the code of the refusal. */
const decide = (status: number, headers: FieldMap, context: Partial<StoreContext> = {}): string => {
  const said = headers['cache-control']
  const directives = responseDirectives(typeof said === 'string' ? said : undefined)
  const decision = isStorable(status, headers, directives, { ...plain, ...context })
  return decision.storable ? `${decision.source} ${decision.lifetime / 1000}` : decision.reason.code
}

const cc = (value: string, more: FieldMap = {}): FieldMap => ({ 'cache-control': value, ...more })

type Row = readonly [
  title: string,
  status: number,
  headers: FieldMap,
  context: Partial<StoreContext>,
  expected: string,
]

describe('which statuses are stored (RFC 9111 §3)', () => {
  const never = [0, 99, 100, 101, 102, 103, 199, 206, 304, 600, 999]
  test.each(never)('%d never is, whatever it declares and whatever the policy lists', (status) => {
    const context = { ttl: 60_000, statusTtl: 60_000, said: 60_000, keepsStale: true }
    expect(decide(status, cc('public, max-age=60'), context)).toBe('status')
  })

  const final = [200, 203, 204, 299, 300, 301, 302, 307, 308, 404, 410, 429, 500, 503, 599]
  test.each(final)('%d is with explicit freshness', (status) => {
    expect(decide(status, cc('max-age=60'))).toBe('max-age 60')
    expect(decide(status, { expires: at(60) })).toBe('expires 60')
  })

  test.each([200, 203, 204, 300, 301, 308])('a ttl covers %d', (status) => {
    expect(decide(status, {}, { ttl: 60_000 })).toBe('policy 60')
  })

  test.each([201, 202, 205, 226, 302, 303, 307])('a ttl alone does not cover %d', (status) => {
    expect(decide(status, {}, { ttl: 60_000 })).toBe('no-freshness')
  })

  test.each([400, 401, 403, 404, 405, 410, 429, 451, 500, 502, 503, 504])(
    'a ttl or a heuristic alone does not cover the error %d',
    (status) => {
      const headers = { 'last-modified': at(-86_400) }
      expect(decide(status, headers, { ttl: 60_000, heuristic: 0.1, keepsStale: true })).toBe('error')
    },
  )
})

describe('what forbids storing', () => {
  const rows: readonly Row[] = [
    ['no-store (§5.2.2.5)', 200, cc('no-store, max-age=60'), {}, 'no-store'],
    ['no-store against a policy', 200, cc('no-store'), { ttl: 60_000, said: 60_000 }, 'no-store'],
    ['private (§5.2.2.7)', 200, cc('private, max-age=60'), {}, 'private'],
    ['private against a policy', 200, cc('private'), { ttl: 60_000, said: 60_000 }, 'private'],
    ['private beside public', 200, cc('public, private, max-age=60'), {}, 'private'],
    ['a damaged private', 200, cc('private="x, max-age=60'), {}, 'private'],
    ['Set-Cookie (§7.3)', 200, cc('max-age=60', { 'set-cookie': 'a=1' }), {}, 'set-cookie'],
    ['Set-Cookie beside public', 200, cc('public, max-age=60', { 'set-cookie': ['a=1'] }), {}, 'set-cookie'],
    ['Vary: * (§4.1)', 200, cc('max-age=60', { vary: '*' }), {}, 'vary-star'],
    ['Vary: * among names', 200, cc('max-age=60', { vary: ['accept', ' * '] }), {}, 'vary-star'],
    ['a damaged Vary', 200, cc('max-age=60', { vary: 'ac cept' }), {}, 'vary-star'],
    [
      'an event stream',
      200,
      cc('max-age=60', { 'content-type': 'text/event-stream; charset=utf-8' }),
      {},
      'stream',
    ],
    [
      'an unbuffered response',
      200,
      cc('max-age=60', { 'x-accel-buffering': ' No ' }),
      { ttl: 60_000 },
      'stream',
    ],
    ['a policy that stores nothing', 200, cc('max-age=60'), { ttl: false }, 'policy'],
    ['a status that the policy excludes', 404, {}, { statusTtl: false, ttl: 60_000 }, 'policy'],
    ['nothing that declares a lifetime', 200, {}, {}, 'no-freshness'],
    ['an ETag alone', 200, { etag: '"1"' }, { keepsStale: true }, 'no-freshness'],
    ['a lifetime of 0 without a use', 200, cc('max-age=0'), {}, 'zero-lifetime'],
    ['no-cache without a validator', 200, cc('no-cache, max-age=60'), {}, 'zero-lifetime'],
  ]
  test.each(rows)('%s', (_title, status, headers, context, expected) => {
    expect(decide(status, headers, context)).toBe(expected)
  })
})

describe('what the lifetime is (RFC 9111 §4.2.1, §4.2.2)', () => {
  const rows: readonly Row[] = [
    ['s-maxage before max-age', 200, cc('max-age=60, s-maxage=30'), { ttl: 90_000 }, 's-maxage 30'],
    [
      'the response before the policy',
      200,
      cc('max-age=60'),
      { ttl: 90_000, statusTtl: 90_000 },
      'max-age 60',
    ],
    ['what the handler says before its fields', 200, cc('max-age=60'), { said: 5000 }, 'policy 5'],
    ['what the handler says before a policy of false', 200, {}, { said: 5000, ttl: false }, 'policy 5'],
    ['what the handler says does not cover errors', 500, {}, { said: 5000 }, 'error'],
    ['the listed status before the ttl', 200, {}, { statusTtl: 5000, ttl: 90_000 }, 'policy 5'],
    ['a listed error', 404, {}, { statusTtl: 5000 }, 'policy 5'],
    ['a listed redirect', 302, {}, { statusTtl: 5000 }, 'policy 5'],
    ['a listed status does not lift no-store', 404, cc('no-store'), { statusTtl: 5000 }, 'no-store'],
    [
      'the policy before the heuristic',
      200,
      { 'last-modified': at(-1000) },
      { ttl: 5000, heuristic: 0.1 },
      'policy 5',
    ],
    [
      'a tenth of the time since Last-Modified',
      200,
      { 'last-modified': at(-1000) },
      { heuristic: 0.1 },
      'heuristic 100',
    ],
    ['no heuristic for 302', 302, { 'last-modified': at(-1000) }, { heuristic: 0.1 }, 'no-freshness'],
    ['0 for no-cache with a validator', 200, cc('no-cache'), { keepsStale: true }, 'none 0'],
    ['max-age=0 with a validator', 200, cc('max-age=0'), { keepsStale: true }, 'max-age 0'],
    ['qualified private leaves the rest', 200, cc('private="x-user", max-age=60'), {}, 'max-age 60'],
    ['qualified no-cache leaves the rest', 200, cc('no-cache="x-user", max-age=60'), {}, 'max-age 60'],
  ]
  test.each(rows)('%s', (_title, status, headers, context, expected) => {
    expect(decide(status, headers, context)).toBe(expected)
  })
})

describe('must-understand (RFC 9111 §5.2.2.3)', () => {
  const rows: readonly Row[] = [
    [
      'lifts no-store for a status that is understood',
      200,
      cc('must-understand, no-store, max-age=60'),
      {},
      'max-age 60',
    ],
    ['refuses a status that is not', 299, cc('must-understand, max-age=60'), {}, 'must-understand'],
    ['refuses it also with no-store', 299, cc('must-understand, no-store'), {}, 'must-understand'],
    ['does not lift private', 200, cc('must-understand, no-store, private, max-age=60'), {}, 'private'],
    ['beside damage lifts nothing', 200, cc('must-understand=1, no-store, max-age=60'), {}, 'no-store'],
  ]
  test.each(rows)('%s', (_title, status, headers, context, expected) => {
    expect(decide(status, headers, context)).toBe(expected)
  })
})

describe('requests with credentials (RFC 9111 §3.5, §7.3)', () => {
  const rows: readonly [cacheControl: string, authorization: boolean, other: boolean][] = [
    ['', false, false],
    ['max-age=60', false, false],
    ['public, max-age=60', true, true],
    ['s-maxage=60', true, true],
    ['max-age=60, must-revalidate', true, false],
    ['max-age=60, proxy-revalidate', false, false],
    ['max-age=60, immutable', false, false],
    ['public=1, max-age=60', false, false],
    ['public, max-age=60, broken"', false, false],
    ['s-maxage=x', false, false],
    ['max-age=60, must-revalidate=yes', false, false],
  ]
  test.each(rows)('%j permits Authorization: %s, other credentials: %s', (value, authorization, other) => {
    const directives = responseDirectives(value)
    expect(permitsCredentials(directives, undefined)).toBe(true)
    expect(permitsCredentials(directives, 'authorization')).toBe(authorization)
    expect(permitsCredentials(directives, 'other')).toBe(other)
  })

  test('a ttl of the policy is no permission', () => {
    const context = { ttl: 60_000, said: 60_000, keepsStale: true }
    expect(decide(200, {}, { ...context, credentials: 'authorization' })).toBe('authorization')
    expect(decide(200, {}, { ...context, credentials: 'other' })).toBe('cookie')
    expect(decide(200, cc('public'), { ...context, credentials: 'other' })).toBe('policy 60')
  })
})

test.each([
  ['text/event-stream', true],
  ['TEXT/EVENT-STREAM; charset=utf-8', true],
  ['multipart/x-mixed-replace; boundary=a', true],
  ['application/grpc-web+proto', true],
  ['text/html', false],
  ['application/json; x="text/event-stream"', false],
])('%s is endless: %s', (type, expected) => {
  expect(isEndless({ 'content-type': type })).toBe(expected)
})

describe('for any response', () => {
  const directive = fc.constantFrom(
    ...[
      'no-store',
      'private',
      'public',
      'no-cache',
      'must-revalidate',
      'max-age=60',
      's-maxage=60',
      'max-age=x',
    ],
    ...[
      'must-understand',
      'no-cache="a"',
      'private="b"',
      'stale-while-revalidate=9',
      'no_store',
      'private=1',
      '"',
    ],
  )
  const cacheControl = fc.array(directive, { maxLength: 5 }).map((list) => list.join(', '))
  const ms = fc.constantFrom(0, 1, 60_000)
  const context: fc.Arbitrary<StoreContext> = fc.record({
    credentials: fc.constantFrom(undefined, 'authorization' as const, 'other' as const),
    said: fc.option(ms, { nil: undefined }),
    ttl: fc.oneof(ms, fc.constant(false as const), fc.constant(undefined)),
    statusTtl: fc.oneof(ms, fc.constant(false as const), fc.constant(undefined)),
    heuristic: fc.constantFrom(false as const, 0.1),
    responseTime: fc.constant(now),
    keepsStale: fc.boolean(),
  })
  const status = fc.constantFrom(100, 200, 204, 206, 299, 301, 302, 304, 404, 500, 503)

  test('no-store and private are never stored but where must-understand lifts the former', () => {
    fc.assert(
      fc.property(status, cacheControl, context, (code, value, about) => {
        const directives = responseDirectives(value)
        const decision = isStorable(code, cc(value), directives, about)
        if (directives.private === true) expect(decision.storable).toBe(false)
        if (directives.noStore === true && directives.mustUnderstand !== true)
          expect(decision.storable).toBe(false)
        const shared = directives.public === true || directives.sMaxage !== undefined
        const validated = about.credentials === 'authorization' && directives.mustRevalidate === true
        if (about.credentials !== undefined && !shared && !validated) expect(decision.storable).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  test('a restriction more never makes it storable', () => {
    const restriction = fc.constantFrom(
      'no-store',
      'private',
      'no-cache',
      'must-understand=x',
      'max-age=0',
      '"',
    )
    fc.assert(
      fc.property(status, cacheControl, restriction, context, (code, value, added, about) => {
        // Without a lifetime of its own, so that a max-age that is added does not count as one.
        const before = value === '' ? 'max-age=60' : `${value}, max-age=60`
        const after = `${before}, ${added}`
        const refused = !isStorable(code, cc(before), responseDirectives(before), about).storable
        const still = !isStorable(code, cc(after), responseDirectives(after), about).storable
        expect(refused && !still).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})
