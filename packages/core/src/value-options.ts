import { SettingsReader } from './backends/settings.ts'
import type { Duration } from './durations.ts'
import { lifetimeOf } from './load.ts'
import type { Logger } from './options.ts'
import type { ValueSerializer } from './serializer.ts'

/**
 * Options of `values()`.
 *
 * @example
 * const options: ValueOptions = { defaultTtl: '1h', serializer: 'v8' }
 */
export interface ValueOptions {
  /** Of values that are set without one: above 0; null for no expiry. Default null. */
  defaultTtl?: Duration | null
  /** Default `'json'`. */
  serializer?: ValueSerializer
  /** Keeps tags of several caches on one backend apart. Default `'values'`. */
  namespace?: string
  /** Where a refresh that failed, and a store that failed `getOrSet`, are told. */
  logger?: Logger
  /** Milliseconds since the epoch. Default `Date.now`. */
  clock?: () => number
}

/** The same, validated and with its defaults. */
export interface ValueSettings {
  /** Milliseconds. */
  readonly ttl: number
  readonly serializer: ValueSerializer
  readonly namespace: string
  readonly logger: Logger | undefined
  readonly clock: () => number
}

const known = ['defaultTtl', 'serializer', 'namespace', 'logger', 'clock'] as const

const isSerializer = (value: unknown): value is ValueSerializer =>
  value === 'json' ||
  value === 'v8' ||
  (typeof value === 'object' &&
    value !== null &&
    typeof (value as { encode?: unknown }).encode === 'function' &&
    typeof (value as { decode?: unknown }).decode === 'function')

/** Throws a `CacheConfigError` with everything that is wrong. */
export const readValueOptions = (options: ValueOptions): ValueSettings => {
  const read = new SettingsReader('values', options, known)
  const { defaultTtl = null, serializer = 'json' } = options ?? {}
  const ttl = defaultTtl === null ? Number.POSITIVE_INFINITY : lifetimeOf('values.defaultTtl', defaultTtl)
  if (typeof ttl !== 'number')
    read.refuse(
      'CACHE_CONFIG_DURATION',
      'defaultTtl',
      defaultTtl,
      'defaultTtl must be a duration above 0, or null',
      '5m',
    )
  if (!isSerializer(serializer))
    read.refuse(
      'CACHE_CONFIG_TYPE',
      'serializer',
      serializer,
      'serializer must be "json", "v8", or { encode, decode }',
      'json',
    )
  const settings = {
    ttl: typeof ttl === 'number' ? ttl : Number.NaN,
    serializer,
    namespace: read.text('namespace', 'values'),
    logger: read.logger('logger'),
    clock: read.callback('clock', Date.now),
  }
  read.settle()
  return settings
}
