import type { FieldMap, Reason } from '../message.ts'
import type { ResponseDirectives } from './cache-control.ts'
import { fieldValue, hasField } from './fields.ts'
import { explicitLifetime, hasInvalidAge, heuristicLifetime, type LifetimeSource } from './freshness.ts'
import { varyFields } from './vary.ts'

/** What a forwarded request and its policy say about storing, beside the response itself. */
export interface StoreContext {
  /** `authorization`, or another field that carries credentials; undefined where the request has none that matter. */
  readonly credentials: 'authorization' | 'other' | undefined
  /** Milliseconds said by the handler for this one response; it outranks what the header fields declare. */
  readonly said: number | undefined
  /** Milliseconds; what the policy gives a response that declares nothing itself. */
  readonly ttl: number | false | undefined
  /** Lifetimes the policy lists for statuses. */
  readonly statusTtl: number | false | undefined
  readonly heuristic: number | false
  readonly responseTime: number
  /** Whether a response that is stale at once is worth keeping, for validation or for a stale window. */
  readonly keepsStale: boolean
}

/** Milliseconds of freshness and where they come from, or the reasons against storing. */
export type StoreDecision =
  | { readonly storable: true; readonly lifetime: number; readonly source: LifetimeSource | 'policy' }
  | { readonly storable: false; readonly reason: Reason }

const refuse = (code: string, detail: string, ref: string): StoreDecision => ({
  storable: false,
  reason: { code, detail, ref },
})

const refusals = {
  status: refuse('status', 'this status is never stored', 'RFC 9111 §3'),
  mustUnderstand: refuse('must-understand', 'the status is not understood', 'RFC 9111 §5.2.2.3'),
  noStore: refuse('no-store', 'the response forbids storing', 'RFC 9111 §5.2.2.5'),
  private: refuse('private', 'the response is for one user', 'RFC 9111 §5.2.2.7'),
  authorization: refuse('authorization', 'the request has credentials', 'RFC 9111 §3.5'),
  cookie: refuse('cookie', 'the request has credentials', 'RFC 9111 §7.3'),
  setCookie: refuse('set-cookie', 'the response sets a cookie', 'RFC 9111 §7.3'),
  token: refuse('token', 'the response hands out a credential', 'RFC 9111 §7.3'),
  varyStar: refuse('vary-star', 'Vary: * never matches', 'RFC 9111 §4.1'),
  stream: refuse('stream', 'an endless or unbuffered response', 'RFC 9111 §3.3'),
  policy: refuse('policy', 'the policy stores nothing here', 'RFC 9111 §2'),
  error: refuse('error', 'an error without explicit freshness', 'RFC 9111 §3'),
  notFresh: refuse('no-freshness', 'neither response nor policy declares a lifetime', 'RFC 9111 §3'),
  zero: refuse('zero-lifetime', 'stale at once and without a validator', 'RFC 9111 §4.2.1'),
} as const

/** The final status codes whose caching requirements are implemented here (RFC 9111 §3, RFC 9110 §15). */
const understood: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 429, 431, 451, 500,
  501, 502, 503, 504,
])

/** What a ttl alone covers: successes and permanent redirects that are cacheable by default (RFC 9110 §15.1). */
const coveredByTtl: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308])

const refusedByDirectives = (status: number, directives: ResponseDirectives): StoreDecision | undefined => {
  const understands = directives.mustUnderstand === true && understood.has(status)
  if (directives.mustUnderstand === true && !understands) return refusals.mustUnderstand
  // §5.2.2.3: no-store beside must-understand is meant for caches that do not understand the status.
  if (directives.noStore === true && !understands) return refusals.noStore
  if (directives.private === true) return refusals.private
  return undefined
}

