import type { ConnectionOptions } from 'node:tls'
import {
  type CacheBackend,
  type Duration,
  type Logger,
  type ResilientOptions,
  SettingsReader,
} from '@stowage/core'
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

/** How to reach the servers. */
export interface Target {
  readonly url: string
  readonly cluster: readonly string[]
  readonly sentinel: { readonly name: string; readonly nodes: readonly string[] } | undefined
  readonly tls: RedisTls | undefined
  readonly maxConnections: number
  readonly socketTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly healthCheckMs: number
}

export interface RedisSettings {
  readonly client: RedisClient | undefined
  readonly target: Target
  readonly namespace: string
  readonly maxTags: number
  readonly healthMs: number
  readonly resilience: ResilientOptions
}

const known = [
  ...['url', 'client', 'cluster', 'sentinel', 'tls', 'namespace', 'maxConnections', 'maxTags'],
  ...['deadline', 'retryAttempts', 'retryBackoffBase', 'retryBackoffMax'],
  ...['circuitBreakerThreshold', 'circuitBreakerTimeout'],
  ...['socketTimeout', 'socketConnectTimeout', 'healthCheckInterval', 'fallback', 'logger', 'onCircuit'],
] as (keyof RedisOptions)[]

type Reader = SettingsReader<RedisOptions>

const standardUrl = 'redis://localhost:6379'

/** Urls hold passwords: what is wrong with one is said without showing it. */
const hidden = 'a url, not shown because it may hold a password'

const isRedisUrl = (value: unknown): value is string => {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, hostname, pathname } = new URL(value)
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(?:\/\d{0,4})?$/.test(pathname)
}

const urlRule = 'must be a url such as redis://user:password@host:6379/0, or rediss:// for TLS'

const readUrl = (read: Reader): string => {
  const url = read.given('url') ?? standardUrl
  if (isRedisUrl(url)) return url
  read.refuse(
    'CACHE_CONFIG_TYPE',
    'url',
    typeof url === 'string' ? hidden : url,
    `url ${urlRule}`,
    standardUrl,
  )
  return standardUrl
}

const readNodes = (read: Reader, name: 'cluster' | 'sentinel', nodes: unknown): readonly string[] => {
  const list = Array.isArray(nodes) ? nodes : []
  const urls = list.map((node: unknown) =>
    typeof node === 'string' && !node.includes('://') ? `redis://${node}` : node,
  )
  if (urls.length > 0 && urls.every(isRedisUrl)) return urls
  const path = name === 'cluster' ? name : 'sentinel.nodes'
  read.refuse('CACHE_CONFIG_TYPE', path, hidden, `${path} must be a list of urls, or of host:port`)
  return []
}

const readSentinel = (read: Reader): Target['sentinel'] => {
  const given = read.given('sentinel')
  if (given === undefined) return undefined
  const { name, nodes } = (given ?? {}) as { name?: unknown; nodes?: unknown }
  if (typeof name !== 'string' || name === '') {
    read.refuse('CACHE_CONFIG_TYPE', 'sentinel.name', name, 'sentinel.name must be the name of a master')
    return undefined
  }
  return { name, nodes: readNodes(read, 'sentinel', nodes) }
}

const clientMethods = ['call', 'pipeline', 'connect', 'duplicate', 'on', 'off', 'disconnect'] as const

const readClient = (read: Reader): RedisClient | undefined => {
  const client = read.given('client')
  if (client === undefined) return undefined
  const members = (typeof client === 'object' ? (client ?? {}) : {}) as Record<string, unknown>
  if (clientMethods.every((name) => typeof members[name] === 'function')) return client as RedisClient
  read.refuse(
    'CACHE_CONFIG_TYPE',
    'client',
    client,
    'client must be a Redis or Cluster of ioredis. Give a url to have one made',
  )
  return undefined
}

