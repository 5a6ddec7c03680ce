import { BoundedMap } from './bounded-map.ts'
import type { Decision, Reuse } from './decision.ts'
import { type Decoded, undecided } from './decoded.ts'
import type { Engine } from './engine.ts'
import { reuseFacts } from './entry.ts'
import type { Plan } from './exchange.ts'
import type { Flights, Outcome } from './flights.ts'
import { flightKey } from './flights.ts'
import { Forward } from './forward.ts'
import { infoOf } from './info.ts'
import { bodyDigest, primaryKey } from './key.ts'
import { isPromise, type MaybePromise, whenReady } from './message.ts'
import type { Policy, Settings } from './policy.ts'
import { credentialsOf, refuseLookup } from './refusal.ts'
import { isReplayable, replayed } from './replayed.ts'
import type { Reports } from './reports.ts'
import { ownResponse, select } from './select.ts'
import type { Invalidation } from './selector.ts'
import { type RequestDirectives, requestDirectives } from './semantics/cache-control.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { isUnsafe } from './semantics/invalidate.ts'
import { mayReuse, mayUseStaleIfError, type ReuseFacts, staleness } from './semantics/reuse.ts'
import { permitsCredentials, type StoreContext } from './semantics/storable.ts'
import { type Handling, type StatusSettings, statusFields } from './status-fields.ts'
import type { EntryStore, Found } from './store.ts'
import { type CacheRequest, createView, splitTarget } from './view.ts'

/** Everything about one lookup that its steps share. */
interface Search {
  readonly request: CacheRequest
  readonly policy: Policy
  readonly directives: RequestDirectives
  readonly credentials: StoreContext['credentials']
  readonly found: Found
  /** Whether the rules of this lookup were chosen here, before the route is known. */
  readonly inFront: boolean
  readonly attempt: number
}

/** What lookups of one cache share beside the engine's parts. */
export interface LookupParts {
  readonly settings: Settings
  readonly policy: Policy
  readonly status: StatusSettings
  readonly store: EntryStore
  readonly flights: Flights
  readonly reports: Reports
  readonly keyPrefix: string
  carryOut(invalidation: Invalidation): MaybePromise<void>
}

const mostRules = 10_000
const mostForced = 10_000
/** A client may force one refresh of a key in this time; request directives are advisory (RFC 9111 §5.2.1). */
const forcedMs = 1000
const mostAttempts = 3
const noDirectives: RequestDirectives = {}

/** The lookups of one cache: from a request to a response that is there, or to a forwarded request. */
export class Lookup implements Engine {
  readonly status: StatusSettings
  readonly targets: readonly string[]
  readonly store: EntryStore
  readonly flights: Flights
  readonly reports: Reports
  readonly clock: () => number
  readonly #parts: LookupParts
  /** Rules of routes by host and path, so that the next lookup in front of them goes by the same. */
  readonly #rules = new BoundedMap<Policy>(mostRules)
  readonly #forced = new BoundedMap<number>(mostForced)

  constructor(parts: LookupParts) {
    this.#parts = parts
    this.status = parts.status
    this.targets = parts.settings.targets
    this.store = parts.store
    this.flights = parts.flights
    this.reports = parts.reports
    this.clock = parts.settings.clock
  }

  /** Looks up before the route is known: by the rules remembered for the path, else by those of the whole cache. */
  lookupInFront(request: CacheRequest): MaybePromise<Decision> {
    return this.#guarded(request, this.#rules.get(rulesKey(request)) ?? this.#parts.policy, true, 0)
  }

  lookup(request: CacheRequest, policy: Policy): MaybePromise<Decision> {
    return this.#guarded(request, policy, false, 0)
  }

  /** A request that only the handler can answer. */
  bypass(request: CacheRequest): Forward {
    return this.#bypass(request, this.#parts.policy, 'policy')
  }

  learnRules(request: CacheRequest, policy: Policy): void {
    this.#rules.set(rulesKey(request), policy)
  }

  carryOut(invalidation: Invalidation): MaybePromise<void> {
    return this.#parts.carryOut(invalidation)
  }

