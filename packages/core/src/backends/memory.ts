import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BackendHealth, CacheBackend, MemoryBackend, SyncTagState } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import { matchesGlob } from '../glob.ts'
import { unreachable } from '../health.ts'
import { createTagTable } from '../tag-table.ts'
import { MemoryEntries, type MemoryEntry, textIn } from './memory-entries.ts'
import { type MemoryOptions, type MemorySettings, readMemoryOptions } from './memory-options.ts'
import { MemoryRoom } from './memory-room.ts'
import { CountedMemory } from './memory-stats.ts'
import { createSweep, type Sweep, sweepSlice } from './memory-sweep.ts'

/**
 * Entries in the memory of this process, the least recently used evicted first. Bounded by entries and by bytes;
 * answers at once; expiry follows a monotonic clock, so setting the system's time changes nothing.
 *
 * Bytes are counted as UTF-8 text, or as two bytes a character where a text is not plain ASCII and takes that in the
 * heap. An entry takes some 230 bytes beside the text of key and value: `sizeOf` may count that.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_TYPE`
 *
 * @example
 * const store = memory({ maxEntries: 50_000, maxBytes: '64mb' })
 * store.set('greeting', 'hello', 60)
 * store.get('greeting')   // 'hello'
 * store.close()
 */
export const memory = (options: MemoryOptions = {}): MemoryBackend =>
  new MemoryStore(readMemoryOptions(options))

/** Whether nothing about it can be late. */
export const isMemory = (backend: CacheBackend): boolean => backend instanceof MemoryStore

class MemoryStore implements MemoryBackend {
  readonly name = 'memory'
  readonly tags: SyncTagState = createTagTable()
  readonly #settings: MemorySettings
  readonly #clock: () => number
  readonly #stats: CountedMemory
  readonly #sweep: Sweep
  readonly #room: MemoryRoom
  readonly #entries: MemoryEntries
  #closed = false

