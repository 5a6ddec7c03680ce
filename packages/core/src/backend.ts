import type { MaybePromise } from './message.ts'

/**
 * Where stored responses lie: strings under string keys. Four methods are enough; every other member is a
 * capability that is used where it exists.
 *
 * @example
 * const map = new Map<string, string>()
 * const backend: CacheBackend = {
 *   get: (key) => map.get(key) ?? null,
 *   set: (key, value) => void map.set(key, value),   // a real one also honours ttl
 *   delete: (key) => void map.delete(key),
 *   close: () => map.clear(),
 * }
 */
export interface CacheBackend {
  /** Shown in errors, events and statistics. */
  readonly name?: string
  /** The value, or null where it is missing or expired. */
  get(key: string): MaybePromise<string | null>
  /** Stores `value` for `ttl` seconds: more than 0, fractions allowed, or Infinity for no expiry. */
  set(key: string, value: string, ttl: number): MaybePromise<void>
  /** Removes the key; removing what is not there is no error. */
  delete(key: string): MaybePromise<void>
  /** Clears timers and closes connections; a second call does nothing. */
  close(): MaybePromise<void>

  connect?(): MaybePromise<void>
  /** Whether the key is there and not expired; does not count as a use. */
  has?(key: string): MaybePromise<boolean>
  /** Removes everything; the number removed, -1 where the store cannot tell. */
  clear?(): MaybePromise<number>
  /** The keys that match a glob with `*` and `?`; all of them without one. */
  keys?(pattern?: string): AsyncIterable<string>
  /** Only the keys that were found. */
  getMany?(keys: readonly string[]): MaybePromise<Map<string, string>>
  /** The number stored. */
  setMany?(entries: Iterable<readonly [string, string]>, ttl: number): MaybePromise<number>
  /** The number removed. */
  deleteMany?(keys: readonly string[]): MaybePromise<number>
  /** The value and the seconds that it has left (Infinity without expiry). */
  getWithTtl?(key: string): MaybePromise<{ value: string; ttl: number } | null>
  /** Removes what has expired; the number removed. */
  prune?(): MaybePromise<number>
  stats?(): MaybePromise<BackendStats>
  health?(): MaybePromise<BackendHealth>
  /** Invalidation state that lives as long as the entries do and is shared by everybody who shares them. */
  readonly tags?: TagState
  /** Atomic: adds one to a counter and gives the new count; a new counter begins at 1 and lives for `ttl` seconds, or without end. */
  increment?(key: string, ttl?: number): MaybePromise<number>
  /** Atomic: sets what is not there. Whether it did. */
  setIfAbsent?(key: string, value: string, ttl: number): MaybePromise<boolean>
  /** Atomic: deletes the key where it holds `expected`. Whether it did. */
  compareAndDelete?(key: string, expected: string): MaybePromise<boolean>
  /** Atomic: sets the key where `leaseKey` holds `token`. Whether it did. */
  setIfOwner?(key: string, value: string, ttl: number, leaseKey: string, token: string): MaybePromise<boolean>
  /** Tells everybody who has subscribed now; nobody gets it later. */
  publish?(channel: string, message: string): MaybePromise<void>
  /**
   * Calls `on` for every message of the channel from now on; gives what ends it. They come in no
   * particular order, and may be lost while the store cannot be reached; `onLost` is called when they arrive again.
   */
  subscribe?(
    channel: string,
    on: (message: string) => void,
    onLost?: () => void,
  ): MaybePromise<() => MaybePromise<void>>
}

/**
 * The invalidation state of one store: a counter that every invalidation advances, and for each tag the count at
 * which it was last invalidated. An entry stamped with an earlier count than one of its tags is invalid.
 *
 * @example
 * const { epoch, seq } = await state.head()
 * const n = await state.bump(['t:catalogue'])        // n > seq
 */
export interface TagState {
  /** The present count, and the name of this counter's life: another epoch means that the count began anew. */
  head(): MaybePromise<{ readonly epoch: string; readonly seq: number }>
  /**
   * For each tag the count of its last invalidation, 0 for never; where it was forgotten, an upper bound. `epoch` is the
   * one in which the counts will be compared: a state that changes its epoch may answer by it, or reject. A backend
   * that wraps another hands it on.
   */
  read(tags: readonly string[], epoch?: string): MaybePromise<readonly number[]>
  /** Atomic: advances the count by one and stores it for every tag given; the new count. */
  bump(tags: readonly string[]): MaybePromise<number>
}

/**
 * Counters since the last `reset()`, gauges as of now.
 *
 * @example
 * console.log(String(memory().stats()))   // memory: 0 entries, 0 bytes of 104857600, hit rate 0.0 %
 */
export interface BackendStats {
  backend: string
  hits: number
  misses: number
  sets: number
  deletes: number
  evictions: number
  expired: number
  errors: number
  /** Gauges. */
  entries: number
  bytes: number
  maxEntries: number
  maxBytes: number
  /** hits / (hits + misses), 0 before the first request. */
  readonly hitRate: number
  /** bytes / maxBytes, 0 where unbounded. */
  readonly utilization: number
  /** entries / maxEntries, 0 where unbounded. */
  readonly entryUtilization: number
  /** Zeroes the backend's counters, not its gauges. */
  reset(): void
  toJSON(): Record<string, unknown>
  toString(): string
}

/**
 * Of `memory()`. An expired entry stays until it is asked for, swept or evicted.
 *
 * @example
 * const { activeEntries, expiredEntries } = memory().stats()
 */
export interface MemoryStats extends BackendStats {
  /** Goes over all entries at each reading, and so is not in `toJSON()`. */
  readonly activeEntries: number
  /** Goes over all entries at each reading, and so is not in `toJSON()`. */
  readonly expiredEntries: number
}

/**
 * What a probe needs to know of a backend.
 *
 * @example
 * const health: BackendHealth = { status: 'healthy', connected: true, latencyMs: 0 }
 */
export interface BackendHealth {
  status: 'healthy' | 'degraded' | 'unhealthy'
  connected: boolean
  circuit?: 'closed' | 'open' | 'half-open'
  latencyMs?: number
  error?: string
}

/**
 * `memory()`: the same contract, every member there and answered at once.
 *
 * @example
 * const store: MemoryBackend = memory({ maxBytes: '10mb' })
 * store.set('a', '1', 60)
 * store.get('a')   // '1'
 */
export interface MemoryBackend extends CacheBackend {
  readonly name: string
  readonly tags: SyncTagState
  get(key: string): string | null
  set(key: string, value: string, ttl: number): void
  delete(key: string): void
  close(): void
  has(key: string): boolean
  clear(): number
  keys(pattern?: string): AsyncIterable<string>
  getMany(keys: readonly string[]): Map<string, string>
  setMany(entries: Iterable<readonly [string, string]>, ttl: number): number
  deleteMany(keys: readonly string[]): number
  getWithTtl(key: string): { value: string; ttl: number } | null
  prune(): number
  stats(): MemoryStats
  health(): BackendHealth
}

/**
 * A tag state that answers at once.
 *
 * @example
 * const state: SyncTagState = memory().tags
 * state.bump(['t:news'])
 * state.head().seq   // 1
 */
export interface SyncTagState extends TagState {
  head(): { readonly epoch: string; readonly seq: number }
  read(tags: readonly string[]): readonly number[]
  bump(tags: readonly string[]): number
}
