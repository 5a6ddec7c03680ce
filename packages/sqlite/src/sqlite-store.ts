import { type BackendHealth, matchesGlob, type TagState } from '@stowage/core'
import { type Admission, createAdmission } from './admission.ts'
import type { SqliteBackend } from './backend.ts'
import { type DatabaseCounts, rowsPerCall } from './calls.ts'
import { chooseDriver } from './driver-choice.ts'
import { healthOf } from './health.ts'
import { Link } from './link.ts'
import type { SqliteSettings } from './options.ts'
import { type Counted, SqliteStats } from './stats.ts'
import { createTags } from './tags.ts'
import { isWhole, literalStart, sizeOfAll, slicesOf } from './texts.ts'

const nothing: DatabaseCounts = { total: 0, expired: 0, pageSize: 4096, pages: 0, freePages: 0 }
/** What a timer can wait for; more would fire at once. */
const longestTimerMs = 2 ** 31 - 1
/** One transaction of `setMany` has at most so many entries and characters; more are several. */
const mostAtOnce = 5000
const mostCharacters = 4 * 1024 ** 2

type Entry = readonly [key: string, value: string]

export class SqliteStore implements SqliteBackend {
  readonly name = 'sqlite'
  readonly tags: TagState
  readonly #settings: SqliteSettings
  readonly #link: Link
  readonly #admission: Admission
  readonly #counted: Counted = { present: nothing }
  readonly #stats: SqliteStats
  #timer: NodeJS.Timeout | undefined

