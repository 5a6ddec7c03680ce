import { memory } from './backends/memory.ts'
import { guardBackend } from './backends/resilient.ts'
import { assembleCache } from './cache.ts'
import type { CacheOptions } from './options.ts'
import type { ResponseCache } from './response-cache.ts'

/**
 * A cache without a framework: what adapters stand on, and what several of them may share.
 *
 * @param options Every member may be left out. Without a `ttl` only what responses themselves declare fresh is stored.
 * @param place Opens the messages of configuration errors. Default `'createCache'`.
 * @throws `CacheConfigError` where an option cannot work, with every problem of the options at once.
 * @example
 * const cache = createCache({ ttl: '1m', staleWhileRevalidate: '30s' })
 * app.use(cacheMiddleware(cache))
 */
export const createCache = <Req = unknown>(
  options?: CacheOptions<Req>,
  place = 'createCache',
): ResponseCache<Req> => assembleCache(options, place, memory, guardBackend)
