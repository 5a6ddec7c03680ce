import type { BackendHealth, CacheBackend } from './backend.ts'
import type { CacheKey } from './cache-key.ts'
import { createLoads, loadTtl } from './cache-loads.ts'
import { Deadline } from './deadline.ts'
import type { Decision, Forward } from './decision.ts'
import { DeclaredRoutes, type RouteInfo } from './declared.ts'
import { CacheBackendError } from './errors.ts'
import { Flights } from './flights.ts'
import { ForwardedRequest } from './forward.ts'
import type { GuardBackend, GuardedStore } from './guarded.ts'
import { keyPrefix } from './key.ts'
import { type LoadContext, type LoadPolicy, readLoadPolicy } from './load.ts'
import type { Loads } from './loads.ts'
import { Lookup } from './lookup.ts'
import { type MaybePromise, whenReady } from './message.ts'
import type { CacheOptions, CachePolicy, RoutePolicy } from './options.ts'
import type { PathOptions } from './path-rules.ts'
import { compileOptions, type Policy, type Settings } from './policy.ts'
import { type CacheEvents, type CacheStats, Reports } from './reports.ts'
import { defaultRules, policyAt, type Rules, rulesOfCache } from './route-rules.ts'
import { type InvalidateOptions, type Invalidation, invalidationOf, type Selector } from './selector.ts'
import { createStamps, type Stamps } from './stamps.ts'
import { EntryStore } from './store.ts'
import { tellOfStore } from './store-events.ts'
import type { CacheRequest } from './view.ts'

declare const compiled: unique symbol

/**
 * A validated policy of one route, as `cache.policy()` makes it for adapters.
 *
 * @example
 * const items: RouteRules = cache.policy({ ttl: '5m' }, 'GET /items')
 */
export interface RouteRules {
  readonly [compiled]: true
}

/** An adapter hands back what `policy()` made; what is inside belongs to the core. */
const sealed = (rules: Rules): RouteRules => rules as unknown as RouteRules
const opened = (rules: RouteRules | undefined, otherwise: Rules): Rules =>
  rules === undefined ? otherwise : (rules as unknown as Rules)

/**
 * A cache: what middleware asks for every request, and what applications invalidate.
 *
 * @example
 * const cache = createCache({ ttl: '1m' })
 * await cache.invalidate({ tags: ['catalogue'] })
 */
export interface ResponseCache<Req = unknown> extends AsyncDisposable {
  readonly backend: CacheBackend
  /**
   * Invalidates what a selector covers, in O(1) of the number of entries. Once the promise has resolved, no response
   * made before is served as fresh to a request that comes after; fills under way included. Rejects with a
   * `CacheBackendError` where the store did not take it within the backend deadline.
   *
   * @example
   * await cache.invalidate({ urlPrefix: '/items' }, { mode: 'stale' })
   */
  invalidate(selector: Selector, options?: InvalidateOptions): Promise<{ readonly seq: number }>
  /**
   * The value under `key`, or what `load` answers, which is kept as JSON beside the responses, and invalidated with
   * them: by its tags, by `{ key }`, by `{ all: true }`. Concurrent calls share one load (and its very object). A store
   * that fails is reported and done without. Rejects with what `load` throws, unless a stale value may stand in.
   *
   * @example
   * const user = await cache.getOrSet('user:1', () => db.user(1), { ttl: '5m', tags: ['users'] })
   */
  getOrSet<T>(
    key: string | CacheKey,
    load: (context: LoadContext<T>) => Promise<T> | T,
    policy?: LoadPolicy,
  ): Promise<T>
  /**
   * What is configured where: the options, the rules by path, and the routes with policies of their own as far as their
   * framework has told them, some of them at their first request.
   */
  routes(): readonly RouteInfo[]
  /** Counters since the start, of the whole cache and by route. */
  stats(): CacheStats
  /** The backend's health; a backend that has none to tell is asked for a key. Waits no longer than the deadline. */
  health(): Promise<BackendHealth>
  /** Listens to an event; the function returned stops that. */
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): () => void
  /** Closes the backend. Requests that come later are forwarded. A second call does nothing. */
  close(): Promise<void>
  /** For adapters: the answer to a request, in front of the routes or by the rules of one. */
  lookup(request: CacheRequest<Req>, rules?: RouteRules): MaybePromise<Decision>
  /** For adapters: a request that goes to the handler without a lookup. */
  bypass(request: CacheRequest<Req>): Forward
  /**
   * For adapters: validates a route's policy; throws a `CacheConfigError` that names `place`. It lies over the options
   * of the cache, or over the defaults that are given; `overrides` lie over it.
   */
  policy(
    policy?: RoutePolicy<Req>,
    place?: string,
    over?: RouteRules,
    overrides?: CachePolicy<Req>,
  ): RouteRules
  /** For adapters: validates the defaults of a part of an application, for `policy()` to lay routes over. */
  defaults(policy: RoutePolicy<Req>, place: string, over?: RouteRules): RouteRules
  /** For adapters: tells `routes()` where a policy counts, if the framework knows it before the first request. */
  declare(rules: RouteRules, at: { readonly method: string; readonly route: string }): void
  /** For adapters: whether a response to such a request can be stored at all, by these rules or those of the cache. */
  mayStore(method: string, rules?: RouteRules): boolean
  /** For adapters: a Forward with a route's rules added, or what the lookup by them finds. */
  refine(forward: Forward, rules: RouteRules): MaybePromise<Decision>
  /** For adapters: throws a `CacheConfigError` where a selector cannot work. */
  checkSelector(selector: Selector, options?: InvalidateOptions): void
  /** For adapters: invalidates when this Forward's handler has answered with 2xx or 3xx. Throws nothing. */
  invalidateAfter(forward: Forward, selector: () => Selector, options?: InvalidateOptions): void
}