  constructor(settings: SqliteSettings) {
    this.#settings = settings
    this.#admission = createAdmission(settings.maxEntryBytes)
    this.#stats = new SqliteStats(settings, this.#counted)
    const driver = chooseDriver(settings.driver)
    const { path, table, maxEntries, maxBytes, maxTags } = settings
    this.#link = new Link({ driver, path, table, maxEntries, maxBytes, maxTags }, (count) => {
      this.#stats.evictions += count
    })
    this.tags = createTags(this.#link)
  }

  /** Opens the file, which otherwise the first call does. */
  async connect(): Promise<void> {
    if (!this.#link.closed) await this.#link.call('head', 0)
  }

  async get(key: string): Promise<string | null> {
    return (await this.#use(key))?.[0] ?? null
  }

  async getWithTtl(key: string): Promise<{ value: string; ttl: number } | null> {
    const found = await this.#use(key)
    const ttl = found === null ? 0 : found[1] - this.#now()
    // The answer took its time.
    return found === null || !(ttl > 0) ? null : { value: found[0], ttl }
  }

  async getMany(keys: readonly string[]): Promise<Map<string, string>> {
    if (this.#link.closed) return new Map()
    const asked = keys.filter(isWhole)
    const now = this.#now()
    const slices = slicesOf(asked, rowsPerCall, mostCharacters, (key) => key.length)
    const pages = slices.map((slice) =>
      this.#counting(this.#link.call('getMany', sizeOfAll(slice), slice, now)),
    )
    const found = new Map((await Promise.all(pages)).flat())
    const hits = keys.filter((key) => found.has(key)).length
    this.#stats.hits += hits
    this.#stats.misses += keys.length - hits
    return found
  }

  async has(key: string): Promise<boolean> {
    if (this.#link.closed || !isWhole(key)) return false
    return this.#counting(this.#link.call('has', key.length, key, this.#now()))
  }

  async *keys(pattern = '*'): AsyncIterable<string> {
    const start = literalStart(pattern)
    let [from, after] = [start, false]
    while (!this.#link.closed && isWhole(pattern)) {
      const page = await this.#counting(this.#link.call('keys', from.length, from, after, this.#now()))
      for (const key of page) {
        if (!key.startsWith(start)) return
        if (matchesGlob(pattern, key)) yield key
      }
      if (page.length < rowsPerCall) return
      ;[from, after] = [page.at(-1) ?? '', true]
    }
  }

  async set(key: string, value: string, ttl: number): Promise<void> {
    if (this.#link.closed) return
    if (ttl > 0 && this.#admission.fits([key, value])) await this.#setAll([[key, value]], ttl)
    // Whatever was there is out of date now, even where its successor cannot be kept.
    else await this.deleteMany([key])
  }

  async setMany(entries: Iterable<Entry>, ttl: number): Promise<number> {
    if (this.#link.closed) return 0
    const all = [...entries]
    const kept = ttl > 0 ? all.filter((entry) => this.#admission.fits(entry)) : []
    const slices = slicesOf(kept, mostAtOnce, mostCharacters, sizeOfAll)
    const counts = await Promise.all(slices.map((slice) => this.#setAll(slice, ttl)))
    const isKept = new Set(kept)
    const dropped = all.filter((entry) => !isKept.has(entry))
    if (dropped.length > 0) await this.deleteMany(dropped.map(([key]) => key))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async delete(key: string): Promise<void> {
    await this.deleteMany([key])
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    if (this.#link.closed) return 0
    const now = this.#now()
    const slices = slicesOf(keys.filter(isWhole), mostAtOnce, mostCharacters, (key) => key.length)
    const calls = slices.map((slice) => this.#link.call('delete', sizeOfAll(slice), slice, now))
    const removed = (await this.#counting(Promise.all(calls))).reduce((sum, count) => sum + count, 0)
    this.#stats.deletes += removed
    return removed
  }

  async setIfAbsent(key: string, value: string, ttl: number): Promise<boolean> {
    const size = this.#admission.sizeOf('setIfAbsent', key, value)
    if (this.#link.closed || !(ttl > 0)) return false
    const now = this.#now()
    return this.#noteSet(this.#link.call('setIfAbsent', size, key, value, now + ttl, now))
  }

  async setIfOwner(
    key: string,
    value: string,
    ttl: number,
    leaseKey: string,
    token: string,
  ): Promise<boolean> {
    const size = this.#admission.sizeOf('setIfOwner', key, value)
    if (this.#link.closed || !(ttl > 0) || !isWhole(leaseKey)) return false
    const now = this.#now()
    return this.#noteSet(this.#link.call('setIfOwner', size, key, value, now + ttl, leaseKey, token, now))
  }

  async compareAndDelete(key: string, expected: string): Promise<boolean> {
    if (this.#link.closed || !isWhole(key)) return false
    const size = sizeOfAll([key, expected])
    const removed = await this.#counting(
      this.#link.call('compareAndDelete', size, key, expected, this.#now()),
    )
    if (removed) this.#stats.deletes++
    return removed
  }

  async increment(key: string, ttl = Number.POSITIVE_INFINITY): Promise<number> {
    const size = this.#admission.sizeOf('increment', key, '')
    const now = this.#now()
    return this.#counting(this.#link.call('increment', size, key, now + ttl, now))
  }

  async clear(): Promise<number> {
    if (this.#link.closed) return 0
    const newest = await this.#counting(this.#link.call('newest', 0))
    return this.#repeat(() => this.#link.call('clear', 0, newest))
  }

  async prune(): Promise<number> {
    if (this.#link.closed) return 0
    const removed = await this.#repeat(() => this.#link.call('prune', 0, this.#now()))
    this.#stats.expired += removed
    return removed
  }

  async stats(): Promise<SqliteStats> {
    if (!this.#link.closed)
      this.#counted.present = await this.#counting(this.#link.call('counts', 0, this.#now()))
    return this.#stats
  }

  health(): Promise<BackendHealth> {
    return healthOf(this.#link)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#link.close()
  }

  #now(): number {
    return this.#settings.clock() / 1000
  }

  async #use(key: string): Promise<readonly [value: string, expires: number] | null> {
    if (this.#link.closed || !isWhole(key)) return null
    const found = await this.#counting(this.#link.call('get', key.length, key, this.#now()))
    if (found === null) this.#stats.misses++
    else this.#stats.hits++
    return found
  }

  async #setAll(entries: readonly Entry[], ttl: number): Promise<number> {
    const now = this.#now()
    const size = sizeOfAll(entries.flat())
    this.#keepClean()
    const stored = await this.#counting(this.#link.call('set', size, entries, now + ttl, now))
    this.#stats.sets += stored
    return stored
  }

  async #noteSet(call: Promise<boolean>): Promise<boolean> {
    this.#keepClean()
    const stored = await this.#counting(call)
    if (stored) this.#stats.sets++
    return stored
  }

  async #counting<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      this.#stats.errors++
      throw error
    }
  }

  /** A slice at a time, so that other calls come in between. */
  async #repeat(step: () => Promise<number>): Promise<number> {
    let [all, last] = [0, rowsPerCall]
    while (last === rowsPerCall && !this.#link.closed) {
      last = await this.#counting(step())
      all += last
    }
    return all
  }

  /** One timer, from the first entry on. */
  #keepClean(): void {
    const { cleanupMs } = this.#settings
    if (this.#timer !== undefined || cleanupMs === Number.POSITIVE_INFINITY) return
    // What fails is counted, and done by the next round.
    this.#timer = setInterval(() => this.prune().catch(() => undefined), Math.min(cleanupMs, longestTimerMs))
    this.#timer.unref()
  }
}
