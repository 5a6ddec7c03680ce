import { dirname, join } from 'node:path'
import { randomBytes } from '../builtin.ts'
import { forEachIn } from './few-at-once.ts'
import type { CacheDirectory } from './file-directory.ts'
import {
  decodeEntry,
  decodeHead,
  type EntryHead,
  encodeEntry,
  type FileEntry,
  folderNames,
  headBytes,
  isClosed,
  isEntryName,
  openingOf,
  placeOf,
} from './file-entry.ts'
import {
  createFlags,
  type FileFacts,
  type FileSystem,
  fileMode,
  isMissing,
  type OpenFile,
  readFlags,
  readFrom,
  unlessMissing,
  unlessOdd,
  writeWhole,
} from './file-system.ts'

/** What lies in a place: an entry, or a file that is none. */
export type Examined<E> = { readonly facts: FileFacts; readonly entry: E | undefined } | undefined

/** The size of what lay there before, where something did. */
export interface Written {
  readonly before: number | undefined
  readonly after: number
}

/** The files of one directory, each an entry. */
export class FileEntries {
  readonly directory: CacheDirectory
  readonly #fs: FileSystem
  readonly #maxBytes: number

  constructor(directory: CacheDirectory, fs: FileSystem, maxBytes: number) {
    this.directory = directory
    this.#fs = fs
    this.#maxBytes = maxBytes
  }

  placeOf(key: string): string {
    return placeOf(this.directory.path, key)
  }

  /** An entry of exactly this key, or what else is in its place. */
  read(place: string, key: string): Promise<Examined<FileEntry>> {
    return this.#opened(place, async (file, facts) => {
      const opening = openingOf(key)
      // A file that is none of ours costs the first of its bytes, however large it is.
      if (!opening.equals(await readFrom(file, 0, Math.min(opening.length, facts.size)))) return undefined
      const entry = decodeEntry((await readFrom(file, 0, facts.size)).toString())
      return entry?.key === key ? entry : undefined
    })
  }

  /** The head alone, whatever the key; an entry only where the file lies in its place and has an end. */
  readHead(place: string): Promise<Examined<EntryHead>> {
    return this.#opened(place, async (file, { size }) => {
      const text = (await readFrom(file, 0, Math.min(headBytes, size))).toString()
      let head = decodeHead(text)
      if (head === undefined && size > headBytes && text.startsWith('{"key":"'))
        head = decodeEntry((await readFrom(file, 0, size)).toString())
      if (head === undefined || !isClosed(await readFrom(file, size - 2, 2))) return undefined
      return this.placeOf(head.key) === place ? head : undefined
    })
  }

  async #opened<E>(
    place: string,
    read: (file: OpenFile, facts: FileFacts) => Promise<E | undefined>,
  ): Promise<Examined<E>> {
    const file = await unlessOdd(unlessMissing(this.#fs.open(place, readFlags)))
    if (file === undefined) return undefined
    if (file === 'odd') return this.#described(place)
    try {
      const facts = await file.stat()
      const readable = facts.isFile() && facts.size <= this.#maxBytes
      return { facts, entry: readable ? await read(file, facts) : undefined }
    } finally {
      await file.close()
    }
  }

  /** What cannot be an entry. */
  async #described(place: string): Promise<Examined<never>> {
    const facts = await this.facts(place)
    return facts === undefined ? undefined : { facts, entry: undefined }
  }

  /** Whole or not at all: written beside and moved into its place. */
  async write(place: string, entry: FileEntry): Promise<Written> {
    const bytes = encodeEntry(entry)
    const draft = await this.draft(bytes)
    try {
      const before = (await this.facts(place))?.size
      await this.#move(draft, place)
      return { before, after: bytes.length }
    } catch (error) {
      await this.remove(draft).catch(() => undefined)
      throw error
    }
  }

  /** A file of its own with these bytes, to be moved or linked to where it belongs; `lasting`: even if the power fails. */
  async draft(bytes: Uint8Array, lasting = false): Promise<string> {
    const draft = join(this.directory.drafts, `${randomBytes(12).toString('hex')}.tmp`)
    const file = await this.#create(draft)
    try {
      try {
        await writeWhole(file, bytes)
        if (lasting) await file.datasync()
      } finally {
        await file.close()
      }
    } catch (error) {
      await this.remove(draft).catch(() => undefined)
      throw error
    }
    return draft
  }

  async #create(draft: string): Promise<OpenFile> {
    try {
      return await this.#fs.open(draft, createFlags, fileMode)
    } catch (error) {
      if (!isMissing(error)) throw error
      // Somebody has removed the directory.
      this.directory.forget()
      await this.directory.ready()
      return this.#fs.open(draft, createFlags, fileMode)
    }
  }

  async #move(draft: string, place: string): Promise<void> {
    try {
      await this.#fs.rename(draft, place)
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.directory.make(dirname(place))
      await this.#fs.rename(draft, place)
    }
  }

  /** Whether there was something; a folder is nothing of ours. */
  async remove(place: string): Promise<boolean> {
    try {
      return (await unlessOdd(this.#fs.unlink(place))) !== 'odd'
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  /** Removes a file unless another has taken its place since it was looked at. */
  async removeSame(place: string, facts: Pick<FileFacts, 'ino' | 'mtimeMs'>): Promise<boolean> {
    const now = await this.facts(place)
    return now?.ino === facts.ino && now.mtimeMs === facts.mtimeMs && this.remove(place)
  }

  /** Of what lies there itself, though it be a link. */
  facts(place: string): Promise<FileFacts | undefined> {
    return unlessMissing(this.#fs.lstat(place))
  }

  /** Every folder that can hold entries, in order. */
  *folders(): Generator<string> {
    for (const outer of folderNames)
      for (const inner of folderNames) yield join(this.directory.path, outer, inner)
  }

  /** The places of one folder in which something lies, as a stream. */
  async *places(folder: string): AsyncGenerator<string> {
    const entries = await unlessMissing(this.#fs.opendir(folder))
    if (entries === undefined) return
    for await (const { name } of entries) if (isEntryName(name)) yield join(folder, name)
  }

  /** Does something to each place in which something lies, unless `isOver`. */
  forEachPlace(work: (place: string) => Promise<void>, isOver: () => boolean = () => false): Promise<void> {
    const places = this.places.bind(this)
    const folders = this.folders()
    const remaining = function* (): Generator<AsyncGenerator<string>> {
      for (const folder of folders) if (!isOver()) yield places(folder)
    }
    return forEachIn(remaining(), work)
  }

  /** The names of the drafts, with when each was last written. */
  async *drafts(): AsyncGenerator<{
    readonly place: string
    readonly name: string
    readonly facts: FileFacts
  }> {
    const entries = await unlessMissing(this.#fs.opendir(this.directory.drafts))
    if (entries === undefined) return
    for await (const { name } of entries) {
      const place = join(this.directory.drafts, name)
      const facts = await this.facts(place)
      if (facts !== undefined) yield { place, name, facts }
    }
  }
}
