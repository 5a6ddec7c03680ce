import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type CacheOptions,
  type CachePolicy,
  type Decision,
  type Forward,
  type HandlerCache,
  type InvalidateOptions,
  isPromise,
  type MaybePromise,
  type ResponseCache,
  type RoutePolicy,
  type RouteRules,
  type Selector,
} from '@stowage/core'
import {
  type Adapter,
  attachedTo,
  cacheFor,
  isForInner,
  meetAtRoute,
  openForward,
  replayedAs,
  selectorFor,
  send,
  settle,
} from '@stowage/node'
import type { Application, NextFunction, Request, RequestHandler, Response } from 'express'
import { ExpressRequest, isForwardedElsewhere, rewrittenOf, routeOf } from './request.ts'
import { shareShape } from './shared-shape.ts'

declare global {
  namespace Express {
    interface Request {
      /** What the handler can say to the cache about its response; undefined outside the middleware. */
      cache?: HandlerCache
    }
  }
}

/**
 * Middleware for one route. Its types say nothing of the parameters, so that the handlers after it keep those of
 * their path.
 *
 * @example
 * const fiveMinutes: RouteHandler = cache.route('5m')
 */
export type RouteHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * The middleware and its cache in one: mount it, give routes their policies, invalidate.
 *
 * @example
 * const cache = cacheMiddleware()
 * app.use(cache)
 * app.get('/items', cache.route({ ttl: '5m', tags: ['items'] }), listItems)
 * app.post('/items', cache.invalidates({ tags: ['items'] }), createItem)
 */
export interface ExpressCache extends RequestHandler, ResponseCache<Request> {
  /**
   * The policy of one route, or the name of one with `overrides` over it; works with and without `app.use(cache)`. Without a ttl 300 s. Throws a
   * `CacheConfigError` at once where the policy cannot work.
   *
   * @example
   * app.get('/items', cache.route({ ttl: '5m' }), listItems)
   */
  route(policy?: RoutePolicy<Request>, overrides?: CachePolicy<Request>): RouteHandler
  /**
   * Invalidates when this route has answered with 2xx or 3xx, before the answer leaves. Throws a
   * `CacheConfigError` at once where the selector cannot work.
   *
   * @example
   * app.put('/items/:id', cache.invalidates((req) => ({ tags: [`item:${req.params.id}`] })), updateItem)
   */
  invalidates(
    selector: Selector | ((request: Request) => Selector),
    options?: InvalidateOptions,
  ): RouteHandler
}

type Cache = ResponseCache<Request>

/** A mounted application's requests start at the application that nobody has mounted. */
const rootOf = (app: Application): Application => {
  const { parent } = app as { parent?: Application }
  return parent === undefined ? app : rootOf(parent)
}

const open = (cache: Cache, forward: Forward, request: Request, response: Response): void => {
  openForward(cache, forward, response, request, () => {
    // A mounted application may trust a proxy that this one does not: its answer is about another host.
    if (isForwardedElsewhere(request, forward.request)) forward.handler.skip('forwarded host')
    return routeOf(request)
  })
}

const adapterFor = (cache: Cache): Adapter<Response, void> => ({
  responseOf: (response) => response,
  select: (response, selected) => send(response, selected),
  forward: (response, forward, next) => {
    open(cache, forward, response.req, response)
    next()
  },
  entryOf: ({ req: { app } }) => {
    const root = rootOf(app) as unknown as (request: object, response: object) => unknown
    return (request, response) => root(request, response)
  },
})

/** A cache, and how Express does what it decides. */
interface Layer {
  readonly cache: Cache
  readonly adapter: Adapter<Response, void>
}

const act = (
  { cache, adapter }: Layer,
  decision: MaybePromise<Decision>,
  response: Response,
  next: NextFunction,
): void => {
  const done = settle(cache, decision, response, adapter, next)
  if (isPromise(done)) done.catch(next)
}

/** The Forward that this request already has, or the one that it was made for. */
const known = (cache: Cache, request: Request, response: Response): Forward | undefined => {
  const attached = attachedTo(request, cache)
  if (attached !== undefined) return attached
  shareShape(request, 'statusCode')
  shareShape(response, 'sendDate')
  const replayed = replayedAs(cache, request, request)
  if (replayed !== undefined) open(cache, replayed, request, response)
  return replayed
}

const inFront =
  (layer: Layer): RequestHandler =>
  (request, response, next) => {
    const { cache } = layer
    if (known(cache, request, response) !== undefined || isForInner(request, cache)) return next()
    act(layer, cache.lookup(new ExpressRequest(request)), response, next)
  }

const atRoute =
  (layer: Layer, rules: RouteRules): RequestHandler =>
  (request, response, next) => {
    const { cache } = layer
    const forward = known(cache, request, response)
    if (forward === undefined && isForInner(request, cache)) return next()
    if (forward !== undefined) meetAtRoute(forward, request, request, routeOf(request), rewrittenOf(request))
    const decision =
      forward === undefined ? cache.lookup(new ExpressRequest(request), rules) : cache.refine(forward, rules)
    act(layer, decision, response, next)
  }

const invalidating =
  (
    cache: Cache,
    selector: (request: Request) => Selector,
    options: InvalidateOptions | undefined,
  ): RequestHandler =>
  (request, response, next) => {
    const forward = known(cache, request, response) ?? cache.bypass(new ExpressRequest(request))
    if (attachedTo(request, cache) === undefined) open(cache, forward, request, response)
    cache.invalidateAfter(forward, () => selector(request), options)
    next()
  }

/**
 * A shared HTTP cache for Express 4 and 5. Without options it stores only what handlers themselves declare fresh
 * (`Cache-Control: max-age`, `s-maxage`, `Expires`, or a targeted field); a `ttl` gives every response a lifetime.
 *
 * @param options Options of a new cache, or a cache that other middleware uses as well.
 * @throws `CacheConfigError` where an option cannot work, with every problem of the options at once.
 * @example
 * app.use(cacheMiddleware({ ttl: '1m' }))
 */
export const cacheMiddleware = (options?: CacheOptions<Request> | ResponseCache<Request>): ExpressCache => {
  const cache = cacheFor(options, 'cacheMiddleware')
  const layer: Layer = { cache, adapter: adapterFor(cache) }
  const route: ExpressCache['route'] = (policy, overrides) =>
    atRoute(layer, cache.policy(policy, 'cache.route', undefined, overrides)) as RouteHandler
  const invalidates: ExpressCache['invalidates'] = (selector, how) =>
    invalidating(cache, selectorFor(cache, selector, how), how) as RouteHandler
  return Object.assign(inFront(layer), cache, { route, invalidates })
}
