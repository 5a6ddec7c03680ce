import type { TagState } from '../backend.ts'
import { BoundedMap } from '../bounded-map.ts'
import { randomBytes } from '../builtin.ts'
import { CacheBackendError } from '../errors.ts'
import { newEpoch, type TagTable } from '../tag-table.ts'
import type { FileEntries } from './file-entries.ts'
import { FileLogs, type OpenLog, readOn } from './file-logs.ts'
import type { FileSystem } from './file-system.ts'
import { allInvalid, overlapMs } from './tag-lives.ts'
import { hashOf, openingOf, recordOf, seal } from './tag-log.ts'

/** A log is begun anew above this size, and above twice what it began with. */
const longestLog = 2 ** 20
const mostTags = 100_000
const mostEpochs = 1000
/** Rounds of catching up with others, each of which means that somebody else has got further. */
const mostRounds = 100

export interface FileTagsOptions {
  readonly compactAbove?: number
  readonly maxTags?: number
}

interface Bump {
  readonly id: string
  readonly record: string
  seq: number | undefined
}

/**
 * Invalidation state in a log that all processes append to and read on from where they were. An append is one write at
 * the end of the file, which a local file system does for one process at a time; the count of an invalidation is its
 * place in the file. A log that has become long is sealed, and whoever reads the seal can write its successor, for all
 * come to the same: `link` lets one of them be the first.
 */
export class FileTags implements TagState {
  readonly #files: FileEntries
  readonly #logs: FileLogs
  readonly #compactAbove: number
  readonly #maxTags: number
  #open: OpenLog | undefined
  #last: { readonly epoch: string; readonly seq: number } | undefined
  /** Epochs that are over, and do not come again. */
  readonly #left = new BoundedMap<true>(mostEpochs)
  #unsureUntil = Number.NEGATIVE_INFINITY
  #bumps: Bump[] = []
  #running: Promise<TagTable> | undefined
  #next: Promise<TagTable> | undefined
  #closed = false

  constructor(files: FileEntries, fs: FileSystem, options: FileTagsOptions = {}) {
    this.#files = files
    this.#logs = new FileLogs(files, fs)
    this.#compactAbove = options.compactAbove ?? longestLog
    this.#maxTags = options.maxTags ?? mostTags
  }

  async head(): Promise<{ readonly epoch: string; readonly seq: number }> {
    // Nothing is stored or found any more, so that nothing can be stamped with it.
    if (this.#closed) return this.#last ?? { epoch: newEpoch(), seq: 0 }
    return (await this.#refresh()).head()
  }

  async read(tags: readonly string[], epoch?: string): Promise<readonly number[]> {
    if (this.#closed) return allInvalid(tags)
    const table = await this.#refresh()
    // Whoever asks may hold the head of a life that is over, and its counts were higher.
    const isOver = epoch === undefined ? performance.now() < this.#unsureUntil : epoch !== table.head().epoch
    return isOver ? allInvalid(tags) : table.read(tags.map(hashOf))
  }

  async bump(tags: readonly string[]): Promise<number> {
    const id = randomBytes(9).toString('base64url')
    const bump: Bump = { id, record: recordOf(id, [...new Set(tags.map(hashOf))]), seq: undefined }
    this.#bumps.push(bump)
    await this.#refresh()
    if (bump.seq === undefined) throw new Error('the invalidation was not written')
    return bump.seq
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#next?.catch(() => undefined)
    await this.#running?.catch(() => undefined)
    await this.#leave()
  }

  /** One look at the log serves all who ask before it begins, and nobody who asks later. */
  #refresh(): Promise<TagTable> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#run()
    this.#next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#run()
      })
    return this.#next
  }

  #run(): Promise<TagTable> {
    const running = this.#work(this.#bumps.splice(0)).finally(() => {
      this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #work(bumps: readonly Bump[]): Promise<TagTable> {
    try {
      if (this.#closed) throw new Error('closed')
      await this.#files.directory.ready()
      let table = await this.#catchUp(bumps)
      for (let round = 0; bumps.some(({ seq }) => seq === undefined); round++) {
        if (round === mostRounds) throw new Error('others are always faster')
        await this.#append(bumps)
        table = await this.#catchUp(bumps)
      }
      if (bumps.length > 0) await this.#endBump()
      return table
    } catch (error) {
      // Whatever a disk does after an error, the next attempt begins with a file opened anew.
      await this.#leave()
      if (error instanceof CacheBackendError) throw error
      throw new CacheBackendError('BACKEND_ERROR', { backend: 'file', operation: 'tags', cause: error })
    }
  }

