import type { BackendHealth, BackendStats, CacheBackend } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import { matchesGlob } from '../glob.ts'
import { unreachable } from '../health.ts'
import { forEachOf } from './few-at-once.ts'
import { CacheDirectory } from './file-directory.ts'
import { FileEntries } from './file-entries.ts'
import type { EntryHead, FileEntry } from './file-entry.ts'
import { FileLimits } from './file-limits.ts'
import { Neighbours } from './file-neighbours.ts'
import type { FileSettings } from './file-options.ts'
import { FileSweep, isOver } from './file-sweep.ts'
import type { FileFacts, FileSystem } from './file-system.ts'
import { FileTags, type FileTagsOptions } from './file-tags.ts'
import { FileWrites } from './file-writes.ts'
import { Slots } from './slots.ts'
import { StoreStats } from './store-stats.ts'

/** A disk that hangs must not keep a process from ending. */
const closeMs = 5000

const createTimer = (): { readonly over: Promise<void>; readonly stop: () => void } => {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resume) => {
    timer = setTimeout(resume, closeMs)
  })
  return { over, stop: () => clearTimeout(timer) }
}

/** Files open at once, and what may wait for its turn: a disk that hangs must not fill the memory. */
const slotLimits = { running: 32, waiting: 2000, waitingBytes: 16 * 1024 ** 2 }

/** `file()`, on a file system of any kind. */
export class FileStore implements CacheBackend {
  readonly name = 'file'
  readonly tags: FileTags
  readonly #settings: FileSettings
  readonly #directory: CacheDirectory
  readonly #files: FileEntries
  readonly #neighbours: Neighbours
  readonly #limits: FileLimits
  readonly #sweep: FileSweep
  readonly #slots = new Slots(slotLimits)
  readonly #stats: StoreStats
  readonly #writes: FileWrites
  #closing: Promise<void> | undefined

