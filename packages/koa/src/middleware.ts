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
} from '@stowage/node'
import type { Context, Next } from 'koa'
import { KoaRequest, rewrittenOf, routeOf } from './request.ts'
import { report, select } from './response.ts'

declare module 'koa' {
  interface DefaultContext {
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
export interface KoaCache extends RouteMiddleware, ResponseCache<Context> {
  /**
   * The policy of one route, or the name of one with `overrides` over it; works with and without `app.use(cache)`. Without a ttl 300 s. Throws a
   * `CacheConfigError` at once where the policy cannot work.
   *
   * @example
   * router.get('/items', cache.route({ ttl: '5m' }), listItems)
   */
  route(policy?: RoutePolicy<Context>, overrides?: CachePolicy<Context>): RouteMiddleware
  /**
   * Invalidates when this route has answered with 2xx or 3xx, before the answer leaves. Throws a
   * `CacheConfigError` at once where the selector cannot work.
   *
   * @example
   * router.put('/items/:id', cache.invalidates((ctx) => ({ tags: [`item:${ctx.params.id}`] })), updateItem)
   */
  invalidates(selector: Selector | ((ctx: Context) => Selector), options?: InvalidateOptions): RouteMiddleware
}

type Cache = ResponseCache<Context>
type Entry = (request: IncomingMessage, response: ServerResponse) => unknown

/** A cache, and where its revalidations enter an application. */
interface Layer {
  readonly cache: Cache
  readonly entryOf: (app: Context['app']) => Entry
}

/** Nearly always there is one application: its entry is made once. */
const rememberEntry = (): Layer['entryOf'] => {
  let known: { readonly app: Context['app']; readonly entry: Entry } | undefined
  return (app) => {
    if (known?.app !== app) known = { app, entry: app.callback() }
    return known.entry
  }
}

/** Runs what is inside, and reports what it leaves on the context before outer layers add to it. */
const forwardTo = async ({ cache }: Layer, forward: Forward, ctx: Context, inside: Next): Promise<void> => {
  const { req, res } = ctx
  attach(req, cache, forward)
  ctx.cache = joinHandlers(ctx.cache, forward.handler)
  editRequest(req, req.headers as FieldMap, forward.requestEdits)
  const captured = capture(res, forward, () => {
    // What the handler could read of the header is what the response may depend on.
    forward.meet({ headers: currentFields(req, forward.request.headers) })
    return routeOf(ctx)
  })
  forward.onNotModified = () => {
    ctx.status = 304
    if (ctx.respond === false) res.end()
  }
  try {
    await inside()
  } catch (error) {
    // Koa answers it further out, with what has been added there.
    forward.handler.skip('thrown')
    throw error
  } finally {
    // Outer layers answer what the client has asked.
    editRequest(req, forward.request.headers, {})
  }
  if (ctx.respond !== false) await report(ctx, forward, captured)
}

const act = (layer: Layer, decision: Decision, ctx: Context, next: Next): MaybePromise<void> => {
  const { cache, entryOf } = layer
  const gone = ctx.res.destroyed || ctx.res.writableEnded
  if (decision.action === 'reuse') {
    const { revalidation } = decision
    if (ctx.res.headersSent && !gone) {
      // An outer layer has begun the answer: another can no more be sent.
      revalidation?.abort(new Error('the head has left already'))
      return next()
    }
    if (!gone) select(ctx, decision.response)
    if (revalidation !== undefined) replay(cache, revalidation, entryOf(ctx.app))
    return undefined
  }
  if (gone) {
    decision.abort(new Error('the client has gone'))
    return undefined
  }
  if (attachedTo(ctx.req, cache) !== decision) return forwardTo(layer, decision, ctx, next)
  editRequest(ctx.req, decision.request.headers, decision.requestEdits)
  return next()
}

/** Decides now where the answer is there, or when it comes. */
const settle = (
  layer: Layer,
  decision: MaybePromise<Decision>,
  ctx: Context,
  next: Next,
): MaybePromise<void> =>
  isPromise(decision)
    ? decision.then((settled) => act(layer, settled, ctx, next))
    : act(layer, decision, ctx, next)

/** The Forward that this request already has, or the one that it was made for. */
const known = ({ cache }: Layer, ctx: Context): Forward | undefined => {
  const attached = attachedTo(ctx.req, cache)
  if (attached !== undefined) return attached
  const replayed = replayOf(ctx.req, cache)
  replayed?.meet({ raw: ctx, headers: ctx.req.headers as FieldMap })
  return replayed
}

/** Runs what is inside with a Forward, once for each request. */
const within = (layer: Layer, forward: Forward, ctx: Context, inside: Next): Promise<void> =>
  attachedTo(ctx.req, layer.cache) === forward ? inside() : forwardTo(layer, forward, ctx, inside)

const inFront = (layer: Layer, ctx: Context, next: Next): MaybePromise<void> => {
  const forward = known(layer, ctx)
  if (forward !== undefined) return within(layer, forward, ctx, next)
  return settle(layer, layer.cache.lookup(new KoaRequest(ctx)), ctx, next)
}

const atRoute = (layer: Layer, rules: RouteRules, ctx: Context, next: Next): MaybePromise<void> => {
  const { cache } = layer
  const forward = known(layer, ctx)
  if (forward === undefined) return settle(layer, cache.lookup(new KoaRequest(ctx), rules), ctx, next)
  return within(layer, forward, ctx, async () => {
    const route = routeOf(ctx)
    const headers = currentFields(ctx.req, forward.request.headers)
    forward.meet({
      raw: ctx,
      headers,
      rewritten: rewrittenOf(ctx),
      ...(route === undefined ? {} : { route }),
    })
    await settle(layer, cache.refine(forward, rules), ctx, next)
  })
}

/** Of every hit: a promise for each would cost more than to find it. */
const done = Promise.resolve()

const isCache = (options: CacheOptions<Context> | Cache | undefined): options is Cache =>
  typeof (options as Partial<Cache> | undefined)?.lookup === 'function'

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
  const cache = isCache(options) ? options : createCache<Context>(options, 'cacheMiddleware')
  const layer: Layer = { cache, entryOf: rememberEntry() }
  const route: KoaCache['route'] = (policy, overrides) => {
    const rules = cache.policy(policy, 'cache.route', undefined, overrides)
    return async (ctx, next) => atRoute(layer, rules, ctx, next)
  }
  const invalidates: KoaCache['invalidates'] = (selector, how) => {
    cache.checkSelector(typeof selector === 'function' ? { all: true } : selector, how)
    const selectorOf = typeof selector === 'function' ? selector : () => selector
    return async (ctx, next) => {
      const forward = known(layer, ctx) ?? cache.bypass(new KoaRequest(ctx))
      await within(layer, forward, ctx, () => {
        cache.invalidateAfter(forward, () => selectorOf(ctx), how)
        return next()
      })
    }
  }
  const middleware: RouteMiddleware = (ctx, next) => inFront(layer, ctx, next) ?? done
  return Object.assign(middleware, cache, { route, invalidates })
}
