import { createReadStream, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { CacheOptions, Selector } from '@stowage/core'
import { type CachedListener, cached } from '@stowage/node'
import { withRules } from '../adapters/by-path.ts'
import { runShape } from './call.ts'
import type { Origin } from './origin.ts'
import { bodyOf, serveListener, setOutermost } from './serving.ts'
import type { AppUnderTest, Framework, HandlerRequest, Listener, Reply, Setup, Shape } from './shape.ts'

const requestOf = (request: IncomingMessage): HandlerRequest => ({
  method: request.method ?? 'GET',
  url: request.url ?? '/',
  site: `http://${request.headers.host}`,
  headers: request.headers,
  body: () => bodyOf(request),
})

const sendTyped = (response: ServerResponse, type: string, body: string | Buffer): void => {
  if (!response.hasHeader('content-type')) response.setHeader('Content-Type', type)
  // As text it would leave together with the head, and in its encoding.
  const bytes = Buffer.from(body)
  response.setHeader('Content-Length', bytes.length)
  response.end(bytes)
}

const sendFile = (response: ServerResponse, path: string, maxAgeSeconds: number): void => {
  const { size, mtime } = statSync(path)
  response.setHeader('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  response.setHeader('Last-Modified', mtime.toUTCString())
  response.setHeader('Content-Type', 'text/plain')
  response.setHeader('Content-Length', size)
  pipeline(createReadStream(path), response, () => undefined)
}

const replyOf = (response: ServerResponse): Reply => ({
  status: (code, reason) => {
    response.statusCode = code
    if (reason !== undefined) response.statusMessage = reason
  },
  set: (name, value) => void response.setHeader(name, value),
  append: (name, value) => void response.appendHeader(name, value),
  remove: (name) => response.removeHeader(name),
  send: (body) =>
    sendTyped(
      response,
      typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/octet-stream',
      body,
    ),
  json: (value) => sendTyped(response, 'application/json; charset=utf-8', JSON.stringify(value)),
  // A source that fails has its response cut off, which is what the client must see.
  stream: (source) => void pipeline(source, response, () => undefined),
  file: (path, maxAgeSeconds) => sendFile(response, path, maxAgeSeconds),
  redirect: (status, location) => {
    response.statusCode = status
    response.setHeader('Location', location)
    sendTyped(response, 'text/plain; charset=utf-8', `to ${location}`)
  },
  end: () => void response.end(),
})

const answers = (shape: Shape, method: string): boolean => {
  const { methods = ['GET'] } = shape
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

/** The shape whose path this is; `/name/:id`, the id being anything that is no path. */
const shapeFor = (shapes: ReadonlyMap<string, Shape>, { method = 'GET', url = '/' }: IncomingMessage) => {
  const found = /^\/([^/?]+)\/[^/?]+(?:\?|$)/.exec(url)
  const shape = shapes.get(found?.[1] ?? '')
  return shape !== undefined && answers(shape, method) ? shape : undefined
}

const failed = (response: ServerResponse, error: unknown): void => {
  const { status } = error as { status?: unknown }
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.statusCode = typeof status === 'number' ? status : 500
  sendTyped(response, 'text/plain; charset=utf-8', 'failed')
}

type Invalidate = (selector: Selector) => Promise<unknown> | undefined

const listenerOf = (shapes: readonly Shape[], origin: Origin, invalidate: Invalidate): Listener => {
  const byName = new Map(shapes.map((shape) => [shape.name, shape]))
  return (request, response) => {
    const shape = shapeFor(byName, request)
    if (shape === undefined) {
      response.statusCode = 404
      sendTyped(response, 'text/plain; charset=utf-8', 'nothing here')
      return
    }
    const handed = {
      request: requestOf(request),
      reply: replyOf(response),
      cache: request.cache,
      node: response,
      // What a route would be given to do, the handler does.
      ...(shape.invalidates === undefined ? {} : { invalidate }),
    }
    runShape(shape, origin, handed).catch((error: unknown) => failed(response, error))
  }
}

/** What routes would say stands as rules for their paths. */
const optionsOf = (shapes: readonly Shape[], cache: CacheOptions): CacheOptions<IncomingMessage> =>
  withRules(
    shapes.map(({ name, policy }) => ({ path: `/${name}/*`, policy })),
    cache,
  ) as CacheOptions<IncomingMessage>

const serve = async (shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest> => {
  const listener = listenerOf(shapes, origin, (selector) => cache?.invalidate(selector))
  const cache: CachedListener | undefined =
    setup.cache === undefined ? undefined : cached(listener, optionsOf(shapes, setup.cache))
  const inner = cache ?? listener
  const outermost: Listener = (request, response) => {
    setOutermost(request, response)
    inner(request, response)
  }
  return serveListener(outermost, setup, cache)
}

/** A bare listener behind the cache, where refreshes begin; policies go by path, and handlers invalidate. */
export const plainNode: Framework = { name: 'node:http', node: true, outer: false, serve }