/** Whether a shared response may be given to, or come from, a request with credentials (RFC 9111 §3.5). */
export const permitsCredentials = (
  directives: ResponseDirectives,
  credentials: StoreContext['credentials'],
): boolean =>
  credentials === undefined ||
  // What is damaged restricts, and permits nothing.
  (directives.damaged !== true &&
    (directives.public === true ||
      directives.sMaxage !== undefined ||
      (credentials === 'authorization' && directives.mustRevalidate === true)))

const endless = /^(?:text\/event-stream|multipart\/x-mixed-replace|application\/grpc)/i

/**
 * Whether a response by these fields ends late or never, or asks not to be buffered: it is never stored, and its head is
 * worth sending before there is anything else of it.
 *
 * @example
 * isEndless({ 'content-type': 'text/event-stream' })
 */
export const isEndless = (headers: FieldMap): boolean =>
  endless.test(fieldValue(headers, 'content-type') ?? '') ||
  fieldValue(headers, 'x-accel-buffering')?.trim().toLowerCase() === 'no'

/** Fields by which applications hand a credential to one client, as Set-Cookie does. */
const tokenFields = [
  'x-csrf-token',
  'x-xsrf-token',
  'csrf-token',
  'x-auth-token',
  'x-access-token',
  'authorization',
  'authentication-info',
] as const

const refusedByFields = (headers: FieldMap): StoreDecision | undefined => {
  if (hasField(headers, 'set-cookie')) return refusals.setCookie
  if (tokenFields.some((name) => hasField(headers, name))) return refusals.token
  if (varyFields(headers) === '*') return refusals.varyStar
  if (isEndless(headers)) return refusals.stream
  return undefined
}

/** The lifetime: what the response declares, else the policy, else the heuristic (RFC 9111 §4.2.1, §4.2.2). */
const lifetimeOf = (
  status: number,
  headers: FieldMap,
  directives: ResponseDirectives,
  context: StoreContext,
): StoreDecision => {
  if (context.said !== undefined && status < 400)
    return { storable: true, lifetime: context.said, source: 'policy' }
  const explicit = explicitLifetime(headers, directives, context.responseTime)
  if (explicit !== undefined) return { storable: true, lifetime: explicit.ms, source: explicit.source }
  const listed = context.statusTtl
  if (listed === false) return refusals.policy
  if (listed !== undefined) return { storable: true, lifetime: listed, source: 'policy' }
  if (status >= 400) return refusals.error
  if (context.ttl !== undefined && context.ttl !== false && coveredByTtl.has(status))
    return { storable: true, lifetime: context.ttl, source: 'policy' }
  if (context.heuristic !== false) {
    const ms = heuristicLifetime(status, headers, directives, context.heuristic, context.responseTime)
    if (ms !== undefined) return { storable: true, lifetime: ms, source: 'heuristic' }
  }
  if (directives.noCache === true) return { storable: true, lifetime: 0, source: 'none' }
  return refusals.notFresh
}

/** May this response be stored by a shared cache, and for how long is it fresh? (RFC 9111 §3) */
export const isStorable = (
  status: number,
  headers: FieldMap,
  directives: ResponseDirectives,
  context: StoreContext,
): StoreDecision => {
  // 1xx is not final; 206 and 304 are parts of a response, never one by themselves (§3, §3.3).
  if (status < 200 || status > 599 || status === 206 || status === 304) return refusals.status
  const refused = refusedByDirectives(status, directives) ?? refusedByFields(headers)
  if (refused !== undefined) return refused
  if (context.ttl === false && context.said === undefined) return refusals.policy
  if (!permitsCredentials(directives, context.credentials))
    return context.credentials === 'authorization' ? refusals.authorization : refusals.cookie
  const declared = lifetimeOf(status, headers, directives, context)
  if (!declared.storable) return declared
  // An age that nobody can read may be any: stale at once (§5.1).
  const decision = hasInvalidAge(headers) ? { ...declared, lifetime: 0 } : declared
  const reusable = decision.lifetime > 0 && directives.noCache !== true
  return reusable || context.keepsStale ? decision : refusals.zero
}
