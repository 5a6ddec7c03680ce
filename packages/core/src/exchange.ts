import { credentialsOf } from './credentials.ts'
import type { FieldEdits, Verdict } from './decision.ts'
import type { Engine } from './engine.ts'
import { reuseFacts, type StoredResponse } from './entry.ts'
import type { Fill } from './fill.ts'
import type { Remarks } from './handler.ts'
import { type ForwardedHead, ownTarget } from './head.ts'
import type { FieldMap } from './message.ts'
import type { Plan } from './plan.ts'
import { notModified, select } from './select.ts'
import { clientConditionHolds, hasConditions } from './semantics/validate.ts'
import type { Stamp } from './stamp.ts'
import { type Handling, statusFields } from './status-fields.ts'

/** One forwarded request and what is known of it when its response comes. */
export interface Exchange {
  readonly engine: Engine
  readonly plan: Plan
  readonly remarks: Remarks
  /** When the handler started, in milliseconds. */
  readonly requestTime: number
}

export const fillOf = (exchange: Exchange, head: ForwardedHead, stamp: Stamp): Fill => {
  const { request, policy, asked, credentials, atRoute, unreached } = exchange.plan
  const { remarks, requestTime } = exchange
  const responseTime = exchange.engine.clock()
  return {
    request,
    policy,
    asked,
    // What was added on the way to the handler counts as what the client has sent.
    credentials: (policy.scope === undefined ? credentialsOf(request.headers) : undefined) ?? credentials,
    remarks,
    requestTime,
    responseTime,
    stamp,
    atRoute,
    unreached,
    route: head.route,
  }
}

/** The fields that tell what the cache did with this request. */
export const addedFields = (
  exchange: Exchange,
  handling: Handling,
  existing: FieldMap,
): Record<string, string> => {
  const { reason: fwd, collapsed, found } = exchange.plan
  const { status } = exchange.engine
  const key = status.debug ? found?.key.full : undefined
  // Every field named, so that all handlings have one hidden class.
  const { fwdStatus, stored, detail, ttl, lifetime } = handling
  return statusFields(status, { fwd, fwdStatus, collapsed, stored, detail, ttl, key, lifetime }, existing)
}

/** A stored response in the place of what the handler said. */
export const replaceWith = (
  exchange: Exchange,
  stored: StoredResponse,
  handling: Handling,
  cookies?: string | readonly string[],
): Verdict => {
  const { request } = exchange.plan
  const { age } = reuseFacts(stored, exchange.engine.clock(), undefined)
  const added = {
    ...addedFields(exchange, handling, stored.headers),
    // RFC 9111 §5.1
    age: String(Math.floor(age / 1000)),
    ...(cookies === undefined ? {} : { 'set-cookie': cookies }),
  }
  return { record: false, edits: {}, response: select(stored, request.method, request.headers, added) }
}

/** What the handler removed of the outer fields, an empty list for each; `Vary` is told apart already. */
const removedFields = ({ headers, outer = {} }: ForwardedHead): Record<string, readonly string[]> => {
  const removed: Record<string, readonly string[]> = Object.create(null)
  for (const name of Object.keys(outer))
    if (name !== 'vary' && headers[name] === undefined) removed[name] = []
  return removed
}

/** What the handler said, with what the cache adds; or a 304, where the client's hidden condition asks for one. */
export const sendOn = (
  exchange: Exchange,
  head: ForwardedHead,
  edits: FieldEdits,
  handling: Handling,
): Verdict => {
  const { request, fills } = exchange.plan
  const added = addedFields(exchange, { fwdStatus: head.status, ...handling }, head.headers)
  const all: FieldEdits = Object.assign({}, edits, added)
  if (head.headers[ownTarget] !== undefined) all[ownTarget] = undefined
  if (!fills || head.status !== 200 || !hasConditions(request.headers)) return { record: false, edits: all }
  const headers = { ...removedFields(head), ...head.headers, ...all }
  const responseTime = exchange.engine.clock()
  const holds = clientConditionHolds(request.headers, { status: 200, headers, responseTime })
  return holds
    ? { record: false, edits: all, response: notModified(headers, {}) }
    : { record: false, edits: all }
}

/** The failure of a revalidation leaves the stale response as it was, and the handler in peace for a while. */
export const failRevalidation = (exchange: Exchange, error: unknown): void => {
  const { reports, flights, clock } = exchange.engine
  const { found } = exchange.plan
  if (found === undefined) return
  flights.markFailing(found.key.id)
  reports.error('REVALIDATION_FAILED', 'revalidate', error)
  reports.emit('refresh', { key: found.key.full, ms: clock() - exchange.requestTime, ok: false })
}

/** A miss of the client that waits for this response; for a revalidation in the background nobody does. */
export const countMiss = ({ engine, plan }: Exchange, route: string | undefined): void => {
  if (plan.background) return
  engine.reports.count('misses')
  engine.reports.countMiss(route)
}

export const rejectResponse = (exchange: Exchange, code: string, detail: string): void => {
  const { reports } = exchange.engine
  const { found } = exchange.plan
  if (found !== undefined && reports.wants('reject'))
    reports.emit('reject', { key: found.primary.full, code, detail })
}
