import { type FieldTable, newFieldTable } from './field-table.ts'
import type { FieldMap, ResponseHead } from './message.ts'
import type { ResponseDirectives } from './semantics/cache-control.ts'
import { currentAge } from './semantics/freshness.ts'
import type { ReuseFacts } from './semantics/reuse.ts'

/**
 * A stored response (RFC 9111 §3): frozen, and shared by everybody who is answered with it. Times in milliseconds.
 *
 * @example
 * const age = now - stored.responseTime + stored.correctedInitialAge
 */
export interface StoredResponse extends ResponseHead {
  /** The full key, compared with the one asked for. */
  readonly key: string
  readonly body: Buffer
  /** When the handler started and when its head was there (RFC 9111 §4.2.3). */
  readonly requestTime: number
  readonly responseTime: number
  readonly directives: ResponseDirectives
  readonly freshnessLifetime: number
  readonly correctedInitialAge: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** True where the Cache-Control that is sent was made by the policy and not by the handler. */
  readonly policyFresh: boolean
  /** True where the policy states what is told downstream: its lifetimes begin when the response is sent. */
  readonly downstream: boolean
  /** True where the ETag was made here. */
  readonly madeEtag: boolean
  /** True where functions decided the key that only a route may ask: a lookup in front of it asks too early. */
  readonly atRoute: boolean
  /** True where the policy states that credentials do not matter, or gave the entry a scope of its own. */
  readonly scoped: boolean
  readonly tags: readonly string[]
  /** The invalidation count and epoch that the fill began at, and the run of the process that counted. */
  readonly stamp: number
  readonly epoch: string
  readonly run: string
  readonly route: string | undefined
  /** What a hit saves. */
  readonly handlerMs: number
}

/** The facts that decide about reuse at `now`. */
export const reuseFacts = (
  stored: StoredResponse,
  now: number,
  invalidatedFor: number | undefined,
): ReuseFacts => ({
  directives: stored.directives,
  lifetime: stored.freshnessLifetime,
  age: currentAge(stored.correctedInitialAge, stored.responseTime, now),
  staleWhileRevalidate: stored.staleWhileRevalidate,
  staleIfError: stored.staleIfError,
  invalidatedFor,
})

/** Fields of one exchange, which are never replayed to another. */
const exchangeFields: ReadonlySet<string> = new Set([
  'age',
  'date',
  'server-timing',
  'x-request-id',
  'request-id',
  'x-correlation-id',
  'x-trace-id',
  'x-amzn-trace-id',
  'b3',
  'cf-ray',
  'traceparent',
  'tracestate',
  'x-response-time',
  'x-runtime',
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
])

const isExchangeField = (name: string, status: number): boolean =>
  exchangeFields.has(name) ||
  name.startsWith('ratelimit') ||
  name.startsWith('x-ratelimit-') ||
  name.startsWith('x-b3-') ||
  (name === 'retry-after' && status >= 200 && status < 300)

/** What the content cannot be used without, whatever `includeHeaders` says. */
const contentFields: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-disposition',
  'cache-control',
  'expires',
  'etag',
  'last-modified',
  'location',
  'vary',
])

/** Which fields a policy stores. */
export interface FieldRules {
  readonly includeHeaders: readonly string[] | undefined
  readonly excludeHeaders: readonly string[]
}

/** Field names that the qualified private and no-cache keep out of a shared store (RFC 9111 §5.2.2.4, §5.2.2.7). */
const withheld = (directives: ResponseDirectives): ReadonlySet<string> => {
  const names = new Set<string>()
  if (Array.isArray(directives.private)) for (const name of directives.private) names.add(name)
  if (Array.isArray(directives.noCache)) for (const name of directives.noCache) names.add(name)
  return names
}

/** The header fields to store: all but those of the exchange, of one user, and those that the policy leaves out. */
export const storedFields = (
  status: number,
  headers: FieldMap,
  directives: ResponseDirectives,
  rules: FieldRules,
): FieldTable => {
  const kept = newFieldTable()
  const secret = withheld(directives)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || isExchangeField(name, status) || secret.has(name)) continue
    if (rules.excludeHeaders.includes(name)) continue
    if (
      rules.includeHeaders !== undefined &&
      !rules.includeHeaders.includes(name) &&
      !contentFields.has(name)
    )
      continue
    kept[name] = value
  }
  return kept
}
