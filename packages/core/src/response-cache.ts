import type { BackendHealth, CacheBackend } from './backend.ts'
import type { CacheKey } from './cache-key.ts'
import type { Decision, Forward } from './decision.ts'
import type { RouteInfo } from './declared.ts'
import type { CacheEvents, CacheStats } from './events.ts'
import type { LoadContext, LoadPolicy } from './load.ts'
import type { MaybePromise } from './message.ts'
import type { CachePolicy, RoutePolicy } from './options.ts'
import type { InvalidateOptions, Selector, SelectorPlace } from './selector.ts'
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
  /** For adapters: throws a `CacheConfigError` where a selector cannot work, and names `place` in it. */
  checkSelector(selector: Selector, options?: InvalidateOptions, place?: SelectorPlace): void
  /** For adapters: invalidates when this Forward's handler has answered with 2xx or 3xx. Throws nothing. */
  invalidateAfter(forward: Forward, selector: () => Selector, options?: InvalidateOptions): void
}
