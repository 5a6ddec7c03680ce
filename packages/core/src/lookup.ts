import { answer } from './answer.ts'
import { atOnce } from './at-once.ts'
import { BoundedMap } from './bounded-map.ts'
import { copied } from './copied.ts'
import { credentialsOf } from './credentials.ts'
import type { Decision, Forward } from './decision.ts'
import { sha256 } from './digest.ts'
import type { Engine, Search } from './engine.ts'
import type { Flights } from './flights.ts'
import { bodyDigest } from './key.ts'
import { isPromise, type MaybePromise, whenReady } from './message.ts'
import { blankPlan, type Plan } from './plan.ts'
import type { Policy, Settings } from './policy.ts'
import { PrimaryKeys } from './primary-keys.ts'
import { refuseLookup } from './refusal.ts'
import type { Reports } from './reports.ts'
import { goForward } from './reuse-or-forward.ts'
import { policyAt, type Rules } from './route-rules.ts'
import type { Invalidation } from './selector.ts'
import { noDirectives, type RequestDirectives, requestDirectives } from './semantics/cache-control.ts'
import { isUnsafe } from './semantics/invalidate.ts'
import type { StatusSettings } from './status-fields.ts'
import type { EntryStore } from './store.ts'
import { type CacheRequest, createView, splitTarget } from './view.ts'
import { type Asked, askBy, askScope, askWhen } from './who-asks.ts'

/** What lookups of one cache share beside the engine's parts. */
export interface LookupParts extends Pick<Engine, 'status' | 'store' | 'flights' | 'reports' | 'invalidate'> {
  readonly settings: Settings
  readonly rules: Rules
  readonly keyPrefix: string
}

const lookedUpAtRoutes: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'QUERY'])

/** By which rules a request is looked up, and where. */
interface Place {
  readonly policy: Policy
  readonly inFront: boolean
  /** Whether the policy is one of a route that is remembered for the path. */
  readonly learned: boolean
  readonly attempt: number
}

const mostRules = 10_000
/** A client can ask for paths of any length. */
const longestRulesKey = 200

/** The lookups of one cache: from a request to a response that is there, or to a forwarded request. */
export class Lookup implements Engine {
  readonly status: StatusSettings
  readonly targets: readonly string[]
  readonly store: EntryStore
  readonly flights: Flights
  readonly reports: Reports
  readonly clock: () => number
  /** Nothing is looked up any more. */
  closed = false
  readonly #parts: LookupParts
  /** Rules of routes by host and path, so that the next lookup in front of them goes by the same. */
  readonly #rules = new BoundedMap<Policy>(mostRules)
  readonly #keys: PrimaryKeys

  constructor(parts: LookupParts) {
    this.#parts = parts
    this.#keys = new PrimaryKeys(parts.keyPrefix)
    this.status = parts.status
    this.targets = parts.settings.targets
    this.store = parts.store
    this.flights = parts.flights
    this.reports = parts.reports
    this.clock = parts.settings.clock
  }

  /** Looks up before the route is known: by the rules remembered for the path, else by those of the whole cache. */
  lookupInFront(request: CacheRequest): MaybePromise<Decision> {
    return this.#guarded(request, this.#placeInFront(request, 0))
  }

  lookup(request: CacheRequest, policy: Policy): MaybePromise<Decision> {
    return this.#guarded(request, { policy, inFront: false, learned: false, attempt: 0 })
  }

  lookupAgain({ request, policy, inFront, attempt }: Search): MaybePromise<Decision> {
    const again = attempt + 1
    const place = inFront
      ? this.#placeInFront(request, again)
      : { policy, inFront, learned: false, attempt: again }
    return this.#guarded(request, place)
  }

  /** A request that only the handler can answer. */
  bypass(request: CacheRequest): Forward {
    const policy = this.#inFront(request)
    const { method } = request
    if (!policy.methods.has(method))
      return goForward(this, {
        request,
        policy,
        reason: 'method',
        ...blankPlan,
        invalidates: isUnsafe(method),
      })
    return this.#bypass(request, { policy, inFront: false, learned: false, attempt: 0 }, 'policy')
  }

  learnRules(request: CacheRequest, policy: Policy): void {
    this.#rules.set(copied(rulesKey(request)), policy)
  }

  invalidate(invalidation: Invalidation): MaybePromise<void> {
    return this.#parts.invalidate(invalidation)
  }

  directivesOf(request: CacheRequest): RequestDirectives {
    const { clientDirectives } = this.#parts.settings
    if (clientDirectives === 'ignore') return noDirectives
    if (
      typeof clientDirectives === 'function' &&
      !atOnce(clientDirectives(createView(request)), 'clientDirectives')
    )
      return noDirectives
    return requestDirectives(request.headers)
  }

  /** The policy of the whole cache for this path. */
  #inFront(request: CacheRequest): Policy {
    return policyAt(this.#parts.settings.paths, request, this.#parts.rules)
  }

