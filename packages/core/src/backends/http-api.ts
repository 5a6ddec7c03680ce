import type { CacheBackend } from '../backend.ts'
import { type HttpApiOptions, readHttpApiOptions } from './http-options.ts'
import { HttpStore } from './http-store.ts'

/**
 * Entries on a server that speaks the protocol of `cacheServer()`: a cache that processes share with nothing else
 * installed. Connections are kept; nothing is sent before the first use.
 *
 * A call has a deadline, and is repeated within it after connection errors, time-outs, 429 and 5xx. Redirects are not
 * followed, compressed answers not taken, and none is read beyond the limit of its size.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_TYPE`
 *
 * @example
 * const store = httpApi({ baseUrl: 'https://cache.internal', authToken: 'of the server', timeout: '2s' })
 * await store.set('greeting', 'hello', 60)
 * await store.get('greeting')   // 'hello', in every process that asks that server
 * await store.close()
 */
export const httpApi = (options: HttpApiOptions): CacheBackend => new HttpStore(readHttpApiOptions(options))
