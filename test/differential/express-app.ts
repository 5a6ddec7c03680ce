import { METHODS } from 'node:http'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express'
import { runShape } from './call.ts'
import type { Origin } from './origin.ts'
import { bodyOf, serveListener, setOutermost } from './serving.ts'
import type { AppUnderTest, Framework, HandlerRequest, Reply, Setup, Shape } from './shape.ts'

// Express is installed beside the package that adapts to it.
const require = createRequire(new URL('../../packages/express/package.json', import.meta.url))
const express = require('express') as typeof import('express')

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

const outermost: RequestHandler = (request, response, next) => {
  setOutermost(request, response)
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

const serve = async (shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest> => {
  const app = express()
  if (setup.trustProxy === true) app.set('trust proxy', true)
  app.use(outermost)
  const cache = setup.cache === undefined ? undefined : cacheMiddleware(setup.cache)
  if (cache !== undefined) app.use(cache)
  for (const shape of shapes) addShape(app, shape, origin, cache)
  app.use(failed)
  return serveListener((request, response) => void app(request, response), setup, cache)
}

/** Express 5, with the cache mounted in front of all routes and policies at some. */
export const express5: Framework = { name: 'Express 5', node: true, serve }
