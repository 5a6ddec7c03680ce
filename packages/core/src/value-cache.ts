import type { BackendStats } from './backend.ts'
import type { CacheKey } from './cache-key.ts'
import type { Duration } from './durations.ts'
import type { LoadContext, LoadPolicy } from './load.ts'
import type { InvalidateOptions } from './selector.ts'
import type { CacheEntry } from './value-entry.ts'

/**
 * How one value is set.
 *
 * @example
 * const options: SetOptions = { ttl: '10m', metadata: { endpoint: '/users', version: 2 } }
 */
export interface SetOptions {
  /** Left out: the default of the instance. Null or Infinity: no expiry. */
  ttl?: Duration | null
  /** Kept beside the value: what JSON keeps. */
  metadata?: Readonly<Record<string, unknown>>
}

/**
 * What invalidates loaded values.
 *
 * @example
 * await cache.invalidate({ tags: ['users'] })
 */
export type ValueSelector =
  | { readonly tags: readonly string[] }
  | { readonly key: string }
  | { readonly all: true }

/**
 * Objects in, objects out, on any backend. Every call rejects where the backend does, with what the backend says; only
 * `getOrSet` goes on without it. A key is a string or what `cacheKey()` makes.
 *
 * @example
 * const users = values(memory(), { defaultTtl: '1h' })
 * await users.set('user:1', { name: 'Ada' })
 * await users.get('user:1')   // { name: 'Ada' }
 */
export interface ValueCache {
  /** Undefined where it is missing, expired, damaged (then it is deleted and reported), or no value of this form. */
  get<T>(key: string | CacheKey): Promise<T | undefined>
  getEntry<T>(key: string | CacheKey): Promise<CacheEntry<T> | undefined>
  /** False where the backend has refused it, as too large, and has `setMany` to tell. Rejects with SERIALIZATION_ERROR where it has no text. */
  set(key: string | CacheKey, value: unknown, options?: SetOptions): Promise<boolean>
  /**
   * The value under `key`, or what `load` answers, which is kept. Concurrent calls share one load (and its very
   * object); a failing store is reported and does without.
   */
  getOrSet<T>(
    key: string | CacheKey,
    load: (context: LoadContext<T>) => Promise<T> | T,
    policy?: LoadPolicy,
  ): Promise<T>
  /** Whether it was there. */
  delete(key: string | CacheKey): Promise<boolean>
  has(key: string | CacheKey): Promise<boolean>
  /** Removes everything in the backend; the number removed, -1 where it cannot tell. */
  clear(): Promise<number>
  /** Those that were found. */
  getMany<T>(keys: readonly (string | CacheKey)[]): Promise<Map<string, T>>
  /** The number stored. */
  setMany(
    entries: Iterable<readonly [string | CacheKey, unknown]>,
    options?: Pick<SetOptions, 'ttl'>,
  ): Promise<number>
  /** The number removed. */
  deleteMany(keys: readonly (string | CacheKey)[]): Promise<number>
  /** Keys by a glob with `*` and `?`. Rejects where the backend cannot list them. */
  listKeys(pattern?: string): Promise<string[]>
  /** No value that `getOrSet` began to load before is handed out after; `mode: 'stale'` leaves the stale windows. */
  invalidate(selector: ValueSelector, options?: InvalidateOptions): Promise<{ readonly seq: number }>
  /** The backend's; of one that keeps none, counters of this instance. */
  stats(): Promise<BackendStats>
  /** Closes the backend, and aborts what is being loaded. */
  close(): Promise<void>
}
