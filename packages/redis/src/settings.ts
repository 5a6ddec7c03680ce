import { type CacheBackend, type ResilientOptions, SettingsReader } from '@stowage/core'
import type { RedisClient } from './client.ts'
import type { RedisOptions } from './options.ts'
import { checkTogether, readTarget, type Target } from './target.ts'

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

const clientMethods = ['call', 'pipeline', 'connect', 'duplicate', 'on', 'off', 'disconnect'] as const

const hasAll = (value: unknown, names: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

const readClient = (read: Reader): RedisClient | undefined => {
  const client = read.given('client')
  if (client === undefined) return undefined
  if (hasAll(client, clientMethods)) return client as RedisClient
  read.refuse(
    'CACHE_CONFIG_TYPE',
    'client',
    client,
    'client must be a Redis or Cluster of ioredis. Give a url to have one made',
  )
  return undefined
}

const readNamespace = (read: Reader): string => {
  const namespace = read.text('namespace', 'stowage')
  if (/^[^{}]{1,200}$/.test(namespace)) return namespace
  const rule =
    'namespace must have no braces and at most 200 characters: a Cluster takes the slot from braces'
  read.refuse('CACHE_CONFIG_RANGE', 'namespace', namespace, rule, 'stowage')
  return namespace
}

const readFallback = (read: Reader): boolean | CacheBackend => {
  const fallback = read.given('fallback') ?? true
  if (typeof fallback === 'boolean') return fallback
  if (hasAll(fallback, ['get', 'set', 'delete', 'close', 'clear'])) return fallback as CacheBackend
  const rule =
    'fallback must be true, false, or a backend that has clear as well, for it is emptied on recovery'
  read.refuse('CACHE_CONFIG_TYPE', 'fallback', fallback, rule, 'true')
  return true
}

const seconds = (ms: number): number => ms / 1000

const readResilience = (read: Reader): ResilientOptions => {
  const logger = read.logger('logger')
  return {
    deadline: seconds(read.duration('deadline', 0.25, { mostSeconds: 60 })),
    retryAttempts: read.count('retryAttempts', 3, { most: 100 }),
    retryBackoffBase: seconds(read.duration('retryBackoffBase', 0.1)),
    retryBackoffMax: seconds(read.duration('retryBackoffMax', 60, { unbounded: true })),
    circuitBreakerThreshold: read.count('circuitBreakerThreshold', 5),
    circuitBreakerTimeout: seconds(read.duration('circuitBreakerTimeout', 1)),
    fallback: readFallback(read),
    onCircuit: read.callback('onCircuit', () => undefined),
    ...(logger === undefined ? {} : { logger }),
  }
}

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
