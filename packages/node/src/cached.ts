import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import {
  type CacheOptions,
  type Forward,
  type HandlerCache,
  isPromise,
  type ResponseCache,
} from '@stowage/core'
import { type Adapter, cacheFor, carryOut, openForward } from './adapter.ts'
import { isForInner } from './attached.ts'
import type { Captured } from './captured.ts'
import { knownAt, within } from './places.ts'
import { checkAll, checkFits } from './problems.ts'
import { NodeRequest } from './request.ts'
import { send } from './send.ts'

declare module 'http' {
  interface IncomingMessage {
    /** What the handler can say to the cache about its response; undefined where no cache stands in front. */
    cache?: HandlerCache
  }
}

/**
 * A listener of the compatibility API of `node:http2`.
 *
 * @example
 * const listener: Http2Listener = (request, response) => void response.end(request.authority)
 */
export type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => unknown

/**
 * The listener with its cache in front, and the cache itself: for `createServer` of `node:http`, `node:https` and
 * `node:http2`.
 *
 * @example
 * const handler: CachedListener = cached(app, { ttl: '1m' })
 * createServer(handler).listen(3000)
 * await handler.invalidate({ tags: ['items'] })
 */
export interface CachedListener extends ResponseCache<IncomingMessage> {
  (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void
}

type Cache = ResponseCache<IncomingMessage>
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** Runs the listener; what it throws or rejects with goes on as without a cache, unless a stale response stands in. */
const run = (
  listener: Listener,
  captured: Captured,
  request: IncomingMessage,
  response: ServerResponse,
): unknown => {
  const failed = (error: unknown): void => {
    if (!captured.fail(error)) throw error
  }
  try {
    const done = listener(request, response)
    return isPromise(done) ? Promise.resolve(done).catch(failed) : done
  } catch (error) {
    return failed(error)
  }
}

/** What a listener throws is thrown at the process, also where its request had to wait for the store. */
const throwOutside = (error: unknown): void => {
  process.nextTick(() => {
    throw error
  })
}

const inFrontOf = (cache: Cache, listener: Listener): Listener => {
  const goOn = (response: ServerResponse, forward: Forward): unknown => {
    const { req: request } = response
    const captured = openForward(cache, forward, response, request, () => forward.request.route)
    return run(listener, captured, request, response)
  }

  const handle: Listener = (request, response) => {
    const next = (): unknown => listener(request, response)
    const forward = knownAt(layer, response, response)
    if (forward !== undefined) return within(layer, forward, response, next)
    if (isForInner(request, cache)) return next()
    const decision = cache.lookup(new NodeRequest(request))
    if (!isPromise(decision)) return carryOut(cache, decision, response, adapter, next)
    return decision.then((settled) => {
      try {
        return carryOut(cache, settled, response, adapter, next)
      } catch (error) {
        return throwOutside(error)
      }
    })
  }

  const adapter: Adapter<ServerResponse, unknown, IncomingMessage> = {
    responseOf: (response) => response,
    read: ({ req }) => new NodeRequest(req),
    select: (response, selected) => send(response, selected),
    forward: goOn,
    entryOf: () => handle,
  }
  const layer = { cache, adapter }
  return handle
}

/** What applications that are no listeners themselves have for one: Koa and Fastify. */
const listenerOf = (application: unknown): string | undefined => {
  const { callback, routing } = (application ?? {}) as Readonly<Record<string, unknown>>
  if (typeof callback === 'function') return 'app.callback()'
  return typeof routing === 'function' ? 'Fastify({ serverFactory })' : undefined
}

const checkListener = (listener: unknown): void => {
  const expected = 'a function of request and response'
  checkFits(typeof listener === 'function', listener, 'cached', 'listener', expected, listenerOf(listener))
}

/**
 * Puts a shared HTTP cache in front of a listener: of a bare one, or of any framework's. A hit never enters it. Without
 * options only what handlers themselves declare fresh is stored. `Host`, or `:authority`, and the connection's own
 * scheme are parts of the key; responses to requests with `X-Forwarded-Host`, `X-Forwarded-Proto` or `Forwarded` are
 * stored for those with the same.
 *
 * @param options Options of a new cache, or a cache that others use as well.
 * @throws `CacheConfigError` where the listener is none or an option cannot work, with every problem at once.
 * @example
 * const handler = cached(app, { ttl: '1m' })
 * createServer(handler).listen(3000)
 */
export function cached(
  listener: RequestListener,
  options?: CacheOptions<IncomingMessage> | ResponseCache<IncomingMessage>,
): CachedListener
export function cached(
  listener: Http2Listener,
  options?: CacheOptions<IncomingMessage> | ResponseCache<IncomingMessage>,
): CachedListener
export function cached(
  listener: RequestListener | Http2Listener,
  options?: CacheOptions<IncomingMessage> | ResponseCache<IncomingMessage>,
): CachedListener {
  const [cache] = checkAll(
    () => cacheFor(options, 'cached'),
    () => checkListener(listener),
  )
  // The compatibility API of HTTP/2 has what is used of node:http's.
  return Object.assign(inFrontOf(cache, listener as Listener) as CachedListener, { ...cache })
}
