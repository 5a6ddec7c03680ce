import type { Verdict } from './decision.ts'
import type { Decoded } from './decoded.ts'
import type { Engine } from './engine.ts'
import { type Exchange, failRevalidation, replaceWith } from './exchange.ts'
import { factsOf } from './facts.ts'
import { type MaybePromise, whenReady } from './message.ts'
import type { RequestDirectives } from './semantics/cache-control.ts'
import { mayReuse, mayUseStaleIfError, staleness } from './semantics/reuse.ts'
import type { Found } from './store.ts'

/**
 * A stored response in the place of a failure, where one may stand in (RFC 5861 §4). `status` is undefined where the
 * handler failed without one.
 */
export const standIn = (exchange: Exchange, status: number | undefined): Verdict | undefined => {
  const { engine } = exchange
  const { flights, reports } = engine
  const { found, flight, request, background } = exchange.plan
  const entry = found?.entry
  if (found === undefined || entry === undefined) return undefined
  if (background) failRevalidation(exchange, new Error(`status ${status}`))
  flights.markFailing(found.key.id)
  const facts = factsOf(engine, entry)
  if (!mayUseStaleIfError(facts, entry.stored.status, engine.directivesOf(request))) return undefined
  // The waiters look up again and find the same stale response.
  flight?.rekey()
  if (!background) reports.count('stale')
  const ttl = Math.floor(-staleness(facts) / 1000)
  return replaceWith(exchange, entry.stored, { fwdStatus: status, ttl, detail: 'sie' })
}

/** Which of its limits a handler has run over. */
export type Limit = 'soft' | 'hard'

/** A client that wants no stored response waits for the handler, as long as there is one to wait for. */
const wantsStored = (entry: Decoded, engine: Engine, directives: RequestDirectives): boolean =>
  !mayReuse(factsOf(engine, entry), directives).reason.code.startsWith('request-')

/**
 * The stale response that may stand in for an overdue handler (RFC 5861 §4), checked against what has been invalidated
 * since it was found.
 */
export const staleInstead = (
  engine: Engine,
  found: Found | undefined,
  directives: RequestDirectives,
  limit: Limit,
): MaybePromise<Decoded | undefined> => {
  const entry = found?.entry
  if (entry === undefined) return undefined
  return whenReady(engine.store.stamp(), (stamp) => {
    if (stamp === undefined) return undefined
    return whenReady(engine.store.verify(entry, stamp), (valid) => {
      if (valid === undefined || (limit === 'soft' && !wantsStored(valid, engine, directives)))
        return undefined
      return mayUseStaleIfError(factsOf(engine, valid), valid.stored.status, directives) ? valid : undefined
    })
  })
}
