import { collapse } from './collapse.ts'
import type { Decision, Reuse } from './decision.ts'
import type { Decoded } from './decoded.ts'
import type { Engine, Search } from './engine.ts'
import { factsOf } from './facts.ts'
import { flightKey } from './flights.ts'
import type { MaybePromise } from './message.ts'
import type { Plan } from './plan.ts'
import { isReplayable, replayed } from './replayed.ts'
import { fillPlan, goForward, reuse } from './reuse-or-forward.ts'
import { ownResponse } from './select.ts'
import { noDirectives } from './semantics/cache-control.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { mayReuse, mayUseStaleIfError, type ReuseFacts } from './semantics/reuse.ts'
import { permitsCredentials } from './semantics/storable.ts'
import { statusFields } from './status-fields.ts'

/** The answer to a lookup: the stored response, where it may be reused, or the way to the handler (RFC 9111 §4). */
export const answer = (search: Search): MaybePromise<Decision> => {
  const { engine, found, directives, credentials } = search
  const { entry } = found
  if (entry === undefined) return missed(search, found.fields.length > 0 ? 'vary-miss' : 'uri-miss')
  if (!entry.stored.scoped && !permitsCredentials(entry.stored.directives, credentials))
    return missed({ ...search, found: { ...found, entry: undefined } }, 'request')
  const facts = factsOf(engine, entry)
  const { use, reason } = mayReuse(facts, directives)
  if (use === 'fresh') return reuse(search, entry, facts, {})
  if (use === 'stale') return reuse(search, entry, facts, { detail: 'max-stale' })
  if (use === 'refresh') return refresh(search, entry, facts)
  return validate(search, entry, facts, reason.code)
}

/** RFC 9111 §5.2.1.7 */
const onlyIfCached = ({ status }: Engine): Reuse => {
  const added = statusFields(status, { detail: 'only-if-cached' }, {})
  return { action: 'reuse', response: ownResponse(504, added) }
}

const missed = (search: Search, reason: ForwardReason): MaybePromise<Decision> => {
  const { engine, directives, credentials } = search
  if (directives.onlyIfCached === true) return onlyIfCached(engine)
  const detail = credentials === 'authorization' ? 'authorization' : 'cookie'
  return collapse(search, reason, reason === 'request' ? detail : undefined)
}

/** A stale response that a background refresh may replace (RFC 5861 §3). */
const refresh = (search: Search, entry: Decoded, facts: ReuseFacts): Decision => {
  const { engine, request, policy, found, directives } = search
  const { flights } = engine
  const stale = (): Reuse => reuse(search, entry, facts, { detail: 'swr' })
  if (flights.isFailing(found.key.id)) return stale()
  const replayable = isReplayable(request, policy, found.fields)
  // A response to HEAD has no content that could be stored.
  if (!replayable && (request.method === 'HEAD' || directives.onlyIfCached === true)) return stale()
  // What is replayed has nobody's credentials, whoever came.
  const credentials = replayable ? undefined : search.credentials
  const flight = flights.open(flightKey(found.key.id, credentials))
  if (flight === undefined) return stale()
  const plan: Plan = { ...fillPlan(search, 'stale', undefined), flight, credentials }
  // Where nobody else can ask the same, this request asks, and the others are served meanwhile.
  if (!replayable) return goForward(engine, plan)
  if (!flights.takeRevalidation()) {
    flight.close()
    return stale()
  }
  const again = replayed(request, policy, found.fields)
  // A function that wants what is not in the key would refuse it.
  const background: Plan = { ...plan, request: again, asked: undefined, background: true }
  return { ...stale(), revalidation: goForward(engine, background) }
}

/** A stored response that must not be reused unasked: it is validated by the handler (RFC 9111 §4.3). */
const validate = (
  search: Search,
  entry: Decoded,
  facts: ReuseFacts,
  code: string,
): MaybePromise<Decision> => {
  const { engine, found, directives, request, credentials } = search
  const { flights } = engine
  if (directives.onlyIfCached === true) return onlyIfCached(engine)
  const forced = code.startsWith('request-')
  const running = flights.get(flightKey(found.key.id, credentials)) !== undefined
  if (forced && !running && !flights.mayForce(found.key.id)) {
    const { use } = mayReuse(facts, noDirectives)
    if (use === 'fresh') return reuse(search, entry, facts, { detail: 'refresh-limit' })
  }
  if (flights.isFailing(found.key.id) && mayUseStaleIfError(facts, entry.stored.status, directives))
    return reuse(search, entry, facts, { detail: 'sie' })
  return collapse(search, forced && request.method !== 'HEAD' ? 'request' : 'stale', undefined)
}
