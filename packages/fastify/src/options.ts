import type { CacheOptions, HandlerCache, ResponseCache, RoutePolicy, Selector } from '@stowage/core'
import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** The cache of this instance and of those inside it. */
    cache: ResponseCache<FastifyRequest>
  }
  interface FastifyRequest {
    /** What the handler can say to the cache about its response; outside a cached route it does nothing. */
    cache: HandlerCache
  }
  interface FastifyContextConfig {
    /** The policy of the route: an object, a ttl, or false. Without a ttl 300 s. */
    cache?: RoutePolicy<FastifyRequest>
    /** What to invalidate when the route has answered with 2xx or 3xx, before the answer leaves. */
    cacheInvalidates?: Selector | ((request: FastifyRequest) => Selector)
  }
}

/**
 * Options of the plugin: those of a cache, and how it stands in Fastify.
 *
 * @example
 * const options: FastifyCacheOptions = { ttl: '1m', hook: 'preHandler' }
 */
export interface FastifyCacheOptions extends CacheOptions<FastifyRequest> {
  /** A cache that others use as well. It stays open when the server closes; policy options are its defaults here. */
  cache?: ResponseCache<FastifyRequest>
  /**
   * Where requests are looked up: `'onRequest'` (default), after the route's other hooks of that name, or
   * `'preHandler'`, where policies need `request.user` or the parsed body.
   */
  hook?: 'onRequest' | 'preHandler'
}