  /** Durable, also where the power fails; and a log that has become long is replaced. */
  async #endBump(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    await open.file.datasync()
    const { offset, openingBytes } = open.log
    if (offset <= Math.max(this.#compactAbove, 2 * openingBytes)) return
    // It was too long before, too: whatever fails here is tried again.
    await this.#write(open, seal).catch(() => this.#leave())
  }

  #append(bumps: readonly Bump[]): Promise<void> {
    const open = this.#open
    if (open === undefined) throw new Error('there is no log')
    const records = bumps.filter(({ seq }) => seq === undefined).map(({ record }) => record)
    return this.#write(open, records.join(''))
  }

  /** In one call: a second one would go to where others have written meanwhile. */
  async #write({ file }: OpenLog, text: string): Promise<void> {
    const bytes = Buffer.from(text, 'latin1')
    const { bytesWritten } = await file.write(bytes, 0, bytes.length)
    if (bytesWritten !== bytes.length)
      throw new Error(`the disk took ${bytesWritten} of ${bytes.length} bytes`)
  }

  /** Reads what was appended, up to the end of the log that is in force now. */
  async #catchUp(bumps: readonly Bump[]): Promise<TagTable> {
    for (let round = 0; round < mostRounds; round++) {
      const open = this.#open ?? (await this.#openNewest())
      if (open === undefined) continue
      const facts = await this.#files.facts(open.path)
      if (facts?.ino !== open.ino) {
        await this.#leave()
        continue
      }
      const { log } = open
      if (facts.size < log.offset) log.damaged = true
      else if (facts.size > log.offset) await readOn(open, facts.size, foundIn(bumps))
      const { table } = log
      // A log is linked to its place when it is complete, and what it has counted it does not forget.
      if (table === undefined || this.#knowsMoreThan(table)) log.damaged = true
      else if (!log.damaged && !log.sealed) return this.#noteHead(table)
      await this.#succeed(open, facts.size)
    }
    throw new Error('others are always faster')
  }

  /** An older copy of the log has taken its place. */
  #knowsMoreThan(table: TagTable): boolean {
    const { epoch, seq } = table.head()
    return this.#left.get(epoch) === true || (this.#last?.epoch === epoch && seq < this.#last.seq)
  }

  #noteHead(table: TagTable): TagTable {
    const head = table.head()
    const last = this.#last
    const isOlder = last !== undefined && last.epoch !== head.epoch && table.counts().floor < last.seq
    if (isOlder) this.#unsureUntil = performance.now() + overlapMs
    if (last !== undefined && last.epoch !== head.epoch) this.#left.set(last.epoch, true)
    this.#last = head
    return table
  }

  /** Writes the log that comes after this one, unless somebody has. */
  async #succeed(open: OpenLog, size: number): Promise<void> {
    const { generation, log } = open
    const { table } = log
    // Whoever appends to a damaged log without having seen the damage has to learn that it does not count.
    if (log.damaged && !log.sealed) await this.#write(open, seal)
    // Above all that can have been counted in the damaged one.
    const lost = Math.max(table?.head().seq ?? 0, this.#last?.seq ?? 0) + size
    const opening =
      log.damaged || table === undefined
        ? openingOf(newEpoch(), { seq: lost, floor: lost, counts: [] })
        : openingOf(table.head().epoch, table.counts())
    await this.#logs.link(opening, generation + 1)
    await this.#leave()
    await this.#logs.removeUpTo(generation)
  }

  async #openNewest(): Promise<OpenLog | undefined> {
    const generation = Math.max(0, ...(await this.#logs.generations()))
    const open = generation === 0 ? 'odd' : await this.#logs.open(generation, this.#maxTags)
    if (open === 'odd') {
      const seq = this.#last?.seq ?? 0
      await this.#logs.link(openingOf(newEpoch(), { seq, floor: seq, counts: [] }), generation + 1)
    } else this.#open = open
    return this.#open
  }

  async #leave(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.file.close().catch(() => undefined)
  }
}

/** Tells each of these its count when it is met in the log. */
const foundIn =
  (bumps: readonly Bump[]) =>
  (id: string, seq: number): void => {
    const bump = bumps.find((each) => each.id === id)
    if (bump !== undefined) bump.seq ??= seq
  }
