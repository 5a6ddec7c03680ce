import type { Forward, Reuse } from './decision.ts'
import type { Decoded } from './decoded.ts'
import type { Engine, Search } from './engine.ts'
import { ForwardedRequest } from './forward.ts'
import { infoOf } from './info.ts'
import { blankPlan, type Plan } from './plan.ts'
import { grantedFrom } from './precedence.ts'
import { select } from './select.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { type ReuseFacts, staleness } from './semantics/reuse.ts'
import { type Handling, statusFields } from './status-fields.ts'

/** A stored response as the answer. */
export const reuse = (search: Search, entry: Decoded, facts: ReuseFacts, handling: Handling): Reuse => {
  const { request, engine } = search
  const { reports, status, clock } = engine
  const { stored } = entry
  const ttl = Math.floor(-staleness(facts) / 1000)
  // Every field named, so that all handlings have one hidden class: this is the path of hits.
  const { fwd, collapsed, detail } = handling
  const hit = fwd === undefined ? true : undefined
  const key = status.debug ? stored.key : undefined
  const { lifetime } = facts
  const full: Handling = { hit, fwd, collapsed, detail, ttl, key, lifetime }
  const added = statusFields(status, full, stored.headers)
  // RFC 9111 §5.1
  const age = Math.floor(facts.age / 1000)
  added.age = String(age)
  if (stored.downstream && staleness(facts) < 0) Object.assign(added, grantedFrom(age, stored.headers))
  reports.count(staleness(facts) < 0 ? 'hits' : 'stale')
  reports.countHit(stored.route, stored.handlerMs)
  if (reports.wants('hit')) reports.emit('hit', infoOf(stored, request.url, clock()))
  return { action: 'reuse', response: select(stored, request.method, request.headers, added) }
}

/** A request that goes to the handler. */
export const goForward = (engine: Engine, plan: Plan): Forward => {
  const { reports } = engine
  if (!plan.background && reports.wants('miss')) {
    const reason = plan.detail === undefined ? plan.reason : `${plan.reason} ${plan.detail}`
    reports.emit('miss', { key: plan.found?.primary.full ?? '', reason })
  }
  return new ForwardedRequest(engine, plan)
}

/** The plan of a search whose response may fill the cache. */
export const fillPlan = (search: Search, reason: ForwardReason, detail: string | undefined): Plan => {
  const { request, policy, asked, found, credentials, inFront, learned: unreached } = search
  const atRoute = !inFront && policy.deferred
  const said = { detail, asked, found, fills: true, credentials, atRoute, unreached }
  return { request, policy, reason, ...blankPlan, ...said }
}
