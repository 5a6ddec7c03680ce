import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { BackendHealth, CacheBackend, MemoryBackend, SyncTagState } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import { matchesGlob } from '../glob.ts'
import { unreachable } from '../health.ts'
import { createTagTable } from '../tag-table.ts'
import { type MemoryOptions, type MemorySettings, readMemoryOptions } from './memory-options.ts'
import { MemoryRoom } from './memory-room.ts'
import { CountedMemory } from './memory-stats.ts'
import { createSweep, SLICE, type Sweep } from './memory-sweep.ts'
import { type KeptText, MemoryTexts, textOf } from './memory-texts.ts'

interface Stored {
  readonly text: KeptText
  /** By the backend's clock; Infinity without expiry. At that moment it has expired. */
  readonly expiresAt: number
}

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
  #lru: LRUCache<string, Stored>
  #texts: MemoryTexts
  /** Iterates soundly while entries come and go, which the order of use cannot: every read changes that. */
  #keys = new Set<string>()
  #closed = false

  constructor(settings: MemorySettings) {
    this.#settings = settings
    this.#clock = settings.clock
    this.#texts = this.#createTexts()
    this.#lru = this.#createLru()
    this.#room = new MemoryRoom(settings, {
      entries: () => this.#lru.size,
      bytes: () => this.#lru.calculatedSize,
      evictOldest: () => void this.#lru.pop(),
    })
    this.#sweep = createSweep(settings.cleanupMs, {
      size: () => this.#lru.size,
      keys: () => this.#keys.values(),
      expire: (key) => this.#expireIfDue(key),
    })
    const gauges = { entries: () => this.#lru.size, bytes: () => this.#lru.calculatedSize }
    const { maxEntries, maxBytes } = settings
    this.#stats = new CountedMemory({ ...gauges, maxEntries, maxBytes }, () => this.#countExpired())
  }

  get(key: string): string | null {
    const stored = this.#use(key)
    return stored === undefined ? null : textOf(stored.text)
  }

  getWithTtl(key: string): { value: string; ttl: number } | null {
    const stored = this.#use(key)
    if (stored === undefined) return null
    const { expiresAt } = stored
    const value = textOf(stored.text)
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
    const stored = this.#lru.peek(key)
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
    const removed = this.#lru.size
    // A new one, because lru-cache's own clear() walks over every entry.
    this.#texts = this.#createTexts()
    this.#lru = this.#createLru()
    this.#keys = new Set()
    this.#sweep.stop()
    return removed
  }

  async *keys(pattern?: string): AsyncIterable<string> {
    // Keys added from now on come after those that are there, so that counting keeps a flood of them out.
    let left = this.#keys.size
    for (const key of this.#keys) {
      if (left-- === 0) return
      if (left % SLICE === 0) await nextTurn()
      if (this.has(key) && (pattern === undefined || matchesGlob(pattern, key))) yield key
    }
  }

  prune(): number {
    let removed = 0
    for (const key of this.#keys) if (this.#expireIfDue(key)) removed++
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
    for (const stored of this.#lru.values()) if (this.#isExpired(stored)) expired++
    return expired
  }

  /** A lookup that counts: as hit or miss, and as a use that keeps the entry from eviction. */
  #use(key: string): Stored | undefined {
    const stored = this.#lru.get(key)
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
  #isExpired(stored: Stored): boolean {
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
    const lru = this.#lru
    let expected = lru.size
    if (!lru.has(key)) {
      if (lru.size >= this.#settings.maxEntries) lru.pop()
      expected++
    }
    const expiresAt = ttl === Number.POSITIVE_INFINITY ? ttl : this.#clock() + ttl * 1000
    lru.set(key, { text: this.#texts.keep(value), expiresAt }, { size })
    this.#keys.add(key)
    this.#stats.sets++
    const evicted = expected - lru.size
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
    if (this.#expireIfDue(key) || !this.#lru.has(key)) return false
    this.#discard(key)
    this.#stats.deletes++
    return true
  }

  #expireIfDue(key: string): boolean {
    const stored = this.#lru.peek(key)
    if (stored === undefined || !this.#isExpired(stored)) return false
    this.#expire(key)
    return true
  }

  #expire(key: string): void {
    this.#discard(key)
    this.#stats.expired++
  }

  #discard(key: string): void {
    const lru = this.#lru
    // Deleting its last entry makes lru-cache wipe arrays as long as it ever was; evicting that entry does not.
    if (lru.size > 1) lru.delete(key)
    else if (lru.has(key)) lru.pop()
  }

  /** Where the heap is measured, what is evicted has to be in it. */
  #createTexts(): MemoryTexts {
    return new MemoryTexts(this.#settings.heapLimitRatio === undefined ? undefined : Number.POSITIVE_INFINITY)
  }

  /** Limited by bytes alone: given `max`, lru-cache reserves room for that many entries at once. */
  #createLru(): LRUCache<string, Stored> {
    return new LRUCache({
      maxSize: Math.min(this.#settings.maxBytes, Number.MAX_SAFE_INTEGER),
      dispose: ({ text }, key, reason) => {
        this.#texts.release(text)
        if (reason !== 'set') this.#keys.delete(key)
      },
    })
  }
}