  directivesOf(request: CacheRequest): RequestDirectives {
    const { clientDirectives } = this.#parts.settings
    if (clientDirectives === 'ignore') return noDirectives
    if (typeof clientDirectives === 'function' && !clientDirectives(createView(request))) return noDirectives
    return requestDirectives(request.headers)
  }

  /** Policy functions are the user's: where one throws, the request bypasses the cache. */
  #guarded(request: CacheRequest, policy: Policy, inFront: boolean, attempt: number): MaybePromise<Decision> {
    const failed = (error: unknown): Decision => {
      this.reports.error('POLICY_FUNCTION', 'lookup', error)
      return this.#bypass(request, policy, 'policy-error')
    }
    try {
      const decision = this.#lookup(request, policy, inFront, attempt)
      return isPromise(decision) ? decision.catch(failed) : decision
    } catch (error) {
      return failed(error)
    }
  }

  #lookup(request: CacheRequest, policy: Policy, inFront: boolean, attempt: number): MaybePromise<Decision> {
    const directives = this.directivesOf(request)
    const refusal = refuseLookup(request, policy, directives)
    if (refusal !== undefined) return this.#forward({ request, policy, fills: false, ...refusal })
    // Rules that are functions may need what only the route knows: a user who has been authenticated by then. The
    // route looks up by them; under the rules of the whole cache its request has not been looked up by its own.
    if (inFront && policy !== this.#parts.policy && policy.deferred)
      return this.#bypass(request, this.#parts.policy, 'deferred')
    if (policy.when !== undefined && !policy.when(createView(request)))
      return this.#bypass(request, policy, 'when')
    if (policy.scope === 'private') return this.#bypass(request, policy, 'scope')
    const scope = typeof policy.scope === 'function' ? policy.scope(createView(request)) : undefined
    if (typeof policy.scope === 'function' && scope === undefined)
      return this.#bypass(request, policy, 'scope')
    return whenReady(this.#bodyDigest(request, policy), (digest) => {
      if (digest === false) return this.#bypass(request, policy, 'request-body')
      const inputs = {
        ...(scope === undefined ? {} : { scope }),
        ...(digest === undefined ? {} : { bodyDigest: digest }),
      }
      const key = primaryKey(this.#parts.keyPrefix, request, policy, inputs)
      const credentials = policy.scope === undefined ? credentialsOf(request.headers) : undefined
      return whenReady(this.store.find(key, request.headers), (found) =>
        this.#decide({ request, policy, directives, credentials, found, inFront, attempt }),
      )
    })
  }

  /** The digest of a body that is part of the key; false where the body cannot be read within its limit. */
  #bodyDigest(request: CacheRequest, { key }: Policy): MaybePromise<string | false | undefined> {
    if (request.method === 'GET' || request.method === 'HEAD' || key.body === 'none') return undefined
    if (request.body === undefined) return false
    return whenReady(request.body(key.maxBodyBytes), (body) => (body && bodyDigest(body, key.body)) ?? false)
  }

  #decide(search: Search): MaybePromise<Decision> {
    const { found, directives, credentials } = search
    const { entry } = found
    if (entry === undefined) return this.#missed(search, found.fields.length > 0 ? 'vary-miss' : 'uri-miss')
    if (!entry.stored.scoped && !permitsCredentials(entry.stored.directives, credentials))
      return this.#missed({ ...search, found: { ...found, entry: undefined } }, 'request')
    const facts = this.#facts(entry)
    const { use, reason } = mayReuse(facts, directives)
    if (use === 'fresh') return this.#reuse(search, entry, facts, {})
    if (use === 'stale') return this.#reuse(search, entry, facts, { detail: 'max-stale' })
    if (use === 'refresh') return this.#refresh(search, entry, facts)
    return this.#validate(search, entry, facts, reason.code)
  }

  #facts(entry: Decoded): ReuseFacts {
    const now = this.clock()
    return reuseFacts(
      entry.stored,
      now,
      entry.invalidatedAt === undefined ? undefined : now - entry.invalidatedAt,
    )
  }

  #missed(search: Search, reason: ForwardReason): MaybePromise<Decision> {
    const { directives, credentials } = search
    if (directives.onlyIfCached === true) return this.#onlyIfCached()
    const detail =
      reason !== 'request' ? undefined : credentials === 'authorization' ? 'authorization' : 'cookie'
    return this.#collapse(search, reason, detail)
  }

  /** A stale response that a background refresh may replace (RFC 5861 §3). */
  #refresh(search: Search, entry: Decoded, facts: ReuseFacts): Decision {
    const { request, policy, found, directives } = search
    const stale = (): Reuse => this.#reuse(search, entry, facts, { detail: 'swr' })
    if (this.flights.isFailing(found.key.id)) return stale()
    const replayable = isReplayable(request, policy, found.fields)
    // A response to HEAD has no content that could be stored.
    if (!replayable && (request.method === 'HEAD' || directives.onlyIfCached === true)) return stale()
    // What is replayed has nobody's credentials, whoever came.
    const credentials = replayable ? undefined : search.credentials
    const flight = this.flights.open(flightKey(found.key.id, credentials))
    if (flight === undefined) return stale()
    const plan: Plan = { request, policy, found, fills: true, reason: 'stale', flight, credentials }
    // Where nobody else can ask the same, this request asks, and the others are served meanwhile.
    if (!replayable) return this.#forward(plan)
    if (!this.flights.takeRevalidation()) {
      flight.close()
      return stale()
    }
    const again = replayed(request, policy, found.fields)
    return { ...stale(), revalidation: this.#forward({ ...plan, request: again, background: true }) }
  }

  #validate(search: Search, entry: Decoded, facts: ReuseFacts, code: string): MaybePromise<Decision> {
    const { found, directives, request, credentials } = search
    if (directives.onlyIfCached === true) return this.#onlyIfCached()
    const forced = code.startsWith('request-')
    const running = this.flights.get(flightKey(found.key.id, credentials)) !== undefined
    if (forced && !running && !this.#mayForce(found.key.id)) {
      const { use } = mayReuse(facts, noDirectives)
      if (use === 'fresh') return this.#reuse(search, entry, facts, { detail: 'refresh-limit' })
    }
    if (this.flights.isFailing(found.key.id) && mayUseStaleIfError(facts, entry.stored.status, directives))
      return this.#reuse(search, entry, facts, { detail: 'sie' })
    return this.#collapse(search, forced && request.method !== 'HEAD' ? 'request' : 'stale', undefined)
  }

  #mayForce(id: string): boolean {
    const now = this.clock()
    const passed = now - (this.#forced.get(id) ?? Number.NEGATIVE_INFINITY)
    if (passed >= 0 && passed < forcedMs) return false
    this.#forced.set(id, now)
    return true
  }

  /** Goes forward: alone, as the one that others wait for, or by waiting for another (RFC 9111 §4). */
  #collapse(search: Search, reason: ForwardReason, detail: string | undefined): MaybePromise<Decision> {
    const { request, policy, found, credentials } = search
    const { headers, method } = request
    const plan: Plan = {
      request,
      policy,
      found,
      reason,
      fills: true,
      credentials,
      ...(detail === undefined ? {} : { detail }),
    }
    if (method === 'HEAD') return this.#forward({ ...plan, fills: false })
    // A part of what is not stored is the handler's to cut.
    if (headers.range !== undefined && found.entry === undefined)
      return this.#forward({ ...plan, fills: false, detail: detail ?? 'range' })
    if (policy.collapse === false || found.stamp === undefined) return this.#forward(plan)
    const key = flightKey(found.key.id, credentials)
    if (this.flights.isUncollapsible(key)) {
      this.reports.count('hitForMiss')
      return this.#forward(plan)
    }
    const running = this.flights.get(key)
    if (running === undefined) return this.#forward(this.#lead(plan, key))
    const outcome = running.join(headers, policy.collapse.wait)
    if (outcome === undefined) return this.#forward({ ...plan, collapsed: false })
    return outcome.then((settled) => this.#settle(search, plan, settled))
  }

  #lead(plan: Plan, key: string): Plan {
    const flight = this.flights.open(key)
    return flight === undefined ? plan : { ...plan, flight }
  }

  #settle(search: Search, plan: Plan, outcome: Outcome): MaybePromise<Decision> {
    const alone = (): Decision => this.#forward({ ...plan, collapsed: false })
    switch (outcome.kind) {
      case 'stored':
        return this.#shared(search, plan, outcome)
      case 'lead':
        return this.#forward({ ...plan, flight: outcome.flight })
      case 'again':
        return search.attempt < mostAttempts ? this.#again(search) : alone()
      case 'late':
        return this.#late(search) ?? alone()
      default:
        return alone()
    }
  }

  #again({ request, policy, inFront, attempt }: Search): MaybePromise<Decision> {
    const rules = inFront ? (this.#rules.get(rulesKey(request)) ?? policy) : policy
    return this.#guarded(request, rules, inFront, attempt + 1)
  }

  /** What another request brought: checked like any stored response, against what has been invalidated since. */
  async #shared(
    search: Search,
    plan: Plan,
    { stored }: Extract<Outcome, { kind: 'stored' }>,
  ): Promise<Decision> {
    const stamp = await this.store.stamp()
    const fetched = undecided('', stored)
    const entry = stamp === undefined ? undefined : await this.store.verify(fetched, stamp)
    const facts = entry === undefined ? undefined : this.#facts(entry)
    const permitted = stored.scoped || permitsCredentials(stored.directives, search.credentials)
    if (
      entry === undefined ||
      facts === undefined ||
      !permitted ||
      mayReuse(facts, noDirectives).use !== 'fresh'
    )
      return this.#forward({ ...plan, collapsed: false })
    this.reports.count('collapsed')
    return this.#reuse(search, entry, facts, { fwd: plan.reason, collapsed: true })
  }

  #late(search: Search): Decision | undefined {
    const { policy, found, directives } = search
    const onTimeout = policy.collapse === false ? 'run' : policy.collapse.onTimeout
    const entry = found.entry
    if (entry !== undefined && onTimeout === 'stale') {
      const facts = this.#facts(entry)
      if (mayUseStaleIfError(facts, entry.stored.status, directives))
        return this.#reuse(search, entry, facts, { detail: 'collapse-timeout' })
    }
    if (onTimeout !== 503) return undefined
    const added = statusFields(this.status, { detail: 'collapse-timeout' }, {})
    return { action: 'reuse', response: ownResponse(503, { ...added, 'retry-after': '1' }) }
  }

  #reuse(search: Search, entry: Decoded, facts: ReuseFacts, handling: Handling): Reuse {
    const { request } = search
    const { stored } = entry
    const ttl = Math.floor(-staleness(facts) / 1000)
    const how: Handling = handling.fwd === undefined ? { hit: true, ttl, ...handling } : { ttl, ...handling }
    const full = this.status.debug
      ? { ...how, key: stored.key, lifetime: facts.lifetime }
      : { ...how, lifetime: facts.lifetime }
    const added = statusFields(this.status, full, stored.headers)
    added.age = String(Math.floor(facts.age / 1000))
    this.reports.count(staleness(facts) < 0 ? 'hits' : 'stale')
    this.reports.countHit(stored.route, stored.handlerMs)
    if (this.reports.wants('hit')) this.reports.emit('hit', infoOf(stored, request.url, this.clock()))
    return { action: 'reuse', response: select(stored, request.method, request.headers, added) }
  }

  /** RFC 9111 §5.2.1.7 */
  #onlyIfCached(): Reuse {
    const added = statusFields(this.status, { detail: 'only-if-cached' }, {})
    return { action: 'reuse', response: ownResponse(504, added) }
  }

  /** What is not looked up may still change state: an unsafe request invalidates whatever else is done with it. */
  #bypass(request: CacheRequest, policy: Policy, detail: string): Forward {
    const invalidates = isUnsafe(request.method) && !policy.methods.has(request.method)
    return this.#forward({ request, policy, fills: false, reason: 'bypass', detail, invalidates })
  }

  #forward(plan: Plan): Forward {
    if (this.reports.wants('miss')) {
      const key = plan.found?.primary.full ?? ''
      this.reports.emit('miss', {
        key,
        reason: plan.detail === undefined ? plan.reason : `${plan.reason} ${plan.detail}`,
      })
    }
    return new Forward(this, plan)
  }
}

/** Host and path: a route has one set of rules for all its queries and methods. */
const rulesKey = (request: CacheRequest): string => `${request.authority} ${splitTarget(request.url).path}`
