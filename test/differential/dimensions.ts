import type { Random } from './random.ts'
import { users } from './stamp.ts'

/** What a request dimension may look at: the choices so far, and what the client remembers. */
export interface Choice {
  readonly random: Random
  /** Milliseconds. */
  readonly now: number
  /** ETag values that answers for this target, and for others, had. */
  readonly tags: readonly string[]
  /** Last-Modified values that answers for this target had. */
  readonly dates: readonly string[]
}

export type Value = string | readonly string[]

/** One request header field that random requests may have. */
export interface Dimension {
  readonly field: string
  /** The share of the requests that have it. */
  readonly share: number
  readonly value: (choice: Choice) => Value
  /** Every value, where they can be counted. */
  readonly values?: readonly Value[]
}

const of = (field: string, share: number, ...values: readonly Value[]): Dimension => ({
  field,
  share,
  values,
  value: ({ random }) => random.pick(values),
})

const from = (field: string, share: number, value: Dimension['value']): Dimension => ({ field, share, value })

const httpDate = (ms: number): string => new Date(ms).toUTCString()

const tagList = ({ random, tags }: Choice): Value => {
  const known = tags.length === 0 ? '"none"' : random.pick(tags)
  return random.pick([
    known,
    known,
    known,
    `W/${known}`,
    known.replace(/^W\//, ''),
    `"other", ${known}, W/"third"`,
    `"a,b",${known}`,
    '*',
    '"other"',
    ' ',
    '"unclosed',
    `${known}, *`,
    'bare',
  ])
}

const dateValue = ({ random, dates, now }: Choice): Value =>
  random.pick([
    dates.length === 0 ? httpDate(now) : random.pick(dates),
    dates.length === 0 ? httpDate(now) : random.pick(dates),
    httpDate(now),
    httpDate(now - 3_600_000),
    httpDate(now + 3_600_000),
    httpDate(0),
    'yesterday',
    '0',
    '2029-12-31T00:00:00Z',
  ])

const ifRange = (choice: Choice): Value =>
  choice.random.chance(0.5) ? (choice.random.pick([...choice.tags, '"none"']) ?? '"none"') : dateValue(choice)

const cacheControls: readonly Value[] = [
  'no-cache',
  'no-store',
  'max-age=0',
  'max-age=10',
  'max-age=3600',
  'max-stale',
  'max-stale=5',
  'max-stale=100000',
  'min-fresh=5',
  'min-fresh=100000',
  'only-if-cached',
  'only-if-cached, max-stale=100000',
  'stale-if-error=100000',
  'stale-while-revalidate=100000',
  'no-transform',
  'max-age=abc',
  'max-age',
  'max-age="0"',
  'max-stale=-1',
  'max-stale, max-age=0',
  'MAX-STALE=99999',
  'no-cache="x"',
  'public, s-maxage=100000',
  'immutable',
  'private',
  ',,,',
  'max-stale="100000',
  ['max-stale=100000', 'no-cache'],
]

const languages: readonly Value[] = [
  'en',
  'de',
  'fr',
  'de-DE,de;q=0.9,en;q=0.8',
  'DE;q=1.0 , en;q=0.5',
  'en;q=0.5, de',
  'fr;q=0, de;q=0.1',
  '*',
  '',
  'xx, fr;q=0.3',
  'de;q=nonsense',
  ['fr', 'de;q=0.4'],
]

const codings: readonly Value[] = [
  'gzip',
  'gzip, br',
  'BR, GZIP;q=0.5',
  'identity',
  'gzip;q=0',
  '*',
  '*;q=0',
  'deflate',
  '',
  'br;q=1,gzip;q=0.001',
]

const credentials: readonly Dimension[] = [
  from('cookie', 0.14, ({ random }) => {
    const session = `sid=${random.pick(users)}`
    return random.pick([
      session,
      session,
      `theme=dark; ${session}`,
      `${session}; theme=light`,
      'theme=dark',
      'theme=light; theme=dark',
      '',
      'junk',
      `sid=${random.pick(users)}; ${session}`,
    ])
  }),
  from('authorization', 0.08, ({ random }) =>
    random.pick([
      `Bearer token-${random.pick(users)}`,
      `Basic ${Buffer.from(`${random.pick(users)}:x`).toString('base64')}`,
      '',
    ]),
  ),
  from('proxy-authorization', 0.01, ({ random }) => `Basic ${random.pick(users)}`),
  from('x-api-key', 0.02, ({ random }) => `key-${random.pick(users)}`),
  from('x-auth-token', 0.01, ({ random }) => random.pick(users)),
  from('x-access-token', 0.01, ({ random }) => random.pick(users)),
]

const selecting: readonly Dimension[] = [
  of('accept-language', 0.2, ...languages),
  of('accept-encoding', 0.15, ...codings),
  of(
    'accept',
    0.12,
    'text/html',
    'application/json',
    'text/html;q=0.5, application/json',
    '*/*',
    'TEXT/HTML',
    'text/html;level=1',
    '',
  ),
  of('accept-charset', 0.02, 'utf-8', 'iso-8859-1;q=0.5, *'),
  of('user-agent', 0.05, 'one/1.0', 'two/2.0 (a, b)', 'two/2.0 (a,b)'),
  of('x-tenant', 0.12, 'red', 'blue', 'Red', 'red, blue', 'red,blue', ''),
  of('origin', 0.08, 'http://one.test', 'http://two.test', 'null'),
  of('referer', 0.02, 'http://one.test/page'),
]

const conditions: readonly Dimension[] = [
  from('if-none-match', 0.1, tagList),
  from('if-modified-since', 0.06, dateValue),
  from('if-match', 0.015, tagList),
  from('if-unmodified-since', 0.015, dateValue),
  of(
    'range',
    0.15,
    'bytes=0-9',
    'bytes=0-',
    'bytes=-5',
    'bytes=10-19',
    'bytes=5-1',
    'bytes=0-0,5-9',
    'bytes=99999999-',
    'bytes=-0',
    'bytes=a-b',
    'items=0-9',
    'BYTES=0-3',
    'bytes=00-009',
    'bytes=0-99999999999999999999',
    '',
  ),
  from('if-range', 0.03, ifRange),
  of('cache-control', 0.12, ...cacheControls),
  of('pragma', 0.02, 'no-cache', 'nonsense', 'No-Cache, x'),
]

const forwarding: readonly Dimension[] = [
  of('x-forwarded-for', 0.03, '10.0.0.1', '10.0.0.1, 10.0.0.2'),
  of('x-forwarded-host', 0.04, 'c.test', 'd.test:99', 'c.test, a.test', '', ','),
  of('x-forwarded-proto', 0.03, 'https', 'http', 'https,http', ''),
  of('x-forwarded-prefix', 0.02, '/admin'),
  of('forwarded', 0.02, 'for=10.0.0.1;host=c.test;proto=https'),
  of('x-real-ip', 0.02, '10.0.0.9'),
  of('x-original-url', 0.02, '/text/2', '/account/1'),
  of('x-rewrite-url', 0.02, '/text/2'),
  of('x-original-host', 0.02, 'c.test'),
  of('via', 0.02, '1.1 somewhere'),
]

const internal: readonly Dimension[] = [
  of('x-http-method-override', 0.03, 'DELETE', 'PUT', 'GET', 'PURGE'),
  of('x-method-override', 0.02, 'DELETE'),
  of('x-http-method', 0.02, 'POST'),
  of('stowage-cache-control', 0.02, 'max-age=100000', 'no-store'),
  of('cache-status', 0.02, 'stowage; hit; ttl=1000'),
  of('x-cache-status', 0.02, 'HIT'),
  of('x-cache-key', 0.02, 'text'),
  of('age', 0.02, '0', '100000'),
  of('date', 0.02, 'Tue, 01 Jan 2030 00:00:00 GMT'),
  of('expires', 0.02, '0', 'Tue, 01 Jan 2040 00:00:00 GMT'),
  of('vary', 0.02, '*', 'Cookie'),
  of('etag', 0.02, '"x"'),
  of('surrogate-control', 0.02, 'max-age=100000'),
  of('x-purge', 0.02, '1'),
  of('x-refresh', 0.02, 'true'),
  of('x-no-cache', 0.02, '1'),
  of('x-middleware-subrequest', 0.02, '1'),
  of('x-stowage-revalidation', 0.02, '1'),
  of('x-run', 0.02, '1'),
  of('x-request-id', 0.03, 'chosen-by-client'),
  of('traceparent', 0.02, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
  of('constructor', 0.02, 'x'),
  of('__proto__', 0.02, 'x'),
]

const connection: readonly Dimension[] = [
  of('connection', 0.03, 'close', 'keep-alive', 'x-tenant', 'cache-control'),
  of('te', 0.02, 'trailers', 'gzip'),
  of('upgrade', 0.01, 'websocket', 'h2c'),
  of('upgrade-insecure-requests', 0.02, '1'),
  of('content-type', 0.04, 'text/plain', 'application/json', 'application/x-www-form-urlencoded'),
  of('prefer', 0.02, 'respond-async', 'return=minimal'),
  of('save-data', 0.02, 'on'),
  of('dnt', 0.02, '1'),
  of('sec-fetch-mode', 0.02, 'navigate', 'cors'),
  of('x-outer', 0.02, 'a', 'b'),
  of('x-requested-with', 0.02, 'XMLHttpRequest'),
  of('max-forwards', 0.02, '0'),
  of('warning', 0.02, '110 - stale'),
]

/** The header fields that random requests are made of. */
export const dimensions: readonly Dimension[] = [
  ...credentials,
  ...selecting,
  ...conditions,
  ...forwarding,
  ...internal,
  ...connection,
]

/** The values of a dimension: all, or some of those that depend on choices. */
export const valuesOf = (dimension: Dimension, choice: Choice): readonly Value[] =>
  dimension.values ?? [...new Set(Array.from({ length: 12 }, () => dimension.value(choice)))]