  constructor(settings: FileSettings, fs: FileSystem, tagOptions?: FileTagsOptions) {
    this.#settings = settings
    this.#directory = new CacheDirectory(settings.directory, fs)
    this.#files = new FileEntries(this.#directory, fs, settings.maxEntryBytes)
    this.#neighbours = new Neighbours(this.#files, fs)
    this.#limits = new FileLimits(this.#files, this.#neighbours, settings, () => this.#stats.evictions++)
    this.#sweep = new FileSweep(this.#files, this.#limits, settings, {
      expired: () => this.#stats.expired++,
      damaged: () => this.#stats.errors++,
      failed: () => this.#stats.errors++,
    })
    this.tags = new FileTags(this.#files, fs, tagOptions)
    this.#stats = new StoreStats(this.name, {
      entries: () => this.#limits.entries,
      bytes: () => this.#limits.bytes,
      maxEntries: settings.maxEntries,
      maxBytes: settings.maxBytes,
    })
    this.#writes = new FileWrites(this.#files, this.#limits, settings.maxEntryBytes, this.#stats)
  }

  async connect(): Promise<void> {
    await this.#run('connect', () => Promise.resolve(), undefined)
  }

  async get(key: string): Promise<string | null> {
    return (await this.#find(key))?.value ?? null
  }

  async getWithTtl(key: string): Promise<{ value: string; ttl: number } | null> {
    const found = await this.#find(key)
    if (found === undefined) return null
    const { value, expires } = found
    if (expires === Number.POSITIVE_INFINITY) return { value, ttl: expires }
    const ttl = (expires - this.#settings.clock()) / 1000
    return ttl > 0 ? { value, ttl } : null
  }

  async getMany(keys: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    await forEachOf(new Set(keys), async (key) => {
      const value = await this.get(key)
      if (value !== null) found.set(key, value)
    })
    return found
  }

  async has(key: string): Promise<boolean> {
    return this.#run('has', async () => (await this.#liveHead(this.#files.placeOf(key)))?.key === key, false)
  }

  async set(key: string, value: string, ttl: number): Promise<void> {
    await this.#store(key, value, ttl)
  }

  async setMany(entries: Iterable<readonly [string, string]>, ttl: number): Promise<number> {
    let stored = 0
    await forEachOf(entries, async ([key, value]) => {
      if (await this.#store(key, value, ttl)) stored++
    })
    return stored
  }

  async delete(key: string): Promise<void> {
    await this.#delete(key)
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    let removed = 0
    await forEachOf(new Set(keys), async (key) => {
      const there = await this.has(key)
      if ((await this.#delete(key)) && there) removed++
    })
    return removed
  }

  async clear(): Promise<number> {
    return this.#run('clear', () => this.#writes.clear(), 0)
  }

  async *keys(pattern?: string): AsyncIterable<string> {
    for (const folder of this.#files.folders()) {
      if (this.#closing !== undefined) return
      for await (const place of this.#files.places(folder)) {
        const head = await this.#run('keys', () => this.#liveHead(place), undefined)
        if (head !== undefined && (pattern === undefined || matchesGlob(pattern, head.key))) yield head.key
      }
    }
  }

  async prune(): Promise<number> {
    return this.#run('prune', () => this.#sweep.sweep(), 0)
  }

  /** Entries and bytes are counted when they are first asked for, and include what other processes did up to then. */
  async stats(): Promise<BackendStats> {
    await this.#run('stats', () => this.#limits.known(), undefined)
    return this.#stats
  }

  async health(): Promise<BackendHealth> {
    if (this.#closing !== undefined) return unreachable('closed')
    const began = performance.now()
    try {
      this.#directory.forget()
      await this.#run(
        'health',
        async () => this.#files.remove(await this.#files.draft(Buffer.from('{}'))),
        true,
      )
      return { status: 'healthy', connected: true, latencyMs: performance.now() - began }
    } catch (error) {
      return unreachable(error instanceof CacheBackendError ? error.cause : error)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const done = [this.#sweep.stop(), this.#limits.stop(), this.#slots.idle(), this.tags.close()]
    const leave = Promise.all(done).then(() => this.#neighbours.leave())
    const timer = createTimer()
    await Promise.race([leave, timer.over])
    timer.stop()
  }

  /** A lookup that counts. */
  async #find(key: string): Promise<FileEntry | undefined> {
    const entry = await this.#run('get', () => this.#read(this.#files.placeOf(key), key), undefined)
    if (entry === undefined) this.#stats.misses++
    else this.#stats.hits++
    return entry
  }

  async #read(place: string, key: string): Promise<FileEntry | undefined> {
    const found = await this.#files.read(place, key)
    if (found === undefined) return undefined
    const { entry, facts } = found
    if (entry !== undefined && !isOver(entry, this.#settings)) return entry
    await this.#discard(place, facts)
    if (entry === undefined) this.#stats.errors++
    else this.#stats.expired++
    return undefined
  }

  async #liveHead(place: string): Promise<EntryHead | undefined> {
    const head = (await this.#files.readHead(place))?.entry
    return head === undefined || isOver(head, this.#settings) ? undefined : head
  }

  /** What has expired or is damaged; a file that cannot be removed is no reason to fail, for it is not used. */
  async #discard(place: string, facts: FileFacts): Promise<void> {
    const removed = await this.#files.removeSame(place, facts).catch(() => false)
    if (removed) this.#limits.note(place, facts.size, undefined)
  }

  async #store(key: string, value: string, ttl: number): Promise<boolean> {
    const created = this.#settings.clock()
    // Whatever was there is out of date now, even where its successor cannot be kept.
    if (!(ttl > 0) || value.length > this.#settings.maxEntryBytes) {
      await this.#delete(key)
      return false
    }
    const entry = { key, value, created, expires: created + ttl * 1000 }
    return this.#run('set', () => this.#writes.put(entry), false, 2 * value.length)
  }

  async #delete(key: string): Promise<boolean> {
    return this.#run('delete', () => this.#writes.delete(key), false)
  }

  /** One operation, when there is room for it; `otherwise` once closed. */
  async #run<T>(operation: string, work: () => Promise<T>, otherwise: T, bytes = 0): Promise<T> {
    if (this.#closing !== undefined) return otherwise
    try {
      return await this.#slots.run(async () => {
        await this.#directory.ready()
        this.#sweep.start()
        return work()
      }, bytes)
    } catch (cause) {
      this.#stats.errors++
      if (cause instanceof CacheBackendError) throw cause
      throw new CacheBackendError('BACKEND_ERROR', { backend: this.name, operation, cause })
    }
  }
}