  constructor(settings: MemorySettings) {
    this.#settings = settings
    this.#clock = settings.clock
    this.#entries = new MemoryEntries(settings.maxBytes, settings.heapLimitRatio !== undefined)
    this.#room = new MemoryRoom(settings, {
      entries: () => this.#entries.size,
      bytes: () => this.#entries.bytes,
      evictOldest: () => this.#entries.evictOldest(),
    })
    this.#sweep = createSweep(settings.cleanupMs, {
      size: () => this.#entries.size,
      keys: () => this.#entries.keys.values(),
      expire: (key) => this.#expireIfDue(key),
    })
    const gauges = { entries: () => this.#entries.size, bytes: () => this.#entries.bytes }
    const { maxEntries, maxBytes } = settings
    this.#stats = new CountedMemory({ ...gauges, maxEntries, maxBytes }, () => this.#countExpired())
  }

  get(key: string): string | null {
    const stored = this.#use(key)
    return stored === undefined ? null : textIn(stored)
  }

  getWithTtl(key: string): { value: string; ttl: number } | null {
    const stored = this.#use(key)
    if (stored === undefined) return null
    const { expiresAt } = stored
    const value = textIn(stored)
    if (expiresAt === Number.POSITIVE_INFINITY) return { value, ttl: expiresAt }
    const ttl = (expiresAt - this.#clock()) / 1000
    return ttl > 0 ? { value, ttl } : null
  }

  getMany(keys: readonly string[]): Map<string, string> {
    const found = new Map<string, string>()
    for (const key of keys) {
      const value = this.get(key)
      if (value !== null) found.set(key, value)
    }
    return found
  }

  has(key: string): boolean {
    const stored = this.#entries.peek(key)
    return stored !== undefined && !this.#isExpired(stored)
  }

  set(key: string, value: string, ttl: number): void {
    this.#store(key, value, ttl)
  }

  setMany(entries: Iterable<readonly [string, string]>, ttl: number): number {
    let stored = 0
    for (const [key, value] of entries) if (this.#store(key, value, ttl)) stored++
    return stored
  }

  delete(key: string): void {
    this.#remove(key)
  }

  deleteMany(keys: readonly string[]): number {
    let removed = 0
    for (const key of keys) if (this.#remove(key)) removed++
    return removed
  }

  clear(): number {
    this.#sweep.stop()
    return this.#entries.clear()
  }

  async *keys(pattern?: string): AsyncIterable<string> {
    // Keys added from now on come after those that are there, so that counting keeps a flood of them out.
    const { keys } = this.#entries
    let left = keys.size
    for (const key of keys) {
      if (left-- === 0) return
      if (left % sweepSlice === 0) await nextTurn()
      if (this.has(key) && (pattern === undefined || matchesGlob(pattern, key))) yield key
    }
  }

  prune(): number {
    let removed = 0
    for (const key of this.#entries.keys) if (this.#expireIfDue(key)) removed++
    return removed
  }

  stats(): CountedMemory {
    return this.#stats
  }

  health(): BackendHealth {
    return this.#closed ? unreachable('closed') : { status: 'healthy', connected: true, latencyMs: 0 }
  }

  close(): void {
    this.#closed = true
    this.clear()
  }

  #countExpired(): number {
    let expired = 0
    for (const stored of this.#entries.values()) if (this.#isExpired(stored)) expired++
    return expired
  }

  /** A lookup that counts: as hit or miss, and as a use that keeps the entry from eviction. */
  #use(key: string): MemoryEntry | undefined {
    const stored = this.#entries.use(key)
    if (stored !== undefined) {
      if (!this.#isExpired(stored)) {
        this.#stats.hits++
        return stored
      }
      this.#expire(key)
    }
    this.#stats.misses++
    return undefined
  }

  /** The comparison is this way round so that a clock that says NaN expires entries rather than keeping them. */
  #isExpired(stored: MemoryEntry): boolean {
    return stored.expiresAt !== Number.POSITIVE_INFINITY && !(stored.expiresAt > this.#clock())
  }

  #store(key: string, value: string, ttl: number): boolean {
    if (this.#closed) return false
    const size = ttl > 0 ? this.#measure(key, value) : Number.POSITIVE_INFINITY
    if (size === Number.POSITIVE_INFINITY || size > this.#settings.maxEntryBytes) {
      // Whatever was there is out of date now, even where its successor cannot be kept.
      this.#remove(key)
      return false
    }
    const entries = this.#entries
    let expected = entries.size
    if (!entries.has(key)) {
      if (entries.size >= this.#settings.maxEntries) entries.evictOldest()
      expected++
    }
    const expiresAt = ttl === Number.POSITIVE_INFINITY ? ttl : this.#clock() + ttl * 1000
    entries.put(key, value, expiresAt, size)
    this.#stats.sets++
    const evicted = expected - entries.size
    this.#stats.evictions += evicted + this.#room.make(size, evicted > 0)
    if (expiresAt !== Number.POSITIVE_INFINITY) this.#sweep.start()
    return true
  }

  /** The size that an entry counts for: whole and at least 1, as lru-cache requires. */
  #measure(key: string, value: string): number {
    let cause: unknown
    try {
      const size = this.#settings.sizeOf(key, value)
      if (size >= 0) return Math.max(1, Math.ceil(size))
      cause = new RangeError(`sizeOf must return a number of bytes, not ${String(size)}`)
    } catch (error) {
      cause = error
    }
    this.#stats.errors++
    this.#remove(key)
    throw new CacheBackendError('BACKEND_ERROR', { backend: this.name, operation: 'set', cause })
  }

  /** Whether a live entry was there. */
  #remove(key: string): boolean {
    if (this.#expireIfDue(key) || !this.#entries.has(key)) return false
    this.#entries.discard(key)
    this.#stats.deletes++
    return true
  }

  #expireIfDue(key: string): boolean {
    const stored = this.#entries.peek(key)
    if (stored === undefined || !this.#isExpired(stored)) return false
    this.#expire(key)
    return true
  }

  #expire(key: string): void {
    this.#entries.discard(key)
    this.#stats.expired++
  }
}
