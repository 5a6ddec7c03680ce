import type { Decision } from './decision.ts'
import type { Search } from './engine.ts'
import { factsOf } from './facts.ts'
import type { FlightOutcome } from './flight.ts'
import { flightKey } from './flights.ts'
import type { MaybePromise } from './message.ts'
import type { Plan } from './plan.ts'
import type { Collapse } from './policy-check.ts'
import { fillPlan, goForward, reuse } from './reuse-or-forward.ts'
import { ownResponse } from './select.ts'
import { noDirectives } from './semantics/cache-control.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { mayReuse, mayUseStaleIfError } from './semantics/reuse.ts'
import { permitsCredentials } from './semantics/storable.ts'
import { staleInstead } from './stand-in.ts'
import { statusFields } from './status-fields.ts'

/** How often a request looks up again because the key of what it waited for has changed. */
const mostAttempts = 3

/** Goes forward: alone, as the one that others wait for, or by waiting for another (RFC 9111 §4). */
export const collapse = (
  search: Search,
  reason: ForwardReason,
  detail: string | undefined,
): MaybePromise<Decision> => {
  const { engine, request, policy, found, credentials } = search
  const { flights, reports } = engine
  const plan = fillPlan(search, reason, detail)
  // A response to HEAD has no content that could be stored (RFC 9110 §9.3.2).
  if (request.method === 'HEAD') return goForward(engine, { ...plan, fills: false })
  // A part of what is not stored is the handler's to cut, and is not stored (RFC 9111 §3.3).
  if (request.headers.range !== undefined && found.entry === undefined)
    return goForward(engine, { ...plan, fills: false, detail: detail ?? 'range' })
  if (policy.collapse === false) return goForward(engine, plan)
  const key = flightKey(found.key.id, credentials)
  if (flights.isUncollapsible(key)) {
    reports.count('hitForMiss')
    return goForward(engine, plan)
  }
  const running = flights.get(key)
  const recent = running !== undefined && flights.isRecent(running)
  // Without the store nobody knows what others have invalidated since: who comes late waits for a later run.
  if (running === undefined || (found.stamp === undefined && !recent))
    return goForward(engine, { ...plan, flight: flights.replace(key) })
  const terms = running.terms ?? policy.collapse
  return wait(search, plan, patienceOf(terms, recent), running.join(request.headers, terms.wait))
}

/** How a request waits for another. */
interface Patience {
  readonly until: number
  /** Whether that one had begun so lately that it may be shared although the store cannot say what is valid. */
  readonly recent: boolean
  readonly onTimeout: Collapse['onTimeout']
}

const patienceOf = ({ wait, onTimeout }: Collapse, recent: boolean): Patience => ({
  until: performance.now() + wait,
  recent,
  onTimeout,
})

const wait = (
  search: Search,
  plan: Plan,
  patience: Patience,
  outcome: Promise<FlightOutcome> | undefined,
): MaybePromise<Decision> =>
  outcome === undefined
    ? goForward(search.engine, { ...plan, collapsed: false })
    : outcome.then((settled) => settle(search, plan, patience, settled))

/** What it waited for may have ended meanwhile: then it looks up again, as often as it may. */
const waitOrLookUp = (
  search: Search,
  plan: Plan,
  patience: Patience,
  outcome: Promise<FlightOutcome> | undefined,
): MaybePromise<Decision> =>
  outcome === undefined && search.attempt < mostAttempts
    ? search.engine.lookupAgain(search)
    : wait(search, plan, patience, outcome)

const settle = (
  search: Search,
  plan: Plan,
  patience: Patience,
  outcome: FlightOutcome,
): MaybePromise<Decision> => {
  const { engine, attempt } = search
  const alone = (): Decision => goForward(engine, { ...plan, collapsed: false })
  switch (outcome.kind) {
    case 'stored':
      return share(search, plan, patience, outcome)
    case 'lead':
      return goForward(engine, { ...plan, flight: outcome.flight })
    case 'again':
      return attempt < mostAttempts ? engine.lookupAgain(search) : alone()
    case 'terms':
      return waitOn(search, plan, patience, outcome)
    case 'overdue':
      return instead(search, plan, patience, outcome)
    case 'late':
      return late(search, patience) ?? alone()
    default:
      return alone()
  }
}

/** No attempt of those that a request has: each of several routes on the way of each that is waited for may have its terms. */
const waitOn = (
  search: Search,
  plan: Plan,
  { recent }: Patience,
  { terms, flight }: Extract<FlightOutcome, { kind: 'terms' }>,
): MaybePromise<Decision> => {
  const joined = flight.join(search.request.headers, terms.wait)
  return waitOrLookUp(search, plan, patienceOf(terms, recent), joined)
}

/** What another request brought: checked like any stored response, against what has been invalidated since. */
const share = (
  search: Search,
  plan: Plan,
  { recent }: Patience,
  { stored, here }: Extract<FlightOutcome, { kind: 'stored' }>,
): MaybePromise<Decision> => {
  const { engine, credentials, attempt } = search
  const { store, reports } = engine
  const check = async (): Promise<Decision> => {
    const entry = await store.verifyShared(stored, recent ? here : undefined)
    // Many may have waited: one of them runs the handler for the others.
    if (entry === undefined && !recent && attempt < mostAttempts) return engine.lookupAgain(search)
    // What a route has stored by its functions is not for who waits in front of it.
    const early = search.inFront && stored.atRoute
    const permitted = !early && (stored.scoped || permitsCredentials(stored.directives, credentials))
    const facts = entry !== undefined && permitted ? factsOf(engine, entry) : undefined
    if (entry === undefined || facts === undefined || mayReuse(facts, noDirectives).use !== 'fresh')
      return goForward(engine, { ...plan, collapsed: false })
    reports.count('collapsed')
    return reuse(search, entry, facts, { fwd: plan.reason, collapsed: true })
  }
  return check()
}

/** The handler takes too long: a stale response where there is one, else the wait goes on as long as there is hope. */
const instead = async (
  search: Search,
  plan: Plan,
  patience: Patience,
  { limit, flight }: Extract<FlightOutcome, { kind: 'overdue' }>,
): Promise<Decision> => {
  const { engine, request, found, directives, attempt } = search
  const entry = await staleInstead(engine, found, directives, limit)
  if (entry !== undefined) return reuse(search, entry, factsOf(engine, entry), { detail: `${limit}-timeout` })
  if (limit === 'hard' && attempt < mostAttempts) return engine.lookupAgain(search)
  const joined = flight.join(request.headers, Math.max(0, patience.until - performance.now()), true)
  return waitOrLookUp(search, plan, patience, joined)
}

/** Waited in vain: what the policy wants then, or undefined for the handler. */
const late = (search: Search, { onTimeout }: Patience): Decision | undefined => {
  const { engine, found, directives } = search
  const { entry } = found
  if (entry !== undefined && onTimeout === 'stale') {
    const facts = factsOf(engine, entry)
    if (mayUseStaleIfError(facts, entry.stored.status, directives))
      return reuse(search, entry, facts, { detail: 'collapse-timeout' })
  }
  if (onTimeout !== 503) return undefined
  const added = statusFields(engine.status, { detail: 'collapse-timeout' }, {})
  return { action: 'reuse', response: ownResponse(503, { ...added, 'retry-after': '1' }) }
}