/** An adapter hands back what `lookup()` answered. */
const ownOf = (forward: Forward): ForwardedRequest => {
  if (forward instanceof ForwardedRequest) return forward
  throw new TypeError('a Forward of another cache')
}

const noPaths: PathOptions = { rules: [], includePaths: undefined, excludePaths: [] }

interface Parts {
  /** The user's own. */
  readonly backend: CacheBackend
  readonly guarded: GuardedStore
  readonly settings: Settings
  readonly policy: Policy
  readonly stamps: Stamps
  readonly reports: Reports
  readonly deadline: Deadline
  readonly loads: Loads
}

/** A backend that others may share keeps no count of invalidations: what that means is said once, at the start. */
const noteLocalInvalidation = ({ name = 'backend' }: CacheBackend, { logger }: Settings): void => {
  const message = `${name} has no tags capability: invalidations are seen by this process alone`
  if (logger !== undefined) logger.warn(`stowage LOCAL_INVALIDATION ${message}`)
  else process.emitWarning(message, { type: 'StowageWarning', code: 'LOCAL_INVALIDATION' })
}

const createParts = (
  options: CacheOptions | undefined,
  place: string,
  defaultBackend: () => CacheBackend,
  guard: GuardBackend,
): Parts => {
  const { policy, settings } = compileOptions(options, place)
  const backend = settings.backend ?? defaultBackend()
  const reports = new Reports(settings.logger)
  if (backend.tags === undefined) noteLocalInvalidation(backend, settings)
  const guarded = guard(backend, settings.backendDeadline)
  const stamps = createStamps(guarded.durable, settings.namespace)
  // The guard ends every call in time.
  const deadline = new Deadline(backend.name ?? 'backend', Number.POSITIVE_INFINITY, reports)
  const base = { settings, policy, stamps, reports, deadline }
  return { ...base, backend, guarded, loads: createLoads({ ...base, backend: guarded.entries }) }
}

const probe = async ({ guarded }: Parts): Promise<BackendHealth> => {
  const began = performance.now()
  try {
    const health = await (guarded.entries.health?.() ?? guarded.entries.get('#health'))
    if (health !== null && typeof health === 'object') return health
    return { status: 'healthy', connected: true, latencyMs: performance.now() - began }
  } catch (error) {
    return {
      status: 'unhealthy',
      connected: false,
      error: error instanceof Error ? error.message : String(error),
    }
  }
}

/** On behalf of a request: what fails is reported, and nothing waits longer than the deadline. */
const carryOut = (
  { stamps, deadline, reports, loads }: Parts,
  invalidation: Invalidation,
): MaybePromise<void> => {
  loads.noteInvalidation()
  const { tags, mode, selector, reason } = invalidation
  const done = deadline.call<number | undefined>({
    code: 'BACKEND_INVALIDATE',
    operation: 'tags.bump',
    run: () => stamps.invalidate(tags, mode),
    otherwise: undefined,
  })
  return whenReady(done, (seq) => {
    if (seq !== undefined)
      reports.emit('invalidate', { selector, seq, ...(reason === undefined ? {} : { reason }) })
  })
}

