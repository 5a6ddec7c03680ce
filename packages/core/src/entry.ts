import type { ResponseHead } from './message.ts'
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
