import type { CacheBackend } from '../backend.ts'
import type { Duration } from '../durations.ts'
import { showValue } from '../errors.ts'
import type { CircuitChange } from '../guarded.ts'
import { isBackend, lacking } from '../members.ts'
import type { Logger } from '../options.ts'
import type { AttemptLimits } from './attempts.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `resilient()`.
 *
 * @example
 * const options: ResilientOptions = { deadline: '100ms', fallback: true, logger: console }
 */
export interface ResilientOptions {
  /** Of one operation, its retries included; at most 60 s. Default 250 ms. */
  deadline?: Duration
  /** Attempts of one operation within its deadline; 1 for no retry. Default 3. */
  retryAttempts?: number
  /** The wait before the second attempt is anything up to this (full jitter); doubled before each one after it. Default 100 ms. */
  retryBackoffBase?: Duration
  /** What the wait between two attempts is at most. Default 60 s. */
  retryBackoffMax?: Duration
  /** Failures in a row that open the circuit, each attempt counting. Default 5. */
  circuitBreakerThreshold?: number
  /** How long after it has opened, and from then on how often, a probe asks whether the store is back. Default 1 s. */
  circuitBreakerTimeout?: Duration
  /**
   * What stands in while the circuit is open, emptied when the store is back: true for a `memory()` of 16 mb whose
   * entries live 10 s at most, false for nothing, or a backend with `clear`, which is closed along. Default false.
   */
  fallback?: boolean | CacheBackend
  /** Told of absorbed failures, at most 5 a second, and of the circuit. Default none. */
  logger?: Logger
  /** Called when the circuit changes; what it throws is ignored. */
  onCircuit?: (change: CircuitChange) => void
}

export interface ResilientSettings extends AttemptLimits {
  readonly threshold: number
  readonly timeoutMs: number
  readonly fallback: boolean | CacheBackend
  readonly logger: Logger | undefined
  readonly onCircuit: (change: CircuitChange) => void
}

const known = [
  ...(['deadline', 'retryAttempts', 'retryBackoffBase', 'retryBackoffMax'] as const),
  ...(['circuitBreakerThreshold', 'circuitBreakerTimeout', 'fallback', 'logger', 'onCircuit'] as const),
] as const

type Reader = SettingsReader<ResilientOptions>

const readFallback = (read: Reader): boolean | CacheBackend => {
  const fallback = read.given('fallback') ?? false
  if (typeof fallback === 'boolean') return fallback
  if (isBackend(fallback) && lacking(fallback, ['clear']).length === 0) return fallback
  const rule = `fallback must be true, false, or a backend that has clear as well, for it is emptied on recovery; received ${showValue(fallback)}`
  read.refuse('CACHE_CONFIG_TYPE', 'fallback', fallback, rule, 'true')
  return false
}

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readResilientOptions = (options: ResilientOptions, site: string): ResilientSettings => {
  const read = new SettingsReader(site, options, known)
  const settings: ResilientSettings = {
    deadlineMs: read.duration('deadline', 0.25, { mostSeconds: 60 }),
    attempts: read.count('retryAttempts', 3, { most: 100 }),
    backoffBaseMs: read.duration('retryBackoffBase', 0.1),
    backoffMaxMs: read.duration('retryBackoffMax', 60, { unbounded: true }),
    threshold: read.count('circuitBreakerThreshold', 5),
    timeoutMs: read.duration('circuitBreakerTimeout', 1),
    fallback: readFallback(read),
    logger: read.logger('logger'),
    onCircuit: read.callback('onCircuit', () => undefined),
  }
  read.settle()
  return settings
}