const readTls = (read: Reader, urls: readonly string[]): RedisTls | undefined => {
  const tls = read.given('tls')
  const secure = urls.some((url) => url.startsWith('rediss:'))
  if (tls === undefined) return secure ? {} : undefined
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    read.refuse('CACHE_CONFIG_TYPE', 'tls', tls, 'tls must be an object such as { ca }')
  } else if (!secure) {
    read.refuse(
      'CACHE_CONFIG_TYPE',
      'tls',
      tls,
      'tls is given, but no url begins with rediss://',
      'rediss://',
    )
  }
  return tls as RedisTls
}

const checkTogether = (read: Reader): void => {
  const stated = (['client', 'cluster', 'url'] as const).filter((name) => read.given(name) !== undefined)
  if (stated.length < 2) return
  const rule = `${stated.join(' and ')} are both given. Keep one of them: each says where Redis is`
  read.refuse('CACHE_CONFIG_TYPE', stated[1] ?? 'url', hidden, rule)
}

const readNamespace = (read: Reader): string => {
  const namespace = read.text('namespace', 'stowage')
  if (/^[^{}]{1,200}$/.test(namespace)) return namespace
  const rule =
    'namespace must have no braces and at most 200 characters: a Cluster takes the slot from braces'
  read.refuse('CACHE_CONFIG_RANGE', 'namespace', namespace, rule, 'stowage')
  return namespace
}

const readTarget = (read: Reader): Target => {
  const url = readUrl(read)
  const cluster = read.given('cluster') === undefined ? [] : readNodes(read, 'cluster', read.given('cluster'))
  return {
    url,
    cluster,
    sentinel: readSentinel(read),
    tls: readTls(read, [url, ...cluster]),
    maxConnections: read.count('maxConnections', 1, { most: 100 }),
    socketTimeoutMs: read.duration('socketTimeout', 1, { mostSeconds: 60 }),
    connectTimeoutMs: read.duration('socketConnectTimeout', 1, { mostSeconds: 60 }),
    healthCheckMs: read.duration('healthCheckInterval', 30, { unbounded: true }),
  }
}

const hasAll = (value: unknown, names: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

const readFallback = (read: Reader): boolean | CacheBackend => {
  const fallback = read.given('fallback') ?? true
  if (typeof fallback === 'boolean') return fallback
  if (hasAll(fallback, ['get', 'set', 'delete', 'close', 'clear'])) return fallback as CacheBackend
  const rule =
    'fallback must be true, false, or a backend that has clear as well, for it is emptied on recovery'
  read.refuse('CACHE_CONFIG_TYPE', 'fallback', fallback, rule, 'true')
  return true
}

const readLogger = (read: Reader): { logger?: Logger } => {
  const logger = read.given('logger')
  if (logger === undefined) return {}
  if (hasAll(logger, ['debug', 'info', 'warn', 'error'])) return { logger: logger as Logger }
  const rule = 'logger must be an object with debug, info, warn and error, such as console'
  read.refuse('CACHE_CONFIG_TYPE', 'logger', logger, rule, 'console')
  return {}
}

const seconds = (ms: number): number => ms / 1000

const readResilience = (read: Reader): ResilientOptions => ({
  deadline: seconds(read.duration('deadline', 0.25, { mostSeconds: 60 })),
  retryAttempts: read.count('retryAttempts', 3, { most: 100 }),
  retryBackoffBase: seconds(read.duration('retryBackoffBase', 0.1)),
  retryBackoffMax: seconds(read.duration('retryBackoffMax', 60, { unbounded: true })),
  circuitBreakerThreshold: read.count('circuitBreakerThreshold', 5),
  circuitBreakerTimeout: seconds(read.duration('circuitBreakerTimeout', 1)),
  fallback: readFallback(read),
  onCircuit: read.callback('onCircuit', () => undefined),
  ...readLogger(read),
})

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readRedisOptions = (options: RedisOptions): RedisSettings => {
  const read = new SettingsReader('redis', options, known)
  checkTogether(read)
  const resilience = readResilience(read)
  const settings: RedisSettings = {
    client: readClient(read),
    target: readTarget(read),
    namespace: readNamespace(read),
    maxTags: read.count('maxTags', 100_000, { most: 1_000_000 }),
    // Within the deadline of a probe, which ends with it.
    healthMs: Number(resilience.deadline) * 800,
    resilience,
  }
  read.settle()
  return settings
}
