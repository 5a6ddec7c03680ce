import type { Verdict } from './decision.ts'
import { reuseFacts } from './entry.ts'
import { type Exchange, failRevalidation, replaceWith } from './exchange.ts'
import { mayUseStaleIfError, staleness } from './semantics/reuse.ts'

/**
 * A stored response in the place of a failure, where one may stand in (RFC 5861 §4). `status` is undefined where the
 * handler failed without one.
 */
export const standIn = (exchange: Exchange, status: number | undefined): Verdict | undefined => {
  const { engine } = exchange
  const { clock, flights, reports } = engine
  const { found, flight, request, background } = exchange.plan
  const entry = found?.entry
  if (found === undefined || entry === undefined) return undefined
  if (background === true) failRevalidation(exchange, new Error(`status ${status}`))
  flights.markFailing(found.key.id)
  const since = entry.invalidatedAt === undefined ? undefined : Math.max(0, clock() - entry.invalidatedAt)
  const facts = reuseFacts(entry.stored, clock(), since)
  if (!mayUseStaleIfError(facts, entry.stored.status, engine.directivesOf(request))) return undefined
  // The waiters look up again and find the same stale response.
  flight?.rekey()
  if (background !== true) reports.count('stale')
  const ttl = Math.floor(-staleness(facts) / 1000)
  return replaceWith(exchange, entry.stored, { fwdStatus: status, ttl, detail: 'sie' })
}
