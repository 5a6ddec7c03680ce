import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type CacheOptions,
  type Forward,
  type HandlerCache,
  isPromise,
  type ResponseCache,
} from '@stowage/core'
import {
  type Act,
  type Adapter,
  attachedTo,
  cacheFor,
  inFront,
  openForward,
  type RouteMethods,
  routeMethods,
  send,
} from '@stowage/node'
import type { Application, Request, RequestHandler, Response } from 'express'
import { ExpressRequest, isForwardedElsewhere, routeOf } from './request.ts'
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
export interface ExpressCache
  extends RequestHandler,
    ResponseCache<Request>,
    RouteMethods<Request, RouteHandler> {}

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

const adapterFor = (cache: Cache): Adapter<Response, void, Request> => ({
  responseOf: (response) => response,
  read: ({ req }) => new ExpressRequest(req),
  select: (response, selected) => send(response, selected),
  forward: (response, forward, next) => {
    open(cache, forward, response.req, response)
    return next()
  },
  entryOf: ({ req: { app } }) => {
    const root = rootOf(app) as unknown as (request: object, response: object) => unknown
    return (request, response) => root(request, response)
  },
})

/** As Express calls it. */
const handling =
  (cache: Cache, act: Act<Request, Response, void>): RequestHandler =>
  (request, response, next) => {
    if (attachedTo(request, cache) === undefined) {
      shareShape(request, 'statusCode')
      shareShape(response, 'sendDate')
    }
    const done = act(request, response, next)
    if (isPromise(done)) done.catch(next)
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
  const layer = { cache, adapter: adapterFor(cache) }
  const forRoutes = routeMethods(layer, (act) => handling(cache, act) as RouteHandler)
  const middleware = handling(cache, (_request, response, next) => inFront(layer, response, next))
  return Object.assign(middleware, cache, forRoutes)
}
