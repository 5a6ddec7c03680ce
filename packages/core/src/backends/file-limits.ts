import { dirname } from 'node:path'
import { forEachOf } from './few-at-once.ts'
import type { FileEntries } from './file-entries.ts'
import type { Neighbours } from './file-neighbours.ts'

interface Candidate {
  readonly place: string
  readonly mtimeMs: number
  readonly ino: number
  readonly size: number
}

/** A walk under way: what it has counted so far, and how far it is. */
interface Count {
  entries: number
  bytes: number
  readonly candidates: Candidate[]
  /** Folders before it are counted, those after it are not. */
  folder: string
  /** What is counted in that folder. */
  readonly counted: Set<string>
}

/** The oldest entries remembered from a walk, to be evicted without another one. */
const mostCandidates = 10_000
/** How far the limits may be passed while a walk is under way. */
const slack = 0.05
/** Who else is there is asked after so much of the limits was written, or after so long. */
const lookShare = 0.02
const lookMs = 1000
/** A walk that could not read everything is repeated after so long. */
const againMs = 60_000
/** Files that cannot be removed, after which no more are tried for one write. */
const mostUnmoved = 8

const oldestLast = (a: Candidate, b: Candidate): number => b.mtimeMs - a.mtimeMs

/** Entries and bytes of one directory: counted in the background, kept up to date by what this process does. */
export class FileLimits {
  entries = 0
  bytes = 0
  readonly maxEntries: number
  readonly maxBytes: number
  readonly #files: FileEntries
  readonly #neighbours: Neighbours
  readonly #onEvicted: () => void
  /** What this process has added since the last count, and may add before the next one. */
  #grown = { entries: 0, bytes: 0 }
  #share = { entries: 0, bytes: 0 }
  #candidates: Candidate[] = []
  #count: Count | undefined
  #counting: Promise<void> | undefined
  #evicting: Promise<void> | undefined
  #stopped = false
  #counted = false
  #written = { entries: 0, bytes: 0 }
  #lookedAt = Number.NEGATIVE_INFINITY
  #againAt = Number.POSITIVE_INFINITY

  constructor(
    files: FileEntries,
    neighbours: Neighbours,
    limits: { readonly maxEntries: number; readonly maxBytes: number },
    onEvicted: () => void,
  ) {
    this.#files = files
    this.#neighbours = neighbours
    this.#onEvicted = onEvicted
    this.maxEntries = limits.maxEntries
    this.maxBytes = limits.maxBytes
  }

  /** What lay in a place, and what lies there now. */
  note(place: string, before: number | undefined, after: number | undefined): void {
    const entries = (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
    const bytes = (after ?? 0) - (before ?? 0)
    this.entries = Math.max(0, this.entries + entries)
    this.bytes = Math.max(0, this.bytes + bytes)
    this.#grown.entries += entries
    this.#grown.bytes += bytes
    if (after !== undefined) {
      this.#written.entries += 1
      this.#written.bytes += after
    }
    this.#noteInCount(place, entries, bytes, after)
  }

  /** The walk under way has seen the place, and learns the difference; or will see it; or is just there. */
  #noteInCount(place: string, entries: number, bytes: number, after: number | undefined): void {
    const count = this.#count
    if (count === undefined) return
    const folder = dirname(place)
    if (folder > count.folder) return
    if (folder < count.folder || count.counted.has(place)) {
      count.entries += entries
      count.bytes += bytes
      return
    }
    count.counted.add(place)
    if (after === undefined) return
    count.entries += 1
    count.bytes += after
  }