  #placeInFront(request: CacheRequest, attempt: number): Place {
    const learned = this.#rules.size === 0 ? undefined : this.#rules.get(rulesKey(request))
    const policy = learned ?? this.#inFront(request)
    return { policy, inFront: true, learned: learned !== undefined, attempt }
  }

  /** Policy functions are the user's: where one throws, the request bypasses the cache. */
  #guarded(request: CacheRequest, place: Place): MaybePromise<Decision> {
    const failed = (error: unknown): Decision => {
      this.reports.error('POLICY_FUNCTION', 'lookup', error)
      return this.#bypass(request, place, 'policy-error')
    }
    try {
      const decision = this.#lookup(request, place)
      return isPromise(decision) ? decision.catch(failed) : decision
    } catch (error) {
      return failed(error)
    }
  }

  #lookup(request: CacheRequest, place: Place): MaybePromise<Decision> {
    // A store that is closed may answer all the same: it may belong to somebody else.
    if (this.closed) return this.#bypass(request, place, 'closed')
    const { policy, inFront, learned } = place
    const directives = this.directivesOf(request)
    const refusal = refuseLookup(request, policy, directives)
    if (refusal !== undefined)
      return goForward(this, {
        request,
        policy,
        ...blankPlan,
        ...refusal,
        stampAtArrival: this.#arrival(request, place),
      })
    // Rules that are functions may need what only the route knows: a user who has been authenticated by then. The
    // route looks up by them; under the rules of the whole cache its request has not been looked up by its own.
    if (inFront && learned && policy.deferred)
      return this.#bypass(request, { ...place, policy: this.#inFront(request) }, 'deferred')
    if (!askWhen(request, policy)) return this.#bypass(request, place, 'when')
    if (policy.scope === 'private') return this.#bypass(request, place, 'scope')
    const scope = askScope(request, policy)
    if (typeof policy.scope === 'function' && scope === undefined)
      return this.#bypass(request, place, 'scope')
    return whenReady(this.#bodyDigest(request, policy), (digest) =>
      digest === false
        ? this.#bypass(request, place, 'request-body')
        : this.#find(request, place, directives, { scope, bodyDigest: digest }),
    )
  }

  #find(
    request: CacheRequest,
    place: Place,
    directives: RequestDirectives,
    { scope, bodyDigest }: Pick<Asked, 'scope'> & { readonly bodyDigest: string | undefined },
  ): MaybePromise<Decision> {
    const { policy, inFront, learned, attempt } = place
    const asked = { scope, by: askBy(request, policy) }
    const key = this.#keys.of(request, policy, { scope, by: asked.by, bodyDigest })
    const credentials = policy.scope === undefined ? credentialsOf(request.headers) : undefined
    return whenReady(this.store.find(key, request.headers), (found) => {
      // What a route has stored by its functions is not for a lookup that asks the same ones too early.
      if (inFront && found.entry?.stored.atRoute === true) return this.#bypass(request, place, 'deferred')
      return answer({
        engine: this,
        request,
        policy,
        directives,
        credentials,
        asked,
        found,
        inFront,
        learned,
        attempt,
      })
    })
  }

  /** The digest of a body that is part of the key; false where the body cannot be read within its limit. */
  #bodyDigest(request: CacheRequest, { key }: Policy): MaybePromise<string | false | undefined> {
    if (request.method === 'GET' || request.method === 'HEAD' || key.body === 'none') return undefined
    if (request.body === undefined) return false
    const failed = (error: unknown): false => {
      this.reports.error('REQUEST_BODY', 'body', error)
      return false
    }
    try {
      const read = request.body(key.maxBodyBytes)
      const digest = whenReady(read, (body) => (body && bodyDigest(body, key.body)) ?? false)
      return isPromise(digest) ? digest.catch(failed) : digest
    } catch (error) {
      return failed(error)
    }
  }

  /** What is not looked up may still change state: an unsafe request invalidates whatever else is done with it. */
  #bypass(request: CacheRequest, place: Place, detail: string): Forward {
    const { policy } = place
    const invalidates = isUnsafe(request.method) && !policy.methods.has(request.method)
    const stampAtArrival = this.#arrival(request, place)
    return goForward(this, {
      request,
      policy,
      reason: 'bypass',
      ...blankPlan,
      detail,
      invalidates,
      stampAtArrival,
    })
  }

  /** A route may still look up what the front did not: then it counts from here what has been invalidated. */
  #arrival({ method }: CacheRequest, { inFront }: Place): Plan['stampAtArrival'] {
    return inFront && !this.closed && lookedUpAtRoutes.has(method) ? this.store.stamp() : undefined
  }
}

/** Method, host and path: a route has one set of rules for all its queries. HEAD is answered by that of GET. */
const rulesKey = ({ method, authority, url, rewritten }: CacheRequest): string => {
  const path = `${method === 'HEAD' ? 'GET' : method} ${authority} ${splitTarget(url).path}`
  const key = rewritten === undefined ? path : `${path} ${splitTarget(rewritten).path}`
  return key.length <= longestRulesKey ? key : sha256(key)
}