/** On behalf of the application: it learns whether the store has taken the invalidation. */
const invalidate = async (
  parts: Parts,
  { tags, mode, selector, reason }: Invalidation,
): Promise<{ seq: number }> => {
  const { stamps, reports, backend, loads } = parts
  loads.noteInvalidation()
  try {
    const seq = await stamps.invalidate(tags, mode)
    reports.emit('invalidate', { selector, seq, ...(reason === undefined ? {} : { reason }) })
    return { seq }
  } catch (error) {
    reports.error('BACKEND_INVALIDATE', 'invalidate', error)
    const about = { backend: backend.name ?? 'backend', operation: 'invalidate', cause: error }
    throw new CacheBackendError(error instanceof CacheBackendError ? error.code : 'BACKEND_ERROR', about)
  }
}

const createLookup = (parts: Parts, rules: Rules, store: EntryStore): Lookup => {
  const { settings, reports, backend } = parts
  const { name, statusHeaders, debug } = settings
  return new Lookup({
    settings,
    rules,
    reports,
    store,
    flights: new Flights(settings.clock),
    status: { name, statusHeaders, debug, backendName: backend.name ?? 'backend' },
    keyPrefix: keyPrefix(settings.namespace, settings.version),
    carryOut: (invalidation) => carryOut(parts, invalidation),
  })
}

/** A cache whose backend is `settings.backend`, or what `defaultBackend` makes. */
export const assembleCache = <Req>(
  options: CacheOptions<Req> | undefined,
  place: string,
  defaultBackend: () => CacheBackend,
  guard: GuardBackend,
): ResponseCache<Req> => {
  // Policy functions take the framework's request, which the core only hands through.
  const parts = createParts(options as CacheOptions | undefined, place, defaultBackend, guard)
  const { backend, guarded, deadline, reports, stamps, settings, policy, loads } = parts
  const store = new EntryStore(guarded.entries, stamps, deadline, reports, settings.clock)
  const own = rulesOfCache(policy)
  const lookup = createLookup(parts, own, store)
  const { named, paths } = settings
  const declared = new DeclaredRoutes()
  const at = (request: CacheRequest, rules: RouteRules): Policy => {
    declared.meet(opened(rules, own), request)
    return policyAt(paths, request, opened(rules, own))
  }
  const stopListening = tellOfStore(guarded, reports)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      store.clear()
      loads.close()
      await guarded.entries.close()
      stopListening()
    })()
    return closing
  }
  return {
    backend,
    // Async, so that a selector that cannot work rejects like everything else that goes wrong.
    invalidate: async (selector, options) => invalidate(parts, invalidationOf(selector, options)),
    // Async for the same reason.
    getOrSet: async (key, load, rules = {}) =>
      loads.get(String(key), load, readLoadPolicy(rules, loadTtl(policy))),
    routes: () => declared.list(policy, paths?.options ?? noPaths),
    declare: (rules, where) => declared.meet(opened(rules, own), where),
    stats: () => reports.stats(),
    health: () => probe(parts),
    on: (event, listener) => reports.on(event, listener),
    close,
    [Symbol.asyncDispose]: close,
    lookup: (request, rules) =>
      rules === undefined ? lookup.lookupInFront(request) : lookup.lookup(request, at(request, rules)),
    bypass: (request) => lookup.bypass(request),
    policy: (route, place = 'cache.route', over, overrides) => {
      const statement = { route: route as RoutePolicy | undefined, overrides, place, named }
      return sealed(declared.state(statement, opened(over, own)))
    },
    defaults: (defaults, place, over) =>
      sealed(defaultRules({ route: defaults as RoutePolicy, place, named }, opened(over, own))),
    mayStore: (method, rules) => {
      const { ttl, methods } = opened(rules, own).policy
      // A rule by path may state another ttl.
      return (ttl !== false || paths !== undefined) && methods.has(method)
    },
    refine: (forward, rules) => ownOf(forward).refine(at(forward.request, rules)),
    checkSelector: (selector, options) => void invalidationOf(selector, options),
    invalidateAfter: (forward, selector, options) =>
      ownOf(forward).invalidatesAfter(() => invalidationOf(selector(), options)),
  }
}
