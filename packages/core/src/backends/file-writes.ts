import type { FileEntries } from './file-entries.ts'
import type { FileEntry } from './file-entry.ts'
import type { FileLimits } from './file-limits.ts'
import type { StoreStats } from './store-stats.ts'

/** What changes the entries of a directory, within its limits. */
export class FileWrites {
  readonly #files: FileEntries
  readonly #limits: FileLimits
  readonly #maxEntryBytes: number
  readonly #stats: StoreStats
  /** What is written to one place is written in the order in which it was asked for. */
  readonly #writing = new Map<string, Promise<unknown>>()

  constructor(files: FileEntries, limits: FileLimits, maxEntryBytes: number, stats: StoreStats) {
    this.#files = files
    this.#limits = limits
    this.#maxEntryBytes = maxEntryBytes
    this.#stats = stats
  }

  /** Whether it is stored; one that is too large leaves nothing of its predecessor either. */
  put(entry: FileEntry): Promise<boolean> {
    const place = this.#files.placeOf(entry.key)
    return this.#inOrder(place, async () => {
      await this.#limits.admit()
      const { before, after } = await this.#files.write(place, entry)
      if (after > this.#maxEntryBytes) {
        await this.#files.remove(place)
        this.#limits.note(place, before, undefined)
        return false
      }
      this.#limits.note(place, before, after)
      this.#stats.sets++
      await this.#limits.enforce()
      return true
    })
  }

  /** Whether it was there. */
  delete(key: string): Promise<boolean> {
    const place = this.#files.placeOf(key)
    return this.#inOrder(place, async () => {
      const removed = await this.#remove(place)
      if (removed) this.#stats.deletes++
      return removed
    })
  }

  /** How many there were. */
  async clear(): Promise<number> {
    let removed = 0
    const remove = async (place: string): Promise<void> => {
      if (await this.#remove(place)) removed++
    }
    await this.#files.forEachPlace(remove)
    return removed
  }

  async #remove(place: string): Promise<boolean> {
    const size = (await this.#files.facts(place))?.size
    if (size === undefined || !(await this.#files.remove(place))) return false
    this.#limits.note(place, size, undefined)
    return true
  }

  async #inOrder<T>(place: string, work: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(place) ?? Promise.resolve()
    const done = before.then(work, work)
    this.#writing.set(place, done)
    try {
      return await done
    } finally {
      if (this.#writing.get(place) === done) this.#writing.delete(place)
    }
  }
}