  /** Before an entry is written: waits only where a count is under way and the limits could be passed by far. */
  async admit(): Promise<void> {
    if (!this.#isLimited()) return
    await this.#look()
    if (!this.#counted) this.#begin()
    if (this.#isFar()) await this.#begin()
  }

  /** After an entry was written: the oldest make room for it. */
  async enforce(): Promise<void> {
    if (!this.#counted || !this.#isLimited()) return
    await this.#evict()
    const { entries, bytes } = this.#grown
    if (this.#isOver() || entries > this.#share.entries || bytes > this.#share.bytes) this.#begin()
  }

  /** The exact figures, as of a walk that began after the call or a little earlier. */
  async known(): Promise<void> {
    if (!this.#counted) await this.#begin()
  }

  /** Counts anew what others have changed. */
  recount(): Promise<void> {
    return this.#begin()
  }

  /** Ends a walk under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#counting?.catch(() => undefined)
  }

  #isLimited(): boolean {
    return this.maxEntries !== Number.POSITIVE_INFINITY || this.maxBytes !== Number.POSITIVE_INFINITY
  }

  #isOver(): boolean {
    return this.entries > this.maxEntries || this.bytes > this.maxBytes
  }

  #isFar(): boolean {
    const { count } = this.#neighbours
    const far = (used: number, grown: number, share: number, limit: number): boolean =>
      used > limit * (1 + slack) || grown > share + (limit * slack) / count
    return (
      far(this.entries, this.#grown.entries, this.#share.entries, this.maxEntries) ||
      far(this.bytes, this.#grown.bytes, this.#share.bytes, this.maxBytes)
    )
  }

  async #look(): Promise<void> {
    const { entries, bytes } = this.#written
    const due =
      entries > this.maxEntries * lookShare ||
      bytes > this.maxBytes * lookShare ||
      Date.now() - this.#lookedAt > lookMs
    if (!due) return
    this.#written = { entries: 0, bytes: 0 }
    this.#lookedAt = Date.now()
    // Where that fails, so does the write that it is asked for, or it matters to nobody.
    const changed = await this.#neighbours.look().catch(() => false)
    if ((changed || Date.now() > this.#againAt) && this.#counted) this.#begin()
  }

  #begin(): Promise<void> {
    this.#counting ??= this.#walk().finally(() => {
      this.#counting = undefined
    })
    // Whoever waits learns what went wrong; nobody has to.
    this.#counting.catch(() => undefined)
    return this.#counting
  }

  async #walk(): Promise<void> {
    const count: Count = { entries: 0, bytes: 0, candidates: [], folder: '', counted: new Set() }
    this.#count = count
    try {
      await this.#goOver(count)
    } finally {
      this.#count = undefined
    }
    if (this.#stopped) return
    this.entries = count.entries
    this.bytes = count.bytes
    this.#candidates = count.candidates.sort(oldestLast).slice(-mostCandidates)
    this.#divide()
    this.#counted = true
    await this.#evict()
  }

  /** What cannot be read is left out, and counted later: one damaged folder must not keep everything from being stored. */
  async #goOver(count: Count): Promise<void> {
    let read = 0
    let failure: { readonly error: unknown } | undefined
    for (const folder of this.#files.folders()) {
      if (this.#stopped) return
      count.folder = folder
      count.counted.clear()
      try {
        await forEachOf(this.#files.places(folder), (place) => this.#add(count, place))
        read++
      } catch (error) {
        failure = { error }
      }
    }
    if (failure !== undefined && read === 0) throw failure.error
    this.#againAt = failure === undefined ? Number.POSITIVE_INFINITY : Date.now() + againMs
  }

  async #add(count: Count, place: string): Promise<void> {
    const facts = await this.#files.facts(place)
    if (facts === undefined || count.counted.has(place)) return
    const { size, mtimeMs, ino } = facts
    count.counted.add(place)
    count.entries += 1
    count.bytes += size
    count.candidates.push({ place, size, mtimeMs, ino })
    if (count.candidates.length < 2 * mostCandidates) return
    count.candidates.sort(oldestLast).splice(0, count.candidates.length - mostCandidates)
  }

  /** Each of those who write may use its part of the room that is left. */
  #divide(): void {
    const { count } = this.#neighbours
    this.#grown = { entries: 0, bytes: 0 }
    // Alone, this process knows all that comes, and evicts when the limit is reached.
    const part = (limit: number, used: number): number =>
      count === 1 ? Number.POSITIVE_INFINITY : Math.max(limit - used, 0) / count
    this.#share = { entries: part(this.maxEntries, this.entries), bytes: part(this.maxBytes, this.bytes) }
  }

  #evict(): Promise<void> {
    this.#evicting ??= this.#evictOldest().finally(() => {
      this.#evicting = undefined
    })
    return this.#evicting
  }

  async #evictOldest(): Promise<void> {
    let unmoved = 0
    while (this.#isOver()) {
      const oldest = this.#candidates.pop()
      if (oldest === undefined) return
      try {
        await this.#evictOne(oldest)
      } catch (error) {
        unmoved++
        if (unmoved === mostUnmoved) throw error
      }
    }
  }

  async #evictOne({ place, size, ino, mtimeMs }: Candidate): Promise<void> {
    const facts = await this.#files.facts(place)
    // Written anew since, it is no longer among the oldest; and whoever has removed it has counted that, or has put
    // something else in its stead.
    if (facts?.ino !== ino || facts.mtimeMs !== mtimeMs || !(await this.#files.remove(place))) return
    this.#onEvicted()
    this.note(place, size, undefined)
  }
}
