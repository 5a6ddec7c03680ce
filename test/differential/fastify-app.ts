import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { cachePlugin } from '@stowage/fastify'
import type {
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  RouteHandlerMethod,
} from 'fastify'
import { runShape } from './call.ts'
import type { Origin } from './origin.ts'
import { bodyOf, serveListener } from './serving.ts'
import {
  type AppUnderTest,
  exchangeField,
  type Framework,
  type HandlerRequest,
  type Reply,
  type Setup,
  type Shape,
} from './shape.ts'

// Fastify is installed beside the package that adapts to it.
const require = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))
const Fastify = require('fastify') as typeof import('fastify')
const staticFiles = require('@fastify/static') as FastifyPluginAsync<{
  readonly serve: false
  readonly root: string
}>

type SendsFiles = FastifyReply & {
  sendFile(name: string, root: string, options: { readonly maxAge: number }): FastifyReply
}

const requestOf = (request: FastifyRequest): HandlerRequest => ({
  method: request.method,
  url: request.originalUrl,
  site: `${request.protocol}://${request.host}`,
  headers: request.headers,
  body: () => bodyOf(request.raw),
})

const appended = (present: unknown, value: string): string | string[] =>
  present === undefined ? value : [present, value].flat().map(String)

const replyOf = (reply: FastifyReply): Reply => ({
  status: (code, reason) => {
    reply.code(code)
    if (reason !== undefined) reply.raw.statusMessage = reason
  },
  set: (name, value) => void reply.removeHeader(name).header(name, value),
  append: (name, value) => {
    const all = appended(reply.getHeader(name), value)
    reply.removeHeader(name).header(name, all)
  },
  remove: (name) => void reply.removeHeader(name),
  send: (body) => void reply.send(body),
  json: (value) => void reply.type('application/json; charset=utf-8').send(JSON.stringify(value)),
  stream: (source) => void reply.send(source),
  file: (path, maxAgeSeconds) =>
    void (reply as SendsFiles).sendFile(basename(path), dirname(path), { maxAge: maxAgeSeconds * 1000 }),
  redirect: (status, location) => void reply.redirect(location, status),
  end: () => void reply.send(),
})

/** What stands in front of a cache: fields that belong to the exchange, and some that handlers change. */
const outermost: onRequestHookHandler = (request, reply, done) => {
  reply.header('X-Request-Id', String(request.headers[exchangeField] ?? 'none'))
  reply.header('X-Exchange-Of', String(request.headers[exchangeField] ?? 'none'))
  reply.header('X-Frame', 'outer')
  reply.header('Vary', 'X-Outer')
  done()
}

/** What Fastify itself refuses says with which status. */
const failed = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void => {
  reply.code(error.statusCode ?? 500).send('failed')
}

const handlerOf =
  (shape: Shape, origin: Origin): RouteHandlerMethod =>
  async (request, reply) => {
    const handed = {
      request: requestOf(request),
      reply: replyOf(reply),
      cache: request.cache,
      node: reply.raw,
    }
    await runShape(shape, origin, handed)
    return reply
  }

const addShape = (app: FastifyInstance, shape: Shape, origin: Origin): void => {
  const config = {
    ...(shape.policy === undefined ? {} : { cache: shape.policy }),
    ...(shape.invalidates === undefined ? {} : { cacheInvalidates: shape.invalidates }),
  }
  for (const method of shape.methods ?? ['GET']) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
    app.route({ method, url: `/${shape.name}/:id`, config, handler: handlerOf(shape, origin) })
  }
}

/** Paths mean what they mean to Express, whose routes the random targets are made for. */
const routerOptions = { caseSensitive: false, ignoreTrailingSlash: true } as const

const build = async (
  shapes: readonly Shape[],
  origin: Origin,
  { cache, trustProxy = false }: Setup,
): Promise<FastifyInstance> => {
  const app = Fastify({ trustProxy, routerOptions })
  app.removeAllContentTypeParsers()
  // Handlers read their bodies themselves.
  app.addContentTypeParser('*', (_request: FastifyRequest, _body: unknown, done: (error: null) => void) =>
    done(null),
  )
  app.addHook('onRequest', outermost)
  app.setErrorHandler(failed)
  await app.register(staticFiles, { serve: false, root: import.meta.dirname })
  if (cache !== undefined) await app.register(cachePlugin, cache)
  for (const shape of shapes) addShape(app, shape, origin)
  await app.ready()
  return app
}

const serve = async (shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest> => {
  const app = await build(shapes, origin, setup)
  const served = await serveListener(app.routing, setup, setup.cache === undefined ? undefined : app.cache)
  return {
    ...served,
    close: async () => {
      await served.close()
      await app.close()
    },
  }
}

/**
 * Fastify 5, with the cache registered for all routes and policies at some. What its handlers write to Node's response
 * themselves is not for the cache.
 */
export const fastify5: Framework = { name: 'Fastify 5', node: false, serve }
