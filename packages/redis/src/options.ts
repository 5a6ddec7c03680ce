import type { ConnectionOptions } from 'node:tls'
import type { CacheBackend, Duration, Logger, ResilientOptions } from '@stowage/core'
import type { RedisClient } from './client.ts'

/**
 * What is needed of TLS beyond `rediss://`: as `tls.connect` takes it.
 *
 * @example
 * const tls: RedisTls = { ca: readFileSync('/etc/ssl/redis-ca.pem') }
 */
export type RedisTls = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

/**
 * Options of `redis()`.
 *
 * @example
 * const options: RedisOptions = { url: 'rediss://user:password@redis.example.com:6380/0', namespace: 'shop' }
 */
export interface RedisOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. Default `redis://localhost:6379`. */
  url?: string
  /** Your own client, instead of a url: `Redis` or `Cluster` of ioredis 5 or 6. It is never closed. */
  client?: RedisClient
  /** Nodes of a Cluster, instead of a url: some of them are enough. Credentials and TLS are those of the first. */
  cluster?: readonly string[]
  /** Sentinels, as `host:port` or urls, and the name of the master they watch. User, password, db and TLS are those of `url`. */
  sentinel?: { readonly name: string; readonly nodes: readonly string[] }
  /** For `rediss://`: your authority, or a certificate of your own. */
  tls?: RedisTls
  /** Keeps the keys of one application apart; without braces. Default `'stowage'`. */
  namespace?: string
  /** From 1 to 100. Commands are pipelined, so more than one helps only with large values. Default 1. */
  maxConnections?: number
  /** Tags whose last invalidation Redis remembers one by one, some 100 bytes each; from 1 to 1,000,000. Default 100,000. */
  maxTags?: number
  /** Of one operation, its retries included; at most 60 s. Default 250 ms. */
  deadline?: Duration
  /** Attempts of one operation within its deadline; 1 for no retry. Default 3. */
  retryAttempts?: number
  /** Before the second attempt; doubled before each one after it. Default 100 ms. */
  retryBackoffBase?: Duration
  /** The longest wait between two attempts. Default 60 s. */
  retryBackoffMax?: Duration
  /** Failures in a row after which Redis is left alone. Default 5. */
  circuitBreakerThreshold?: number
  /** How long it is left alone before it is tried again. Default 1 s. */
  circuitBreakerTimeout?: Duration
  /** A connection that owes replies and has sent nothing for so long is given up; at most 60 s. Default 1 s. */
  socketTimeout?: Duration
  /** How long an attempt to connect may take; at most 60 s. Default 1 s. */
  socketConnectTimeout?: Duration
  /** How often an idle connection is tried; Infinity for never. Default 30 s. */
  healthCheckInterval?: Duration
  /**
   * What stands in while Redis fails, emptied when it is back: true for `memory()` with entries of 10 s at most, false for
   * nothing, or a backend with `clear`, which is closed along. Default true.
   */
  fallback?: boolean | CacheBackend
  /** Told of absorbed failures, at most 5 a second, and of the breaker. Default none. */
  logger?: Logger
  /** Called when the breaker changes. */
  onCircuit?: NonNullable<ResilientOptions['onCircuit']>
}
