import type { CacheOptions, Forward, HandlerCache, MaybePromise, ResponseCache } from '@stowage/core'
import {
  type Adapter,
  cacheFor,
  editRequest,
  endUntold,
  inFront,
  isGone,
  openForward,
  type RouteMethods,
  routeMethods,
} from '@stowage/node'
import type { Context, Next } from 'koa'
import { KoaRequest, routeOf } from './request.ts'
import { report, select, sendSelected } from './response.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** What the handler can say to the cache about its response; undefined outside the middleware. */
    cache?: HandlerCache
  }
}

/**
 * Middleware of one route, for @koa/router and for `app.use`.
 *
 * @example
 * const fiveMinutes: RouteMiddleware = cache.route('5m')
 */
export type RouteMiddleware = (ctx: Context, next: Next) => Promise<void>

/**
 * The middleware and its cache in one: mount it, give routes their policies, invalidate.
 *
 * @example
 * const cache = cacheMiddleware()
 * app.use(cache)
 * router.get('/items', cache.route({ ttl: '5m', tags: ['items'] }), listItems)
 * router.post('/items', cache.invalidates({ tags: ['items'] }), createItem)
 */
export interface KoaCache
  extends RouteMiddleware,
    ResponseCache<Context>,
    RouteMethods<Context, RouteMiddleware> {}

type Cache = ResponseCache<Context>
/** What is further inside. */
type Inside = () => MaybePromise<void>

/** Runs what is inside, and reports what it leaves on the context before outer layers add to it. */
const forwardTo = async (cache: Cache, forward: Forward, ctx: Context, inside: Inside): Promise<void> => {
  const { req, res } = ctx
  const captured = openForward(cache, forward, res, ctx, () => routeOf(ctx))
  const sendNotModified = (): void => {
    ctx.status = 304
    if (ctx.respond === false) res.end()
  }
  forward.onNotModified = sendNotModified
  try {
    try {
      await inside()
    } finally {
      // Outer layers answer what the client has asked.
      editRequest(req, forward.request.headers, {})
    }
    if (ctx.respond !== false) await report(ctx, forward, captured)
  } catch (error) {
    // Koa answers it further out, with what has been added there.
    forward.handler.skip('thrown')
    // Of a client that has gone Koa does not say how: as if it were done.
    if (isGone(res)) endUntold(forward, req.method, error)
    throw error
  }
}

const adapterFor = (cache: Cache): Adapter<Context, void, Context> => ({
  responseOf: (ctx) => ctx.res,
  read: (ctx) => new KoaRequest(ctx),
  select,
  forward: (ctx, forward, next) => forwardTo(cache, forward, ctx, next),
  entryOf: (ctx) => ctx.app.callback(),
})

/** Of every hit: a promise for each would cost more than to find it. */
const done = Promise.resolve()

/**
 * A shared HTTP cache for Koa 2 and 3. Without options it stores only what handlers themselves declare fresh
 * (`Cache-Control: max-age`, `s-maxage`, `Expires`, or a targeted field); a `ttl` gives every response a lifetime.
 *
 * @param options Options of a new cache, or a cache that other middleware uses as well.
 * @throws `CacheConfigError` where an option cannot work, with every problem of the options at once.
 * @example
 * app.use(cacheMiddleware({ ttl: '1m' }))
 */
export const cacheMiddleware = (options?: CacheOptions<Context> | ResponseCache<Context>): KoaCache => {
  const cache = cacheFor(options, 'cacheMiddleware')
  // Of others that would be asked on the way out there are none: what they are given is made for them alone.
  const selectInFront: typeof select = (ctx, selected) =>
    ctx.app.middleware[0] === middleware ? sendSelected(ctx, selected) : select(ctx, selected)
  const adapter = adapterFor(cache)
  const front = { cache, adapter: { ...adapter, select: selectInFront } }
  const forRoutes = routeMethods<Context, Context, void, RouteMiddleware>(
    { cache, adapter },
    (act) => async (ctx, next) => act(ctx, ctx, next),
  )
  const middleware: RouteMiddleware = (ctx, next) =>
    (inFront(front, ctx, next) as Promise<void> | undefined) ?? done
  return Object.assign(middleware, cache, forRoutes)
}
