import { AbsorbingCalls } from './absorbing-calls.ts'
import type { BackendStats, CacheBackend } from './backend.ts'
import { StoreStats } from './backends/store-stats.ts'
import type { CacheKey } from './cache-key.ts'
import type { Duration } from './durations.ts'
import { CacheBackendError } from './errors.ts'
import { KeptValues } from './kept-values.ts'
import { type LoadContext, type LoadPolicy, readLoadPolicy, requireLifetime } from './load.ts'
import { Loads } from './loads.ts'
import { eachReady } from './message.ts'
import { Reports } from './reports.ts'
import { type InvalidateOptions, invalidationOf } from './selector.ts'
import { type Serializer, serializerOf } from './serializer.ts'
import { createStamps, type Stamps } from './stamps.ts'
import type { SetOptions, ValueCache, ValueSelector } from './value-cache.ts'
import { type CacheEntry, encodeValue, entryOf, type ValueText } from './value-entry.ts'
import { readValueOptions, type ValueOptions, type ValueSettings } from './value-options.ts'

/** Of one call of `getOrSet` to the backend. */
const deadlineMs = 250

const textOf = (key: string | CacheKey): string => (typeof key === 'string' ? key : key.toString())

const unable = (backend: CacheBackend, operation: string): CacheBackendError =>
  new CacheBackendError('BACKEND_ERROR', {
    backend: backend.name ?? 'backend',
    operation,
    cause: new TypeError(`this backend has no ${operation}()`),
  })

class Values implements ValueCache {
  readonly #backend: CacheBackend
  readonly #settings: ValueSettings
  readonly #serializer: Serializer
  readonly #stamps: Stamps
  readonly #kept: KeptValues
  readonly #loads: Loads
  readonly #stats: StoreStats

