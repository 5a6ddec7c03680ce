import type { CachePolicy, InvalidateOptions, MaybePromise, RoutePolicy, Selector } from '@stowage/core'
import { selectorFor } from './adapter.ts'
import { atRoute, invalidating, type Layer } from './places.ts'

/**
 * What middleware has for the routes of an application: `Raw` is the framework's request, `Handler` its middleware of one
 * route.
 *
 * @example
 * const { route }: RouteMethods<Request, RequestHandler> = cacheMiddleware()
 */
export interface RouteMethods<Raw, Handler> {
  /**
   * The policy of one route, or the name of one with `overrides` over it; works with and without `app.use(cache)`.
   * Without a ttl 300 s. Throws a `CacheConfigError` at once where the policy cannot work.
   *
   * @example
   * router.get('/items', cache.route({ ttl: '5m' }), listItems)
   */
  route(policy?: RoutePolicy<Raw>, overrides?: CachePolicy<Raw>): Handler
  /**
   * Invalidates when this route has answered with 2xx or 3xx, before the answer leaves. Throws a
   * `CacheConfigError` at once where the selector cannot work.
   *
   * @example
   * router.put('/items/:id', cache.invalidates(({ params }) => ({ tags: [`item:${params.id}`] })), updateItem)
   */
  invalidates(selector: Selector | ((raw: Raw) => Selector), options?: InvalidateOptions): Handler
}

/**
 * What the cache does with a request at one place.
 *
 * @example
 * const act: Act<Request, Response, void> = (request, response, next) => inFront(layer, response, next)
 */
export type Act<Raw, At, Done> = (
  raw: Raw,
  at: At,
  next: () => MaybePromise<Done>,
) => MaybePromise<Done | undefined>

/**
 * The methods of a cache for routes; `handling` makes middleware of what it does at one.
 *
 * @example
 * const { route, invalidates } = routeMethods(layer, (act) => async (ctx, next) => act(ctx, ctx, next))
 */
export const routeMethods = <Raw, At, Done, Handler>(
  layer: Layer<Raw, At, Done>,
  handling: (act: Act<Raw, At, Done>) => Handler,
): RouteMethods<Raw, Handler> => ({
  route: (policy, overrides) => {
    const rules = layer.cache.policy(policy, 'cache.route', undefined, overrides)
    return handling((_raw, at, next) => atRoute(layer, rules, at, next))
  },
  invalidates: (selector, options) => {
    const selectorOf = selectorFor(layer.cache, selector, options)
    return handling((raw, at, next) => invalidating(layer, () => selectorOf(raw), options, at, next))
  },
})
