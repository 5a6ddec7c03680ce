import type { Verdict } from './decision.ts'
import { reuseFacts, type StoredResponse } from './entry.ts'
import {
  countMiss,
  type Exchange,
  failRevalidation,
  fillOf,
  rejectResponse,
  replaceWith,
  sendOn,
} from './exchange.ts'
import { decideStore, type Fill, isShareable, tagsOfFill } from './fill.ts'
import { flightKey } from './flights.ts'
import { type Freshened, freshenStored } from './freshen-stored.ts'
import { type ForwardedHead, type JudgedHead, judgeHead } from './head.ts'
import { validatedBy } from './plan.ts'
import { overruled } from './precedence.ts'
import { Recording } from './recording.ts'
import { downstreamCacheControl, type FieldEdits, responseEdits } from './response-edits.ts'
import { fieldValue } from './semantics/fields.ts'
import { correctedInitialAge } from './semantics/freshness.ts'
import { isServerFailure } from './semantics/reuse.ts'
import type { StoreDecision } from './semantics/storable.ts'
import { identifiesStored } from './semantics/validate.ts'
import { varyFields } from './semantics/vary.ts'
import type { Stamp } from './stamp.ts'
import { standIn } from './stand-in.ts'
import type { Handling } from './status-fields.ts'
import type { Found } from './store.ts'

/** What a response head leads to: a verdict for the adapter, and what of the response is to be kept. */
export interface Outcome {
  readonly verdict: Verdict
  readonly recording?: Recording
  /** A stored response that a 304 has freshened. */
  readonly freshened?: StoredResponse
}

const differs = (head: ForwardedHead, stored: StoredResponse, name: string): boolean => {
  const value = fieldValue(head.headers, name)
  return value !== undefined && value !== fieldValue(stored.headers, name)
}

/** A HEAD that went forward and differs shows that the stored GET response is out of date (RFC 9111 §4.3.5). */
const compareHead = (exchange: Exchange, head: ForwardedHead): void => {
  const { request, found } = exchange.plan
  const stored = found?.entry?.stored
  if (request.method !== 'HEAD' || head.status !== 200 || found === undefined || stored === undefined) return
  const compared = stored.madeEtag
    ? ['last-modified', 'content-length']
    : ['etag', 'last-modified', 'content-length']
  if (compared.some((name) => differs(head, stored, name))) void exchange.engine.store.delete(found.key)
}

/** What caches behind this one are told of a response that is for one user alone. */
const downstreamEdits = (exchange: Exchange, head: ForwardedHead): FieldEdits => {
  const { policy, request } = exchange.plan
  if (!policy.methods.has(request.method)) return {}
  const said = fieldValue(head.headers, 'cache-control')
  const declares = said !== undefined || fieldValue(head.headers, 'expires') !== undefined
  const told = downstreamCacheControl(said, declares, policy, false)
  return told === undefined ? {} : { 'cache-control': told }
}

/** A response that is not considered for storing. */
const passOn = (exchange: Exchange, head: ForwardedHead): Verdict => {
  const { flight, reason, detail, fills } = exchange.plan
  const { reports } = exchange.engine
  const bypassed = reason === 'bypass' || reason === 'method'
  if (bypassed) reports.count('bypasses')
  else countMiss(exchange, head.route)
  flight?.refuse(head.status < 500)
  compareHead(exchange, head)
  // A lookup that could have filled and may not: the invalidation clock was out of reach.
  const why = detail ?? (fills ? 'backend' : undefined)
  return sendOn(exchange, head, downstreamEdits(exchange, head), why === undefined ? {} : { detail: why })
}

const decide = (exchange: Exchange, judged: JudgedHead, fill: Fill): StoreDecision => {
  try {
    return decideStore(judged, fill)
  } catch (error) {
    exchange.engine.reports.error('POLICY_FUNCTION', 'ttl', error)
    return {
      storable: false,
      reason: { code: 'policy-error', detail: 'the ttl function failed', ref: 'RFC 9111 §2' },
    }
  }
}

/** The tags of a response; undefined where they cannot be had, and it must not be stored without them. */
export const collectTags = (
  exchange: Exchange,
  judged: JudgedHead,
  fill: Fill,
): readonly string[] | undefined => {
  try {
    return tagsOfFill(judged, fill)
  } catch (error) {
    exchange.engine.reports.error('POLICY_FUNCTION', 'tags', error)
    return undefined
  }
}

const placeOf = (exchange: Exchange, found: Found, judged: JudgedHead): Found => {
  const fields = varyFields(judged.deciding)
  return fields === '*' ? found : exchange.engine.store.place(found, fields, exchange.plan.request.headers)
}

/** Tells the waiters at the head what can be known of the response by then. */
const announce = (exchange: Exchange, judged: JudgedHead, place: Found, shared: boolean): void => {
  const { flight, request, found, credentials } = exchange.plan
  const { store, flights } = exchange.engine
  if (place.fields.length > 0) {
    store.learnVary(place.primary, place.fields)
    flight?.narrow(place.fields, request.headers)
    if (flight !== undefined) flights.move(flight, flightKey(place.key.id, credentials))
  }
  if (!shared) flight?.refuse(judged.status < 500)
  else if (found !== undefined) flights.markCollapsible(flightKey(found.key.id, credentials), found.key.id)
}

