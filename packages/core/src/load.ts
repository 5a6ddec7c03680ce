import { type Duration, parseDuration } from './durations.ts'
import { CacheConfigError, type ConfigProblem, refuseProblems, showValue, unknownOptions } from './errors.ts'

/**
 * What the function of `getOrSet` can say about the value that it loads.
 *
 * @example
 * const user = await cache.getOrSet('user:1', async (load) => {
 *   load.ttl('10s')
 *   load.tag('users')
 *   return db.user(1, { signal: load.signal })
 * })
 */
export interface LoadContext<T = unknown> {
  /** Above 0; Infinity until it is invalidated. Seconds, or a string with a unit. */
  ttl(duration: Duration): void
  /** Names to invalidate the value by. */
  tag(...tags: string[]): void
  /** The value that is being replaced, where there is one. */
  readonly stale: T | undefined
  /** Aborts when the cache is closed. */
  readonly signal: AbortSignal
}

/**
 * How a loaded value is kept.
 *
 * @example
 * const policy: LoadPolicy = { ttl: '5m', staleWhileRevalidate: '1m', tags: ['users'] }
 */
export interface LoadPolicy {
  /** Above 0; Infinity until it is invalidated. Default: that of the cache, else 300 s. */
  readonly ttl?: Duration
  /** How long after that it is handed out while a new one is loaded. Default 0. */
  readonly staleWhileRevalidate?: Duration
  /** How long after that it stands in where loading fails. Default 0. */
  readonly staleIfError?: Duration
  /** Names to invalidate it by. */
  readonly tags?: readonly string[]
}

/** The same, validated: milliseconds. */
export interface LoadRules {
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly tags: readonly string[]
}

const known: readonly (keyof LoadPolicy)[] = ['ttl', 'staleWhileRevalidate', 'staleIfError', 'tags']

const durationProblem = (path: string, received: unknown, rule: string): ConfigProblem => ({
  code: 'CACHE_CONFIG_DURATION',
  path,
  received,
  message: `${path} ${showValue(received)} ${rule}. Use seconds (300) or a string such as "5m".`,
  hint: '5m',
})

/** Milliseconds above 0 or Infinity; a problem otherwise. */
export const lifetimeOf = (path: string, value: unknown): number | ConfigProblem => {
  const ms = parseDuration(value)
  if (ms === undefined) return durationProblem(path, value, 'is not a duration')
  return ms > 0 ? ms : durationProblem(path, value, 'keeps nothing')
}

/** `lifetimeOf`, thrown. */
export const requireLifetime = (path: string, value: unknown): number => {
  const ms = lifetimeOf(path, value)
  if (typeof ms === 'number') return ms
  throw new CacheConfigError([ms])
}

const isTags = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '')

/** Validates a policy; throws a `CacheConfigError` with every problem. */
export const readLoadPolicy = (policy: LoadPolicy, standardTtl: number): LoadRules => {
  const problems: ConfigProblem[] = [...unknownOptions('getOrSet', policy, known)]
  const read = (name: 'staleWhileRevalidate' | 'staleIfError'): number => {
    const value = policy[name] ?? 0
    const ms = parseDuration(value)
    if (ms !== undefined && Number.isFinite(ms)) return ms
    problems.push(durationProblem(`getOrSet.${name}`, value, 'is not a finite duration'))
    return 0
  }
  const ttl = policy.ttl === undefined ? standardTtl : lifetimeOf('getOrSet.ttl', policy.ttl)
  if (typeof ttl !== 'number') problems.push(ttl)
  const tags: unknown = policy.tags ?? []
  if (!isTags(tags))
    problems.push({
      code: 'CACHE_CONFIG_TYPE',
      path: 'getOrSet.tags',
      received: tags,
      message: `getOrSet.tags must be a list of strings that are not empty; received ${showValue(tags)}.`,
    })
  const rules = {
    ttl: typeof ttl === 'number' ? ttl : standardTtl,
    staleWhileRevalidate: read('staleWhileRevalidate'),
    staleIfError: read('staleIfError'),
    tags: isTags(tags) ? tags : [],
  }
  refuseProblems(problems)
  return rules
}
