import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type CacheOptions,
  type CachePolicy,
  createCache,
  type Decision,
  type FieldMap,
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
  attach,
  attachedTo,
  capture,
  currentFields,
  editRequest,
  joinHandlers,
  replay,
  replayOf,
  send,
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

const forwardTo = (cache: Cache, forward: Forward, request: Request, response: Response): void => {
  attach(request, cache, forward)
  request.cache = joinHandlers(request.cache, forward.handler)
  editRequest(request, request.headers as FieldMap, forward.requestEdits)
  capture(response, forward, () => {
    // A mounted application may trust a proxy that this one does not: its answer is about another host.
    if (isForwardedElsewhere(request, forward.request)) forward.handler.skip('forwarded host')
    // What the handler could read of the header is what the response may depend on.
    forward.meet({ headers: currentFields(request, forward.request.headers) })
    return routeOf(request)
  })
}

const act = (
  cache: Cache,
  decision: Decision,
  request: Request,
  response: Response,
  next: NextFunction,
): void => {
  const gone = response.destroyed || response.writableEnded
  if (decision.action === 'reuse') {
    const { revalidation } = decision
    if (response.headersSent && !gone) {
      // An outer layer has begun the answer: another can no more be sent.
      revalidation?.abort(new Error('the head has left already'))
      next()
      return
    }
    if (!gone) send(response, decision.response)
    if (revalidation !== undefined) {
      const root = rootOf(request.app) as unknown as (request: object, response: object) => unknown
      replay(cache, revalidation, (detached, into) => root(detached, into))
    }
    return
  }
  if (gone) {
    decision.abort(new Error('the client has gone'))
    return
  }
  if (attachedTo(request, cache) === decision)
    editRequest(request, decision.request.headers, decision.requestEdits)
  else forwardTo(cache, decision, request, response)
  next()
}

/** Decides now where the answer is there, or when it comes. */
const settle = (
  cache: Cache,
  decision: MaybePromise<Decision>,
  request: Request,
  response: Response,
  next: NextFunction,
): void => {
  if (isPromise(decision))
    decision.then((settled) => act(cache, settled, request, response, next)).catch(next)
  else act(cache, decision, request, response, next)
}

/** The Forward that this request already has, or the one that it was made for. */
const known = (cache: Cache, request: Request, response: Response): Forward | undefined => {
  const attached = attachedTo(request, cache)
  if (attached !== undefined) return attached
  shareShape(request, 'statusCode')
  shareShape(response, 'sendDate')
  const replayed = replayOf(request, cache)
  if (replayed === undefined) return undefined
  replayed.meet({ raw: request, headers: request.headers as FieldMap })
  forwardTo(cache, replayed, request, response)
  return replayed
}

const inFront =
  (cache: Cache): RequestHandler =>
  (request, response, next) => {
    if (known(cache, request, response) !== undefined) return next()
    settle(cache, cache.lookup(new ExpressRequest(request)), request, response, next)
  }

const atRoute =
  (cache: Cache, rules: RouteRules): RequestHandler =>
  (request, response, next) => {
    const forward = known(cache, request, response)
    const route = routeOf(request)
    forward?.meet({
      raw: request,
      headers: currentFields(request, forward.request.headers),
      rewritten: rewrittenOf(request),
      ...(route === undefined ? {} : { route }),
    })
    const decision =
      forward === undefined ? cache.lookup(new ExpressRequest(request), rules) : cache.refine(forward, rules)
    settle(cache, decision, request, response, next)
  }

const invalidating =
  (
    cache: Cache,
    selector: (request: Request) => Selector,
    options: InvalidateOptions | undefined,
  ): RequestHandler =>
  (request, response, next) => {
    const forward = known(cache, request, response) ?? cache.bypass(new ExpressRequest(request))
    if (attachedTo(request, cache) === undefined) forwardTo(cache, forward, request, response)
    cache.invalidateAfter(forward, () => selector(request), options)
    next()
  }

const isCache = (options: CacheOptions<Request> | Cache | undefined): options is Cache =>
  typeof (options as Partial<Cache> | undefined)?.lookup === 'function'

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
  const cache = isCache(options) ? options : createCache<Request>(options, 'cacheMiddleware')
  const route: ExpressCache['route'] = (policy, overrides) =>
    atRoute(cache, cache.policy(policy, 'cache.route', undefined, overrides)) as RouteHandler
  const invalidates: ExpressCache['invalidates'] = (selector, how) => {
    cache.checkSelector(typeof selector === 'function' ? { all: true } : selector, how)
    const select = typeof selector === 'function' ? selector : () => selector
    return invalidating(cache, select, how) as RouteHandler
  }
  return Object.assign(inFront(cache), cache, { route, invalidates })
}
