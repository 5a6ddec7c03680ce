import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { CacheOptions, FieldMap, Selector } from '@stowage/core'
import { listen, type OriginAnswer, type ServeApp, type TestApp, type TestRoute } from '@stowage/core/testing'
import { type CachedListener, cached } from '@stowage/node'
import { withRules } from './by-path.ts'

/** What is used of Koa, whose types are installed beside the packages alone. */
interface KoaContext {
  readonly req: IncomingMessage
  readonly method: string
  readonly originalUrl: string
  respond: boolean
  body: unknown
  status: number
  set(name: string, value: string | readonly string[]): void
}
type KoaModule = new () => {
  silent: boolean
  use(middleware: (context: KoaContext) => Promise<void>): unknown
  callback(): RequestListener
}

const load = createRequire(new URL('../../packages/node/package.json', import.meta.url))
const express = load('express') as typeof import('express')
const Koa = load('koa') as KoaModule

/** What answers behind the cache. */
export type Behind = (routes: readonly TestRoute[]) => RequestListener

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? ''

const routeFor = (routes: readonly TestRoute[], request: IncomingMessage): TestRoute | undefined => {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const own = routes.filter(({ path }) => path === pathOf(request))
  return own.find((route) => route.method === request.method) ?? own.find((route) => route.method === method)
}

const answer = (response: ServerResponse, { status = 200, headers = {}, body }: OriginAnswer): void => {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, value)
  if (body instanceof Readable) pipeline(body, response, () => undefined)
  else response.end(body)
}

const handle = async (route: TestRoute | undefined, request: IncomingMessage, response: ServerResponse) => {
  if (route === undefined) return answer(response, { status: 404 })
  const { method = 'GET', url = '/', cache } = request
  const headers = request.headers as FieldMap
  const given = await route.handler({ method, url, headers, cache, body: () => buffer(request) })
  if (given !== undefined) answer(response, given)
}

/** A bare listener: its errors become answers, as every application sees to it. */
export const bare: Behind = (routes) => (request, response) => {
  handle(routeFor(routes, request), request, response).catch(() => {
    if (response.headersSent) response.destroy()
    else answer(response, { status: 500, body: 'failed' })
  })
}

/** An Express application. */
export const behindExpress: Behind = (routes) => {
  const app = express().disable('x-powered-by').disable('etag')
  for (const route of routes)
    app[route.method.toLowerCase() as 'get'](route.path, (request, response, next) => {
      handle(route, request, response).catch(next)
    })
  app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
    if (response.headersSent) response.destroy()
    else answer(response, { status: 500, body: 'failed' })
  })
  return app
}

/** The callback of a Koa application. */
export const behindKoa: Behind = (routes) => {
  const app = new Koa()
  app.silent = true
  app.use(async (context) => {
    const route = routeFor(routes, context.req)
    if (route === undefined) return
    const { method, originalUrl: url, req } = context
    const headers = req.headers as FieldMap
    const given = await route.handler({ method, url, headers, cache: req.cache, body: () => buffer(req) })
    if (given === undefined) {
      context.respond = false
      return
    }
    context.body = given.body ?? null
    context.status = given.status ?? 200
    for (const [name, value] of Object.entries(given.headers ?? {}))
      if (value !== undefined) context.set(name, value)
  })
  return app.callback()
}

const withOuter =
  (outer: TestApp['outer'], listener: RequestListener): RequestListener =>
  (request, response) => {
    for (const [name, value] of Object.entries(outer()))
      if (value !== undefined) response.setHeader(name, value)
    listener(request, response)
  }

type Invalidate = (selector: Selector) => Promise<unknown>

/** Invalidates as handlers do that have no routes: after they have done their work, before they answer. */
const invalidating = (route: TestRoute, invalidate: Invalidate): TestRoute => {
  const { invalidates, handler } = route
  if (invalidates === undefined) return route
  return {
    ...route,
    handler: async (request) => {
      const given = await handler(request)
      if ((given?.status ?? 200) < 400) await invalidate(invalidates)
      return given
    },
  }
}

/** Serves the suite's applications by the cache in front of a listener; what routes would say, rules by path say. */
export const serveNode =
  (behind: Behind = bare): ServeApp =>
  ({ cache: options, outer, routes }) => {
    const invalidate: Invalidate = (selector) => handler.invalidate(selector)
    const listener = behind(routes.map((route) => invalidating(route, invalidate)))
    const stated = withRules(routes, options) as CacheOptions<IncomingMessage>
    const handler: CachedListener = cached(listener, stated)
    return listen(withOuter(outer, handler), handler)
  }

/**
 * What cannot be asked of a cache in front of a framework, which knows no routes: that what they say lies over the rules
 * by path, that they are listed, and that they are invalidated by name.
 */
export const needRoutes: ReadonlySet<string> = new Set([
  'a rule by path lies under the policy of the route: false stops unless that gives a ttl',
  'routes with policies are listed with them',
  'a route is invalidated by its name',
])
