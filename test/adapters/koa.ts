import { finished, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { CacheOptions, FieldMap, HandlerCache, RoutePolicy } from '@stowage/core'
import { listen, type OriginAnswer, type ServeApp, type TestRoute } from '@stowage/core/testing'
import { cacheMiddleware, type KoaCache, type RouteMiddleware } from '@stowage/koa'
import {
  type Context,
  type DefaultContext,
  type DefaultState,
  type KoaClass,
  mount,
  Router,
} from '../../packages/koa/test/koa.ts'

/** Where the cache stands: in front of all routes of an application, a router or a mounted one, or at each route. */
export type Placement = 'application' | 'router' | 'mounted application' | 'route'

const answer = (ctx: Context, { status = 200, headers = {}, body }: OriginAnswer): void => {
  ctx.status = status
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) ctx.res.setHeader(name, value)
  ctx.body = body ?? null
  // With nothing in the place of a body, Koa says another status, and takes fields away.
  ctx.status = status
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) ctx.res.setHeader(name, value)
  if (body === undefined) ctx.length = 0
  // Koa 2 leaves the client waiting for the rest.
  if (body instanceof Readable) finished(body, (error) => error && ctx.res.destroy())
}

const toHandler =
  ({ handler }: TestRoute): RouteMiddleware =>
  async (ctx) => {
    const { method, originalUrl: url } = ctx
    const { cache } = ctx as { cache?: HandlerCache }
    const origin = {
      method,
      url,
      headers: ctx.req.headers as FieldMap,
      cache,
      body: () => buffer(ctx.req),
    }
    const given = await handler(origin)
    if (given !== undefined) answer(ctx, given)
  }

/** Where the cache stands at each route, those without a policy get one that says nothing. */
const policyAt = ({ policy }: TestRoute, { ttl, rules }: CacheOptions): RoutePolicy<Context> =>
  policy ?? (rules === undefined ? { ttl: ttl ?? (() => undefined) } : {})

const addRoute = (
  router: Router<DefaultState, DefaultContext>,
  cache: KoaCache,
  route: TestRoute,
  policy: RoutePolicy<Context> | undefined,
): void => {
  const handlers: RouteMiddleware[] = []
  if (policy !== undefined) handlers.push(cache.route(policy))
  if (route.invalidates !== undefined) handlers.push(cache.invalidates(route.invalidates))
  router.register(route.path, [route.method], [...handlers, toHandler(route)])
}

/** Serves the suite's applications by one major version of Koa, with the cache at one placement. */
export const serveKoa =
  (
    Koa: KoaClass,
    placement: Placement = 'application',
    create: (options: CacheOptions<Context>) => KoaCache = cacheMiddleware,
  ): ServeApp =>
  ({ cache: options, outer, routes }) => {
    const app = new Koa()
    // What handlers throw on purpose is not to be printed.
    app.silent = true
    const cache = create(options)
    app.use((ctx, next) => {
      for (const [name, value] of Object.entries(outer()))
        if (value !== undefined) ctx.res.setHeader(name, value)
      return next()
    })
    const mountedAt = placement === 'router' || placement === 'mounted application' ? '/mounted' : ''
    const router = placement === 'router' ? new Router({ prefix: mountedAt }) : new Router()
    if (placement === 'router') router.use(cache)
    for (const route of routes)
      addRoute(router, cache, route, placement === 'route' ? policyAt(route, options) : route.policy)
    const target = placement === 'mounted application' ? new Koa() : app
    if (placement === 'application' || placement === 'mounted application') target.use(cache)
    target.use(router.routes() as RouteMiddleware)
    if (target !== app) app.use(mount(mountedAt, target))
    return listen(app.callback(), cache, mountedAt)
  }
