import type { StoredResponse } from './entry.ts'
import type { Flight } from './flight.ts'
import type { HandlerCache } from './handler.ts'
import type { MaybePromise } from './message.ts'
import type { Policy } from './policy.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { isUnsafe } from './semantics/invalidate.ts'
import type { StoreContext } from './semantics/storable.ts'
import { hasValidator, validationHeaders } from './semantics/validate.ts'
import type { Stamp } from './stamp.ts'
import { type Found, stampedAt } from './store.ts'
import type { CacheRequest } from './view.ts'
import type { Asked } from './who-asks.ts'

/** Why and how a request goes forward. */
export interface Plan {
  readonly request: CacheRequest
  readonly policy: Policy
  readonly reason: ForwardReason
  readonly detail: string | undefined
  /** What the functions of the policy said at the lookup, where they are to say the same of the response. */
  readonly asked: Asked | undefined
  /** What the lookup found; undefined where nothing was looked up. */
  readonly found: Found | undefined
  /** Whether the response may be stored. */
  readonly fills: boolean
  readonly credentials: StoreContext['credentials']
  readonly flight: Flight | undefined
  /** False: the request waited for another and was not answered by it. */
  readonly collapsed: false | undefined
  /** Whether this is a revalidation that no client waits for. */
  readonly background: boolean
  /** Whether functions have decided the key that only the route may ask. */
  readonly atRoute: boolean
  /** Whether the policy is that of a route that is remembered for the path, and has not been reached yet. */
  readonly unreached: boolean
  /** The invalidation clock when the request met the cache, where nothing was looked up for it then. */
  readonly stampAtArrival: MaybePromise<Stamp | undefined>
  /** Whether a response that is no error invalidates the target (RFC 9111 §4.4). */
  readonly invalidates: boolean
}

/**
 * What most plans do not say: every plan has all members. V8 before 12, which is Node 20, gives each object that begins as
 * a copy and gains a member a hidden class of its own, for which no inline cache ever hits.
 */
export const blankPlan: Omit<Plan, 'request' | 'policy' | 'reason'> = {
  detail: undefined,
  asked: undefined,
  found: undefined,
  fills: false,
  credentials: undefined,
  flight: undefined,
  collapsed: undefined,
  background: false,
  atRoute: false,
  unreached: false,
  stampAtArrival: undefined,
  invalidates: false,
}

/** A request that became another on its way is answered as that one: not for the store, and unsafe where it is. */
export const afterMethodChange = (plan: Plan, method: string | undefined): Plan => {
  const { request, policy, invalidates, background } = plan
  if (method === undefined || method === request.method || background) return plan
  const unsafe = isUnsafe(method) && !policy.methods.has(method)
  return { ...plan, fills: false, detail: 'method-changed', invalidates: invalidates || unsafe }
}

/** The stored response that the handler may confirm by a 304. */
export const validatedBy = ({ fills, found }: Plan): StoredResponse | undefined => {
  const stored = fills ? found?.entry?.stored : undefined
  return stored !== undefined && hasValidator(stored.headers) ? stored : undefined
}

/** What a handler that fills must not see: it would answer with a part, or with nothing (RFC 9111 §4.3.1). */
const hidden = {
  'if-none-match': undefined,
  'if-modified-since': undefined,
  range: undefined,
  'if-range': undefined,
}

/** What the handler is told of its request. */
export const statusOf = (plan: Plan): HandlerCache['status'] => {
  if (!plan.fills) return 'bypass'
  if (plan.background) return 'refresh'
  return validatedBy(plan) === undefined ? 'miss' : 'revalidate'
}

/** The client's conditions are answered here; those of the stored response are asked instead (RFC 9111 §4.3.1). */
export const requestEditsOf = (plan: Plan): Readonly<Record<string, string | undefined>> => {
  if (!plan.fills) return {}
  const stored = validatedBy(plan)
  return stored === undefined ? hidden : { ...hidden, ...validationHeaders(stored.headers) }
}

/** Whether only the route waits for others: in front of it nobody has looked for one that is running. */
const waitsOnlyAt = ({ policy: front, fills, background }: Plan, { collapse }: Policy): boolean =>
  front.collapse === false && collapse !== false && fills && !background

/**
 * Whether what was looked up in front of a route holds by the route's policy as well. Functions may answer otherwise at
 * the route: a user may have been authenticated meanwhile.
 */
export const holdsAlsoBy = (plan: Plan, policy: Policy): boolean =>
  plan.found !== undefined &&
  plan.policy.lookupId === policy.lookupId &&
  !policy.deferred &&
  !waitsOnlyAt(plan, policy)

/** The route turns out to be one that is not cached: what its own lookup would have said. */
const switchedOff = (plan: Plan): Plan => ({
  ...plan,
  fills: false,
  reason: 'bypass',
  detail: 'policy',
})

/** The plan of a request that has come to a route whose policy lets stand what was looked up. */
export const reached = (plan: Plan, policy: Policy): Plan => {
  const there = { ...plan, policy, unreached: false }
  return policy.ttl === false ? switchedOff(there) : there
}

/** The plan of a later lookup, for a request whose clock was read at an earlier one, as `stamp`: it counts from there. */
export const countedFrom = (earlier: Plan, later: Plan, stamp: Stamp | undefined): Plan => {
  const counted = earlier.found !== undefined || earlier.stampAtArrival !== undefined
  const { found } = later
  return counted && found !== undefined ? { ...later, found: stampedAt(found, stamp) } : later
}