  constructor(backend: CacheBackend, settings: ValueSettings) {
    const { clock, namespace, logger } = settings
    const name = backend.name ?? 'backend'
    const reports = new Reports(logger)
    this.#backend = backend
    this.#settings = settings
    this.#serializer = serializerOf(name, settings.serializer)
    this.#stamps = createStamps(backend, namespace)
    this.#kept = new KeptValues({
      backend,
      stamps: this.#stamps,
      calls: new AbsorbingCalls(reports, { backend: name, ms: deadlineMs }),
      serializer: this.#serializer,
      clock,
      keyOf: (key) => key,
      damaged: (error) => {
        this.#stats.errors++
        reports.error('ENTRY_UNREADABLE', 'decode', error)
      },
    })
    this.#loads = new Loads({
      kept: this.#kept,
      clock,
      failed: (error) => reports.error('REVALIDATION_FAILED', 'getOrSet', error),
    })
    const unbounded = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
    this.#stats = new StoreStats(name, { entries: () => 0, bytes: () => 0, ...unbounded })
  }

  async get<T>(key: string | CacheKey): Promise<T | undefined> {
    return (await this.getEntry<T>(key))?.value
  }

  async getEntry<T>(key: string | CacheKey): Promise<CacheEntry<T> | undefined> {
    return this.#counted<T>(await this.#kept.peek(textOf(key)))
  }

  async set(
    key: string | CacheKey,
    value: unknown,
    { ttl, metadata = {} }: SetOptions = {},
  ): Promise<boolean> {
    const stored = await this.#setAll([[textOf(key), value]], ttl, metadata)
    return stored === 1
  }

  getOrSet<T>(
    key: string | CacheKey,
    load: (context: LoadContext<T>) => Promise<T> | T,
    policy: LoadPolicy = {},
  ): Promise<T> {
    return this.#loads.get(textOf(key), load, readLoadPolicy(policy, this.#settings.ttl))
  }

  async delete(key: string | CacheKey): Promise<boolean> {
    this.#loads.noteChange([textOf(key)])
    // What cannot be read is to be deleted all the same.
    const there = await this.has(key).catch(() => false)
    await this.#backend.delete(textOf(key))
    this.#stats.deletes += there ? 1 : 0
    return there
  }

  async has(key: string | CacheKey): Promise<boolean> {
    return (await this.#kept.peek(textOf(key))) !== undefined
  }

  async clear(): Promise<number> {
    if (this.#backend.clear === undefined) throw unable(this.#backend, 'clear')
    this.#loads.noteChange()
    return this.#backend.clear()
  }

  async getMany<T>(keys: readonly (string | CacheKey)[]): Promise<Map<string, T>> {
    const texts = [...new Set(keys.map(textOf))]
    const [stamp, raws] = await Promise.all([this.#stamps.now(), this.#readMany(texts)])
    const values = new Map<string, T>()
    for (const key of texts) {
      const found = await this.#kept.usable(key, raws.get(key) ?? null, this.#settings.clock(), stamp)
      const entry = this.#counted<T>(found)
      if (entry !== undefined) values.set(key, entry.value)
    }
    return values
  }

  async setMany(
    entries: Iterable<readonly [string | CacheKey, unknown]>,
    { ttl }: Pick<SetOptions, 'ttl'> = {},
  ): Promise<number> {
    return this.#setAll(
      Array.from(entries, ([key, value]) => [textOf(key), value] as const),
      ttl,
      {},
    )
  }

  async deleteMany(keys: readonly (string | CacheKey)[]): Promise<number> {
    const texts = [...new Set(keys.map(textOf))]
    if (this.#backend.deleteMany !== undefined) {
      this.#loads.noteChange(texts)
      const count = await this.#backend.deleteMany(texts)
      this.#stats.deletes += Math.max(0, count)
      return count
    }
    const removed = await Promise.all(texts.map((key) => this.delete(key)))
    return removed.filter(Boolean).length
  }

  async listKeys(pattern?: string): Promise<string[]> {
    if (this.#backend.keys === undefined) throw unable(this.#backend, 'keys')
    const keys: string[] = []
    for await (const key of this.#backend.keys(pattern)) keys.push(key)
    return keys
  }

  async invalidate(selector: ValueSelector, options?: InvalidateOptions): Promise<{ readonly seq: number }> {
    const { tags, mode } = invalidationOf(selector, options)
    this.#loads.noteInvalidation()
    return { seq: await this.#stamps.invalidate(tags, mode) }
  }

  async stats(): Promise<BackendStats> {
    return (await this.#backend.stats?.()) ?? this.#stats
  }

  async close(): Promise<void> {
    this.#loads.close()
    await this.#backend.close()
  }

  #counted<T>(found: ValueText | undefined): CacheEntry<T> | undefined {
    if (found === undefined) {
      this.#stats.misses++
      return undefined
    }
    this.#stats.hits++
    return entryOf(found, this.#serializer.decode(found.text) as T)
  }

  async #readMany(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (this.#backend.getMany !== undefined) return this.#backend.getMany(keys)
    const raws = await Promise.all(keys.map(async (key) => [key, await this.#backend.get(key)] as const))
    return new Map(raws.filter((pair): pair is readonly [string, string] => pair[1] !== null))
  }

  async #setAll(
    entries: readonly (readonly [string, unknown])[],
    ttl: Duration | null | undefined,
    metadata: Readonly<Record<string, unknown>>,
  ): Promise<number> {
    const ms =
      ttl === undefined
        ? this.#settings.ttl
        : ttl === null
          ? Number.POSITIVE_INFINITY
          : requireLifetime('values.set: ttl', ttl)
    const createdAt = this.#settings.clock()
    const expiresAt = Number.isFinite(ms) ? createdAt + ms : null
    const texts = entries.map(([key, value]) => {
      const text = this.#serializer.encode(value)
      return [key, encodeValue({ key, text, createdAt, expiresAt, metadata })] as const
    })
    this.#loads.noteChange(entries.map(([key]) => key))
    const stored = await this.#writeMany(texts, ms / 1000)
    this.#stats.sets += stored
    return stored
  }

  async #writeMany(entries: readonly (readonly [string, string])[], ttl: number): Promise<number> {
    // The only call that tells what a store has refused.
    if (this.#backend.setMany !== undefined) return this.#backend.setMany(entries, ttl)
    await eachReady(entries, ([key, text]) => this.#backend.set(key, text, ttl))
    return entries.length
  }
}

/**
 * The data API: values of any kind under keys of your own, on any backend, beside the responses or alone.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_TYPE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_RANGE`
 * @example
 * const cache = values(memory(), { defaultTtl: '1h' })
 * const user = await cache.getOrSet('user:1', () => db.user(1), { ttl: '5m', tags: ['users'] })
 */
export const values = (backend: CacheBackend, options: ValueOptions = {}): ValueCache =>
  new Values(backend, readValueOptions(options))
