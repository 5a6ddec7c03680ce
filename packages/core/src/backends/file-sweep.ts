import type { CacheDirectory } from './file-directory.ts'
import type { FileEntries } from './file-entries.ts'
import type { EntryHead } from './file-entry.ts'
import type { FileLimits } from './file-limits.ts'

/** How often what killed processes left is looked for, and how old it is then: together less than a minute. */
const draftTickMs = 20_000
const draftAgeMs = 30_000

export interface SweepSettings {
  readonly cleanupMs: number
  readonly maxAgeMs: number
  readonly clock: () => number
}

/** Whether the ttl of an entry, or the age that files may have, is over. A clock that says NaN ends it. */
export const isOver = ({ expires, created }: EntryHead, { clock, maxAgeMs }: SweepSettings): boolean => {
  const now = clock()
  return !(expires === Number.POSITIVE_INFINITY || expires > now) || now - created > maxAgeMs
}

/** Told of each entry that a sweep has removed, and of what went wrong: there is nobody to throw it at. */
export interface SweepEvents {
  readonly expired: () => void
  readonly damaged: () => void
  readonly failed: (error: unknown) => void
}

/** Removes what nobody will ask for again. One timer, which never keeps the process alive. */
export class FileSweep {
  readonly #files: FileEntries
  readonly #limits: FileLimits
  readonly #settings: SweepSettings
  readonly #events: SweepEvents
  #timer: NodeJS.Timeout | undefined
  #running: Promise<unknown> | undefined
  #dueAt = 0
  #started = false
  #stopped = false

  constructor(files: FileEntries, limits: FileLimits, settings: SweepSettings, events: SweepEvents) {
    this.#files = files
    this.#limits = limits
    this.#settings = settings
    this.#events = events
  }

  /** Does nothing once it has begun. */
  start(): void {
    if (this.#started || this.#stopped) return
    this.#started = true
    this.#dueAt = performance.now() + this.#settings.cleanupMs
    // What an earlier process left waits no longer than it has to.
    this.#run(this.removeDrafts())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** The number of entries removed because they had expired. */
  async sweep(): Promise<number> {
    let expired = 0
    const examine = async (place: string): Promise<void> => {
      if (await this.#examine(place)) expired++
    }
    await this.#files.forEachPlace(examine, () => this.#stopped)
    return expired
  }

  async removeDrafts(): Promise<void> {
    const now = Date.now()
    for await (const { place, facts } of this.#files.drafts())
      if (facts.isFile() && now - facts.mtimeMs > draftAgeMs) await this.#files.remove(place)
  }

  /** Whether it had expired and is gone. */
  async #examine(place: string): Promise<boolean> {
    const found = await this.#files.readHead(place)
    if (found === undefined) return false
    const { entry, facts } = found
    const damaged = entry === undefined
    if (!damaged && !isOver(entry, this.#settings)) return false
    if (!(await this.#files.removeSame(place, facts))) return false
    this.#limits.note(place, facts.size, undefined)
    if (damaged) this.#events.damaged()
    else this.#events.expired()
    return !damaged
  }

  #run(work: Promise<unknown>): void {
    this.#running = work.catch(this.#events.failed).finally(() => {
      this.#running = undefined
      if (!this.#stopped) this.#wait()
    })
  }

  #wait(): void {
    const due = Math.max(1, this.#dueAt - performance.now())
    this.#timer = setTimeout(() => this.#run(this.#tick()), Math.min(draftTickMs, due))
    this.#timer.unref()
  }

  async #tick(): Promise<void> {
    await recheck(this.#files.directory)
    await this.removeDrafts()
    if (performance.now() < this.#dueAt) return
    this.#dueAt = performance.now() + this.#settings.cleanupMs
    await this.sweep()
    // What other processes have added and removed meanwhile.
    if (!this.#stopped) await this.#limits.recount()
  }
}

/** The rights of a directory may change while it is used. */
const recheck = (directory: CacheDirectory): Promise<void> => {
  directory.forget()
  return directory.ready()
}
