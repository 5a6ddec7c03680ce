import { createServer, type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express'
import { runShape } from './call.ts'
import type { Origin } from './origin.ts'
import type { AppUnderTest, Framework, HandlerRequest, Listener, Reply, Setup, Shape } from './shape.ts'
import { exchangeField } from './shape.ts'

// Express is installed beside the package that adapts to it.
const require = createRequire(new URL('../../packages/express/package.json', import.meta.url))
const express = require('express') as typeof import('express')

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const requestOf = (request: Request): HandlerRequest => ({
  method: request.method,
  url: request.originalUrl,
  site: `${request.protocol}://${request.host}`,
  headers: request.headers,
  body: () => bodyOf(request),
})

const replyOf = (response: Response): Reply => ({
  status: (code, reason) => {
    response.status(code)
    if (reason !== undefined) response.statusMessage = reason
  },
  set: (name, value) => void response.setHeader(name, value),
  append: (name, value) => void response.appendHeader(name, value),
  remove: (name) => response.removeHeader(name),
  send: (body) => void response.send(body),
  json: (value) => void response.json(value),
  // A source that fails has its response cut off, which is what the client must see.
  stream: (source) => void pipeline(source, response, () => undefined),
  file: (path, maxAgeSeconds) => response.sendFile(path, { maxAge: maxAgeSeconds * 1000 }),
  redirect: (status, location) => response.redirect(status, location),
  end: () => void response.end(),
})

/** What stands in front of a cache: fields that belong to the exchange, and some that handlers change. */
const outermost: RequestHandler = (request, response, next) => {
  response.setHeader('X-Request-Id', String(request.headers[exchangeField] ?? 'none'))
  response.setHeader('X-Exchange-Of', String(request.headers[exchangeField] ?? 'none'))
  response.setHeader('X-Frame', 'outer')
  response.setHeader('Vary', 'X-Outer')
  next()
}

/** What Express itself refuses, such as a range that a file does not have, says with which status. */
const failed = (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
  const { status } = error as { status?: unknown }
  if (response.headersSent) response.destroy()
  else response.status(typeof status === 'number' ? status : 500).send('failed')
}

const handlerOf =
  (shape: Shape, origin: Origin): RequestHandler =>
  (request, response, next) => {
    const handed = {
      request: requestOf(request),
      reply: replyOf(response),
      cache: request.cache,
      node: response,
    }
    runShape(shape, origin, handed).catch(next)
  }

type Declare = (path: string, ...handlers: RequestHandler[]) => unknown

const addShape = (app: Express, shape: Shape, origin: Origin, cache: ExpressCache | undefined): void => {
  const handlers: RequestHandler[] = []
  if (cache !== undefined && shape.policy !== undefined) handlers.push(cache.route(shape.policy))
  if (cache !== undefined && shape.invalidates !== undefined)
    handlers.push(cache.invalidates(shape.invalidates))
  for (const method of shape.methods ?? ['GET']) {
    if (!METHODS.includes(method)) continue
    const declare = (app as unknown as Record<string, Declare>)[method.toLowerCase()]
    declare?.call(app, `/${shape.name}/:id`, ...handlers, handlerOf(shape, origin))
  }
}

const listen = async (server: Server): Promise<number> => {
  // Clients keep their connections, and none is to be closed between two requests.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const serve = async (shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest> => {
  const app = express()
  if (setup.trustProxy === true) app.set('trust proxy', true)
  app.use(outermost)
  const cache = setup.cache === undefined ? undefined : cacheMiddleware(setup.cache)
  if (cache !== undefined) app.use(cache)
  for (const shape of shapes) addShape(app, shape, origin, cache)
  app.use(failed)
  const listener: Listener = (request: IncomingMessage, response: ServerResponse) => app(request, response)
  const server = createServer(setup.front === undefined ? listener : setup.front(listener))
  return {
    port: await listen(server),
    cache,
    close: async () => {
      await close(server)
      await cache?.close()
    },
  }
}

/** Express 5, with the cache mounted in front of all routes and policies at some. */
export const express5: Framework = { name: 'Express 5', node: true, serve }