const refuse = (exchange: Exchange, code: string, detail: string, status: number): void => {
  const { flight, background } = exchange.plan
  // A failing handler is no sign that its responses cannot be shared.
  flight?.refuse(status < 500)
  rejectResponse(exchange, code, detail)
  if (background && status >= 500 && !isServerFailure(status))
    failRevalidation(exchange, new Error(`status ${status}`))
}

const bodyOf = ({ body }: ForwardedHead): Buffer | undefined => (typeof body === 'function' ? body() : body)

/** A full response: stored where it may be, and sent on in either case (RFC 9111 §3, §4.3.3). */
const judgeResponse = (exchange: Exchange, head: ForwardedHead, found: Found, stamp: Stamp): Outcome => {
  const { engine, plan } = exchange
  const judged = overruled(judgeHead(head, engine.targets, exchange.remarks.vary), plan.policy)
  const fill = fillOf(exchange, head, stamp)
  countMiss(exchange, head.route)
  const decision = decide(exchange, judged, fill)
  const tags = decision.storable ? collectTags(exchange, judged, fill) : undefined
  const stores = tags !== undefined
  const edits = responseEdits(judged, fill.policy, stores, stores ? bodyOf(head) : undefined)
  if (!decision.storable || tags === undefined) {
    const { code, detail } = decision.storable
      ? { code: 'tags', detail: 'no or too many tags' }
      : decision.reason
    refuse(exchange, code, detail, head.status)
    // The handler has another answer now, which is not for the store: the old one must not outlive it.
    if (found.entry !== undefined && head.status < 500) void engine.store.delete(found.key)
    return { verdict: sendOn(exchange, head, edits, { detail: code }) }
  }
  const place = placeOf(exchange, found, judged)
  const shared = isShareable(decision, judged.directives)
  announce(exchange, judged, place, shared)
  const { lifetime } = decision
  const initialAge = correctedInitialAge(judged.deciding, fill.requestTime, fill.responseTime)
  const ttl = Math.ceil((lifetime - initialAge) / 1000)
  const kept: Handling = found.stamp === undefined ? { detail: 'backend' } : { stored: true, ttl, lifetime }
  const sent = sendOn(exchange, head, edits, kept)
  const recorded = { judged, fill, place, lifetime, tags, edits, shared }
  return { verdict: { ...sent, record: true }, recording: new Recording(recorded, plan.policy.maxBodyBytes) }
}

const tryFreshen = (
  exchange: Exchange,
  stored: StoredResponse,
  judged: JudgedHead,
  fill: Fill,
): Freshened | undefined => {
  if (!identifiesStored(judged.own, stored.headers)) return undefined
  try {
    return freshenStored(stored, judged, fill)
  } catch (error) {
    exchange.engine.reports.error('POLICY_FUNCTION', 'ttl', error)
    return undefined
  }
}

/** A 304 to the stored validators: the stored response is freshened and sent (RFC 9111 §4.3.3, §4.3.4). */
const judgeNotModified = (
  exchange: Exchange,
  head: ForwardedHead,
  found: Found,
  stored: StoredResponse,
  stamp: Stamp,
): Outcome => {
  const { engine, plan } = exchange
  const fill = fillOf(exchange, head, stamp)
  const freshened = tryFreshen(exchange, stored, judgeHead(head, engine.targets, exchange.remarks.vary), fill)
  countMiss(exchange, head.route)
  if (freshened === undefined || !freshened.decision.storable) {
    // The handler stands by the stored content for this one answer; nobody else may have it any more.
    plan.flight?.refuse(false)
    void engine.store.delete(found.key)
    const detail =
      freshened?.decision.storable === false ? freshened.decision.reason.code : 'validator-mismatch'
    const sent = freshened?.stored ?? stored
    // Cookies of the 304 are for the client that asked.
    return { verdict: replaceWith(exchange, sent, { fwdStatus: 304, detail }, head.headers['set-cookie']) }
  }
  const fresh = freshened.stored
  if (isShareable(freshened.decision, fresh.directives)) plan.flight?.land(fresh, found.here)
  else plan.flight?.refuse(false)
  const { age, lifetime } = reuseFacts(fresh, engine.clock(), undefined)
  const handling = {
    fwdStatus: 304,
    stored: true,
    ttl: Math.floor((lifetime - age) / 1000),
    lifetime,
  } as const
  return { verdict: replaceWith(exchange, fresh, handling), freshened: fresh }
}

/** What becomes of a response, at its head. */
export const judge = (exchange: Exchange, head: ForwardedHead): Outcome => {
  const { plan } = exchange
  const { fills, found, flight } = plan
  // What nobody may store is still for those who wait for it.
  const stamp = found?.stamp ?? (flight === undefined ? undefined : found?.here)
  const stale = isServerFailure(head.status) ? standIn(exchange, head.status) : undefined
  if (stale !== undefined) return { verdict: stale }
  if (!fills || found === undefined || stamp === undefined) return { verdict: passOn(exchange, head) }
  const validated = head.status === 304 ? validatedBy(plan) : undefined
  return validated === undefined
    ? judgeResponse(exchange, head, found, stamp)
    : judgeNotModified(exchange, head, found, validated, stamp)
}
