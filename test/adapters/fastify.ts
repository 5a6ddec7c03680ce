import { createRequire } from 'node:module'
import { buffer } from 'node:stream/consumers'
import type { CacheOptions, FieldMap } from '@stowage/core'
import {
  listen,
  type OriginAnswer,
  type OriginRequest,
  type ServeApp,
  type TestRoute,
} from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply, RouteHandlerMethod } from 'fastify'

/** Both majors under one set of types: the suite uses nothing in which they differ. */
export type FastifyModule = typeof import('fastify')

const load = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))

export const fastify5 = load('fastify') as FastifyModule
export const fastify4 = load('fastify4') as FastifyModule

/** Where the cache stands: in front of all routes, inside a plugin with a prefix, or only where routes ask for it. */
export type Placement = 'application' | 'plugin' | 'route'

/** Field by field, as the other frameworks' handlers do it. */
const answer = (reply: FastifyReply, { status = 200, headers = {}, body }: OriginAnswer): FastifyReply => {
  reply.code(status)
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.header(name, value)
  return reply.send(body)
}

const toHandler =
  ({ handler }: TestRoute): RouteHandlerMethod =>
  async (request, reply) => {
    const { method, originalUrl: url, cache } = request
    const body = (): Promise<Buffer> =>
      request.body === undefined ? buffer(request.raw) : Promise.resolve(request.body as Buffer)
    const origin: OriginRequest = { method, url, headers: request.headers as FieldMap, cache, body }
    const given = await handler(origin)
    return given === undefined ? reply : answer(reply, given)
  }

/** Whether a major version routes a method: Fastify 4 knows no QUERY and cannot be taught it. */
const isRouted = (app: FastifyInstance, { method }: TestRoute): boolean =>
  method !== 'QUERY' || !app.version.startsWith('4.')

const addRoute = (
  app: FastifyInstance,
  route: TestRoute,
  { ttl, rules }: CacheOptions,
  placement: Placement,
): void => {
  // Where the cache stands at each route, those without a policy get one that says nothing.
  const unnamed =
    placement === 'route' ? (rules === undefined ? { ttl: ttl ?? (() => undefined) } : {}) : undefined
  const policy = route.policy ?? unnamed
  app.route({
    method: route.method,
    url: route.path,
    config: {
      ...(policy === undefined ? {} : { cache: policy }),
      ...(route.invalidates === undefined ? {} : { cacheInvalidates: route.invalidates }),
    },
    handler: toHandler(route),
  })
}

/** Serves the suite's applications by one major version of Fastify, with the cache at one placement and hook. */
export const serveFastify =
  (
    fastify: FastifyModule,
    placement: Placement = 'application',
    hook: NonNullable<FastifyCacheOptions['hook']> = 'onRequest',
  ): ServeApp =>
  async ({ cache: options, outer, routes }) => {
    const app = fastify({ forceCloseConnections: true })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.addHook('onRequest', (_request, reply, done) => {
      for (const [name, value] of Object.entries(outer())) if (value !== undefined) reply.header(name, value)
      done()
    })
    let { cache } = app
    const fill = async (inside: FastifyInstance): Promise<void> => {
      await inside.register(cachePlugin, { ...options, hook })
      cache = inside.cache
      for (const route of routes) if (isRouted(inside, route)) addRoute(inside, route, options, placement)
    }
    const mountedAt = placement === 'plugin' ? '/mounted' : ''
    if (placement === 'plugin') await app.register(fill, { prefix: mountedAt })
    else await fill(app)
    await app.ready()
    return listen(app.routing, cache, mountedAt)
  }
