import { createRequire } from 'node:module'
import { pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { CacheOptions, FieldMap, RoutePolicy } from '@stowage/core'
import { listen, type OriginAnswer, type ServeApp, type TestRoute } from '@stowage/core/testing'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Request, RequestHandler, Response, Router } from 'express'

/** Both majors under one set of types: the suite uses nothing in which they differ. */
export type ExpressModule = typeof import('express')

const load = createRequire(new URL('../../packages/express/package.json', import.meta.url))

export const express5 = load('express') as ExpressModule
export const express4 = load('express4') as ExpressModule

/** Where the cache stands: in front of all routes of an application, a router or a sub-application, or at each route. */
export type Placement = 'application' | 'router' | 'sub-application' | 'route'

const answer = (response: Response, { status = 200, headers = {}, body }: OriginAnswer): void => {
  response.status(status)
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, value)
  // The connection is destroyed with the stream, and the other way round.
  if (body instanceof Readable) pipeline(body, response, () => undefined)
  else if (body === undefined) response.end()
  else response.send(body)
}

const toHandler =
  ({ handler }: TestRoute): RequestHandler =>
  (request, response, next) => {
    const { method, originalUrl: url, cache } = request
    const origin = { method, url, headers: request.headers as FieldMap, cache, body: () => buffer(request) }
    handler(origin).then((given) => given && answer(response, given), next)
  }

/** Where the cache stands at each route, those without a policy get one that says nothing. */
const policyAt = ({ policy }: TestRoute, { ttl, rules }: CacheOptions): RoutePolicy<Request> =>
  policy ?? (rules === undefined ? { ttl: ttl ?? (() => undefined) } : {})

const addRoute = (
  router: Router,
  cache: ExpressCache,
  route: TestRoute,
  policy: RoutePolicy<Request> | undefined,
): void => {
  const handlers: RequestHandler[] = []
  if (policy !== undefined) handlers.push(cache.route(policy))
  if (route.invalidates !== undefined) handlers.push(cache.invalidates(route.invalidates))
  const method = route.method.toLowerCase() as 'get'
  router[method](route.path, ...handlers, toHandler(route))
}

/** Serves the suite's applications by one major version of Express, with the cache at one placement. */
export const serveExpress =
  (
    express: ExpressModule,
    placement: Placement = 'application',
    create: (options: CacheOptions<Request>) => ExpressCache = cacheMiddleware,
  ): ServeApp =>
  ({ cache: options, outer, routes }) => {
    const app = express()
    const cache = create(options)
    app.use((_request, response, next) => {
      for (const [name, value] of Object.entries(outer()))
        if (value !== undefined) response.setHeader(name, value)
      next()
    })
    const mountedAt = placement === 'router' || placement === 'sub-application' ? '/mounted' : ''
    const target = placement === 'sub-application' ? express() : express.Router()
    if (placement !== 'route') target.use(cache)
    for (const route of routes)
      addRoute(
        target as Router,
        cache,
        route,
        placement === 'route' ? policyAt(route, options) : route.policy,
      )
    app.use(mountedAt === '' ? '/' : mountedAt, target)
    return listen(app, cache, mountedAt)
  }
