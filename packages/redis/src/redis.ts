import { type CacheBackend, type ResilientBackend, type ResilientStats, resilient } from '@stowage/core'
import { createRedisBackend } from './backend.ts'
import { ownClientLink, sharedLink } from './link.ts'
import type { RedisOptions } from './options.ts'
import { readRedisOptions } from './settings.ts'

/**
 * Statistics of `redis()`. Redis does not say what a namespace holds: `entries` and `bytes` are -1.
 *
 * @example
 * const { connected, circuit, errorRate, circuitBreakerTrips } = await redis().stats()
 */
export interface RedisStats extends ResilientStats {
  /** The same as `trips`. */
  readonly circuitBreakerTrips: number
}

/**
 * What `redis()` gives: every capability of a backend, and the state of its circuit breaker.
 *
 * @example
 * const backend: RedisBackend = redis()
 * await backend.connect()   // rejects where Redis cannot be reached now
 */
export interface RedisBackend
  extends Required<Omit<CacheBackend, 'stats'>>,
    Pick<ResilientBackend, 'circuit' | 'probe'> {
  stats(): Promise<RedisStats>
  /** Rejects with a `CacheBackendError` of code `CONNECTION_ERROR` where Redis cannot be reached; need not be called. */
  connect(): Promise<void>
  /** Resolves when what was begun has ended; connections are closed with the last backend that shares them. */
  close(): Promise<void>
  /** The same as `close()`. */
  disconnect(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A backend in Redis 6.2 or later, or in Valkey, with a deadline for each operation, retries, a circuit breaker and a
 * fallback in memory: Redis that fails is a cache that misses, and nothing else. Connects when it is first needed.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_TYPE`
 *
 * @example
 * const backend = redis({ url: 'rediss://user:password@redis.example.com:6380/0', namespace: 'shop' })
 */
export const redis = (options: RedisOptions = {}): RedisBackend => {
  const { client, target, resilience, ...settings } = readRedisOptions(options)
  const link = client === undefined ? sharedLink(target) : ownClientLink(client, target.connectTimeoutMs)
  const guarded = resilient(createRedisBackend(link, settings), resilience)
  const { stats } = guarded
  // Rather than up to a second later, when the breaker would ask by itself.
  link.onReady(() => guarded.probe())
  const close = async (): Promise<void> => guarded.close()
  return Object.assign(guarded, {
    disconnect: close,
    [Symbol.asyncDispose]: close,
    stats: async () => {
      const known = await stats()
      const plain = known.toJSON.bind(known)
      return Object.defineProperties(known, {
        circuitBreakerTrips: { get: () => known.trips, enumerable: true },
        toJSON: { value: () => ({ ...plain(), circuitBreakerTrips: known.trips }) },
      })
    },
    // Every capability is there, for the backend beneath has it.
  }) as unknown as RedisBackend
}
