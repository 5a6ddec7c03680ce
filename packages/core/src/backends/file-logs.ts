import { join } from 'node:path'
import type { FileEntries } from './file-entries.ts'
import {
  appendFlags,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  isMissing,
  isThere,
  type OpenFile,
  readFrom,
  unlessMissing,
  unlessOdd,
} from './file-system.ts'
import { TagLog } from './tag-log.ts'

const chunkBytes = 2 ** 16

/** A log that is open, and what was read of it. */
export interface OpenLog {
  readonly generation: number
  readonly path: string
  readonly file: OpenFile
  readonly ino: number
  readonly log: TagLog
}

/** The logs of one directory, by generation: the highest is in force. */
export class FileLogs {
  readonly #files: FileEntries
  readonly #fs: FileSystem

  constructor(files: FileEntries, fs: FileSystem) {
    this.#files = files
    this.#fs = fs
  }

  async generations(): Promise<number[]> {
    const generations: number[] = []
    for await (const { name } of await this.#folder())
      if (/^[1-9]\d{0,14}\.log$/.test(name)) generations.push(Number.parseInt(name, 10))
    return generations
  }

  /** Undefined where it was replaced meanwhile, `'odd'` where it is no file. */
  async open(generation: number, maxTags: number): Promise<OpenLog | 'odd' | undefined> {
    const path = this.#pathOf(generation)
    const file = await unlessOdd(unlessMissing(this.#fs.open(path, appendFlags)))
    if (file === undefined || file === 'odd') return file
    try {
      const facts = await file.stat()
      const { ino } = facts
      if (!facts.isFile()) {
        await file.close()
        return 'odd'
      }
      return { generation, path, file, ino, log: new TagLog(maxTags) }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  facts(path: string): Promise<FileFacts | undefined> {
    return this.#files.facts(path)
  }

  /** Puts a log into its place, whole, unless somebody else has. */
  async link(opening: string, generation: number): Promise<void> {
    const draft = await this.#files.draft(Buffer.from(opening, 'latin1'), true)
    try {
      await this.#fs.link(draft, this.#pathOf(generation))
    } catch (error) {
      if (!isThere(error)) throw error
    } finally {
      await this.#files.remove(draft)
    }
  }

  async removeUpTo(generation: number): Promise<void> {
    for (const old of await this.generations())
      if (old <= generation) await this.#files.remove(this.#pathOf(old))
  }

  async #folder(): Promise<AsyncIterable<FolderEntry>> {
    const { directory } = this.#files
    try {
      return await this.#fs.opendir(directory.tags)
    } catch (error) {
      if (!isMissing(error)) throw error
      // Somebody has removed it.
      directory.forget()
      await directory.ready()
      return this.#fs.opendir(directory.tags)
    }
  }

  #pathOf(generation: number): string {
    return join(this.#files.directory.tags, `${generation}.log`)
  }
}

/** Reads on from where the log was left, up to `size`; `found` is told which count each invalidation has. */
export const readOn = async (
  { file, log }: OpenLog,
  size: number,
  found: (id: string, seq: number) => void,
): Promise<void> => {
  let length = chunkBytes
  while (log.offset < size && !log.sealed && !log.damaged) {
    const before = log.offset
    log.read(await readFrom(file, before, Math.min(length, size - before)), found)
    if (log.offset > before) continue
    // A line longer than what was read, or one that is not finished yet.
    if (before + length >= size) return
    length *= 2
  }
}
