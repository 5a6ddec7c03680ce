import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import type {
  CacheOptions,
  FieldMap,
  HandlerCache,
  MaybePromise,
  ResponseCache,
  RoutePolicy,
  Selector,
} from '@stowage/core'

/**
 * A request as a handler of the suite reads it; what the cache hides from handlers must not show here.
 *
 * @example
 * const origin: OriginRequest = {
 *   method: req.method, url: req.originalUrl, headers: req.headers, cache: req.cache, body: () => buffer(req),
 * }
 */
export interface OriginRequest {
  readonly method: string
  /** The target as the client sent it. */
  readonly url: string
  readonly headers: FieldMap
  /** What the adapter gives handlers to talk to the cache with. */
  readonly cache: HandlerCache | undefined
  /** All of the request body. */
  body(): Promise<Buffer>
}

/**
 * What a handler answers: status 200, no fields and no body where they are left out. A stream is sent piece by piece
 * as it comes; where it fails or the client leaves, both ends are destroyed.
 *
 * @example
 * const answer: OriginAnswer = { status: 201, headers: { location: '/items/7' }, body: 'created' }
 */
export interface OriginAnswer {
  readonly status?: number
  readonly headers?: FieldMap
  readonly body?: string | Buffer | Readable
}

/**
 * One route. Paths are plain: no parameters, no patterns. A GET route answers HEAD as well.
 *
 * @example
 * const route: TestRoute = { method: 'GET', path: '/items', policy: { ttl: '5m' }, handler: () => ({ body: '[]' }) }
 */
export interface TestRoute {
  readonly method: string
  readonly path: string
  /** The route's own policy; undefined for a route that has none. */
  readonly policy?: RoutePolicy
  /** What to invalidate after a successful answer of this route. */
  readonly invalidates?: Selector
  /** Undefined: the response has been ended through `cache`. What is thrown goes where the framework takes errors. */
  readonly handler: (request: OriginRequest) => Promise<OriginAnswer | undefined>
}

/**
 * An application to serve, in words that every framework has.
 *
 * @example
 * const app: TestApp = { cache: { clock }, outer: () => ({ 'x-visitor': '1' }), routes: [] }
 */
export interface TestApp {
  /** Options of the cache; it stands in front of all routes. */
  readonly cache: CacheOptions
  /** Called for every request before the cache sees it; the fields are set on the response there. */
  readonly outer: () => FieldMap
  readonly routes: readonly TestRoute[]
}

/**
 * An application that is being served.
 *
 * @example
 * const server: TestServer = await listen(app, cache)
 */
export interface TestServer {
  /** Where the routes are: `http://127.0.0.1:<port>`, and the path they are mounted at, if any. */
  readonly url: string
  readonly cache: ResponseCache
  /** Ends the connections and closes the cache. */
  close(): Promise<void>
}

/**
 * Serves an application by one framework and its adapter: all that a framework needs to run the suite.
 *
 * @example
 * const serve: ServeApp = async ({ cache: options, outer, routes }) => {
 *   const app = express()
 *   const cache = cacheMiddleware(options)
 *   app.use((req, res, next) => { res.set(outer()); next() }, cache)
 *   for (const route of routes) addRoute(app, cache, route)
 *   return listen(app, cache)
 * }
 */
export type ServeApp = (app: TestApp) => MaybePromise<TestServer>

/** Room for a thousand connections that come at once. */
const backlog = 4096

/**
 * Serves a listener on a free port of the loopback interface. `mountedAt` is the path under which the routes are.
 *
 * @example
 * const { url, close } = await listen(app, cache)
 */
export const listen = async (
  listener: RequestListener,
  cache: ResponseCache<never>,
  mountedAt = '',
): Promise<TestServer> => {
  const server = createServer(listener)
  await new Promise<void>((resume) => server.listen({ port: 0, host: '127.0.0.1', backlog }, resume))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${mountedAt}`,
    // Only a policy function reads the framework's request, and nobody adds one through this.
    cache: cache as unknown as ResponseCache,
    close: async () => {
      const closed = new Promise<void>((resume) => server.close(() => resume()))
      server.closeAllConnections()
      await closed
      await cache.close()
    },
  }
}
