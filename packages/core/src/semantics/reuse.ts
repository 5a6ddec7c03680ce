import type { Reason } from '../message.ts'
import type { RequestDirectives, ResponseDirectives } from './cache-control.ts'

/** What decides about the reuse of a stored response, in milliseconds. */
export interface ReuseFacts {
  readonly directives: ResponseDirectives
  readonly lifetime: number
  readonly age: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** Milliseconds since a soft invalidation was seen; undefined without one. */
  readonly invalidatedFor: number | undefined
}

/** `fresh`: serve. `stale`: serve, the client accepts it. `refresh`: serve and revalidate. `validate`: forward. */
export interface ReuseDecision {
  readonly use: 'fresh' | 'stale' | 'refresh' | 'validate'
  readonly reason: Reason
}

const decision = (use: ReuseDecision['use'], code: string, detail: string, ref: string): ReuseDecision => ({
  use,
  reason: { code, detail, ref },
})

const fresh = decision('fresh', 'fresh', 'the freshness lifetime exceeds the current age', 'RFC 9111 §4.2')
const invalidated = decision('validate', 'invalidated', 'invalidated as stale', 'RFC 9111 §4.4')
const expired = decision('validate', 'stale', 'the freshness lifetime has passed', 'RFC 9111 §4.2')
const mustValidate = decision('validate', 'no-cache', 'the response requires validation', 'RFC 9111 §5.2.2.4')
const swr = decision('refresh', 'swr', 'within stale-while-revalidate', 'RFC 5861 §3')
const maxStale = decision('stale', 'max-stale', 'the client accepts a stale response', 'RFC 9111 §5.2.1.2')
const requestNoCache = decision(
  'validate',
  'request-no-cache',
  'the request asks for validation',
  'RFC 9111 §5.2.1.4',
)
const requestMaxAge = decision(
  'validate',
  'request-max-age',
  'older than the request allows',
  'RFC 9111 §5.2.1.1',
)
const requestMinFresh = decision(
  'validate',
  'request-min-fresh',
  'not fresh for long enough',
  'RFC 9111 §5.2.1.3',
)

/** How long ago the response stopped being fresh; not above 0 while it is fresh. */
export const staleness = (facts: ReuseFacts): number =>
  facts.invalidatedFor === undefined
    ? facts.age - facts.lifetime
    : Math.max(facts.age - facts.lifetime, facts.invalidatedFor)

const isFresh = (facts: ReuseFacts): boolean =>
  facts.invalidatedFor === undefined && facts.lifetime > facts.age

/** A window of no length permits nothing, not even at the moment in which a response becomes stale. */
const isWithin = (since: number, window: number): boolean => since < 0 || (window > 0 && since <= window)

/** Directives that forbid a stale response whatever else permits it (RFC 9111 §4.2.4). */
export const forbidsStale = (directives: ResponseDirectives): boolean =>
  directives.mustRevalidate === true ||
  directives.proxyRevalidate === true ||
  directives.sMaxage !== undefined ||
  directives.noCache === true

/** What the request asks beyond freshness (RFC 9111 §5.2.1); undefined where it is content. */
const refusedByRequest = (facts: ReuseFacts, request: RequestDirectives): ReuseDecision | undefined => {
  if (request.noCache === true) return requestNoCache
  if (request.maxAge !== undefined && facts.age > request.maxAge * 1000) return requestMaxAge
  if (request.minFresh !== undefined && facts.lifetime < facts.age + request.minFresh * 1000)
    return requestMinFresh
  return undefined
}

/**
 * May this stored response satisfy this request without going forward? (RFC 9111 §4, §4.2.4, §5.2.1; RFC 5861 §3)
 * A client's max-stale reaches no further than the window that the policy keeps for errors: a request alone must
 * not widen what may be served.
 */
export const mayReuse = (facts: ReuseFacts, request: RequestDirectives): ReuseDecision => {
  if (facts.directives.noCache === true) return mustValidate
  const refused = refusedByRequest(facts, request)
  if (isFresh(facts)) return refused ?? fresh
  const since = staleness(facts)
  if (forbidsStale(facts.directives) || request.noCache === true) return refused ?? expired
  const accepted = Math.min((request.maxStale ?? -1) * 1000, facts.staleIfError)
  if (request.maxStale !== undefined && isWithin(since, accepted) && refused === undefined) return maxStale
  // A max-age without max-stale says that no stale response is wanted (§5.2.1.1).
  if (isWithin(since, facts.staleWhileRevalidate) && request.maxAge === undefined && refused === undefined)
    return swr
  return facts.invalidatedFor === undefined ? expired : invalidated
}

/** The failures in which RFC 5861 §4 lets a stale response stand in. */
export const isServerFailure = (status: number): boolean =>
  status === 500 || status === 502 || status === 503 || status === 504

/** May the stored response stand in for a failed handler? (RFC 5861 §4, RFC 9111 §4.2.4) A stored error never does. */
export const mayUseStaleIfError = (
  facts: ReuseFacts,
  status: number,
  request: RequestDirectives,
): boolean => {
  if (status >= 400 || forbidsStale(facts.directives)) return false
  const window = Math.min(facts.staleIfError, (request.staleIfError ?? Number.POSITIVE_INFINITY) * 1000)
  return isWithin(staleness(facts), window)
}
