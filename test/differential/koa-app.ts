import { createReadStream, statSync } from 'node:fs'
import { METHODS } from 'node:http'
import type { HandlerCache } from '@stowage/core'
import { cacheMiddleware, type KoaCache, type RouteMiddleware } from '@stowage/koa'
import { type Context, Koa3, Router } from '../../packages/koa/test/koa.ts'
import { runShape } from './call.ts'
import type { Origin } from './origin.ts'
import { bodyOf, serveListener, setOutermost } from './serving.ts'
import type { AppUnderTest, Framework, HandlerRequest, Reply, Setup, Shape } from './shape.ts'

const requestOf = (ctx: Context): HandlerRequest => ({
  method: ctx.method,
  url: ctx.originalUrl,
  site: `${ctx.protocol}://${ctx.host}`,
  headers: ctx.req.headers,
  body: () => bodyOf(ctx.req),
})

const sendFile = (ctx: Context, path: string, maxAgeSeconds: number): void => {
  const { size, mtime } = statSync(path)
  ctx.set('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  ctx.lastModified = mtime
  ctx.etag = `W/"${size.toString(16)}-${mtime.getTime().toString(16)}"`
  ctx.status = 200
  ctx.type = 'text/plain'
  ctx.length = size
  if (ctx.fresh) ctx.status = 304
  else ctx.body = createReadStream(path)
}

/** Koa sends it, also where the handler was to work on Node's own response. */
const setBody = (ctx: Context, body: unknown): void => {
  ctx.respond = true
  ctx.body = body
}

const replyOf = (ctx: Context): Reply => ({
  status: (code, reason) => {
    ctx.status = code
    if (reason !== undefined) ctx.message = reason
  },
  set: (name, value) => ctx.set(name, typeof value === 'string' ? value : [...value]),
  append: (name, value) => ctx.append(name, value),
  remove: (name) => ctx.remove(name),
  send: (body) => setBody(ctx, body),
  json: (value) => setBody(ctx, value),
  stream: (source) => setBody(ctx, source),
  file: (path, maxAgeSeconds) => sendFile(ctx, path, maxAgeSeconds),
  redirect: (status, location) => {
    ctx.status = status
    // Koa's text depends on it, and Koa does not say so.
    ctx.vary('Accept')
    ctx.redirect(location)
  },
  end: () => {
    const { status } = ctx
    ctx.body = null
    // 404: nobody has said anything.
    ctx.status = status === 404 ? 200 : status
  },
})

/** What is thrown is answered out here, as applications do; the client of a body that breaks off must see it. */
const outermost: RouteMiddleware = async (ctx, next) => {
  setOutermost(ctx.req, ctx.res)
  try {
    await next()
  } catch (error) {
    const { status } = error as { status?: unknown }
    if (ctx.headerSent) ctx.res.destroy()
    ctx.status = typeof status === 'number' ? status : 500
    ctx.body = 'failed'
  }
}

const handlerOf =
  (shape: Shape, origin: Origin): RouteMiddleware =>
  async (ctx) => {
    const { cache } = ctx as { cache?: HandlerCache }
    if (shape.needs === 'node') {
      ctx.respond = false
      ctx.res.statusCode = 200
    }
    await runShape(shape, origin, { request: requestOf(ctx), reply: replyOf(ctx), cache, node: ctx.res })
  }

const addShape = (router: Router, shape: Shape, origin: Origin, cache: KoaCache | undefined): void => {
  const handlers: RouteMiddleware[] = []
  if (cache !== undefined && shape.policy !== undefined) handlers.push(cache.route(shape.policy))
  if (cache !== undefined && shape.invalidates !== undefined)
    handlers.push(cache.invalidates(shape.invalidates))
  const methods = (shape.methods ?? ['GET']).filter((method) => METHODS.includes(method))
  router.register(`/${shape.name}/:id`, methods, [...handlers, handlerOf(shape, origin)])
}

const serve = async (shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest> => {
  const app = new Koa3()
  app.silent = true
  app.proxy = setup.trustProxy === true
  app.use(outermost)
  const cache = setup.cache === undefined ? undefined : cacheMiddleware(setup.cache)
  if (cache !== undefined) app.use(cache)
  const router = new Router()
  for (const shape of shapes) addShape(router, shape, origin, cache)
  app.use(router.routes() as unknown as RouteMiddleware)
  return serveListener(app.callback(), setup, cache)
}

/** Koa 3, with the cache mounted in front of all routes and policies at some. */
export const koa3: Framework = { name: 'Koa 3', node: true, serve }
