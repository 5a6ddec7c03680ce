import { join } from 'node:path'
import { fileConstants as constants, randomBytes } from '../builtin.ts'
import type { FileEntries } from './file-entries.ts'
import { type FileSystem, fileMode, isMissing } from './file-system.ts'

/** How often a process that writes shows that it is there. */
const touchMs = 5000
/** Who has not written for so long is no neighbour. */
const goneMs = 15_000

const suffix = '.live'

/**
 * Who else writes into the directory: each process keeps a file there whose time says when it last wrote. What room is
 * left is divided by their number.
 */
export class Neighbours {
  readonly #entries: FileEntries
  readonly #fs: FileSystem
  readonly #name = randomBytes(12).toString('hex') + suffix
  #present = new Set<string>([this.#name])
  #touchedAt = Number.NEGATIVE_INFINITY

  constructor(entries: FileEntries, fs: FileSystem) {
    this.#entries = entries
    this.#fs = fs
  }

  /** This process among them. */
  get count(): number {
    return this.#present.size
  }

  /** Looks who is there, and shows itself; whether anybody has come or gone, this process among them. */
  async look(): Promise<boolean> {
    const now = Date.now()
    const returns = now - this.#touchedAt > goneMs
    if (now - this.#touchedAt > touchMs) await this.#touch(now)
    const present = new Set<string>([this.#name])
    for await (const { name, facts } of this.#entries.drafts())
      if (name.endsWith(suffix) && now - facts.mtimeMs <= goneMs) present.add(name)
    const before = this.#present
    this.#present = present
    return returns || before.size !== present.size || [...present].some((name) => !before.has(name))
  }

  async leave(): Promise<void> {
    if (this.#touchedAt > 0) await this.#entries.remove(this.#place()).catch(() => undefined)
    this.#touchedAt = Number.NEGATIVE_INFINITY
  }

  async #touch(now: number): Promise<void> {
    try {
      await this.#fs.utimes(this.#place(), now / 1000, now / 1000)
    } catch (error) {
      if (!isMissing(error)) throw error
      // It is the first time, or somebody has removed it, perhaps with all of the directory.
      this.#entries.directory.forget()
      await this.#entries.directory.ready()
      const file = await this.#fs.open(this.#place(), constants.O_WRONLY | constants.O_CREAT, fileMode)
      await file.close()
    }
    this.#touchedAt = now
  }

  #place(): string {
    return join(this.#entries.directory.drafts, this.#name)
  }
}
