import { type Connection, pragma } from './driver.ts'
import type { Names } from './schema.ts'

export interface Bounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Within one transaction: how many entries there are, and room for more. */
export interface Limits {
  /** Entries have come, or gone. */
  note(change: number): void
  /** Removes up to `most` entries that have expired; how many. */
  expire(now: number, most: number): number
  /** Before each entry that is written: evicts where one of so many bytes would make the database too large. */
  makeRoom(size: number, now: number): void
  /** Before the commit: stores the count, and evicts what is too much. */
  settle(): void
  /** After a rollback. */
  forget(): void
  /** Entries evicted since the last question. */
  takeEvicted(): number
}

/** Rows that go at once where bytes are short: each look at the pages costs as much as reading an entry. */
const rowsAtOnce = 16
/** Looks at the pages for one entry at most: what a smaller `maxBytes` leaves to do is spread over many. */
const mostRounds = 64

/** Entries and pages as the database has them; the pages in use include those of this transaction. */
const createUse = (connection: Connection, { entries, state }: Names) => {
  const count = connection.prepare(
    `UPDATE ${state} SET entries = max(0, entries + ?) WHERE id = 1 RETURNING entries`,
  )
  const removal = (which: string) => {
    const statement = connection.prepare(
      `DELETE FROM ${entries} WHERE rowid IN (SELECT rowid FROM ${entries} ${which} LIMIT ?)`,
    )
    return (...args: number[]): number => Number(statement.run(...args).changes)
  }
  const pages = pragma(connection, 'page_count')
  const freePages = pragma(connection, 'freelist_count')
  const pageSize = pragma(connection, 'page_size')()
  return {
    /** Up to `most` that have expired at `now`; how many. */
    removeExpired: removal('WHERE expires <= ?') as (now: number, most: number) => number,
    removeOldest: removal('ORDER BY rowid') as (most: number) => number,
    /** Adds to the count that is stored; what it comes to. */
    addToCount: (change: number): number =>
      (count.get(change) as { entries: number } | undefined)?.entries ?? 0,
    bytes: (): number => (pages() - freePages()) * pageSize,
  }
}

/**
 * The count is kept beside the entries and changed once a transaction, so it holds for every process, and nothing is
 * counted anew. The pages in use are looked at once in so many bytes written.
 */
class CountedLimits implements Limits {
  readonly #use: ReturnType<typeof createUse>
  readonly #bounds: Bounds
  /** Room made beyond need, so that not every write evicts. */
  readonly #spare: { readonly entries: number; readonly bytes: number }
  #change = 0
  /** Bytes written since the pages were looked at. */
  #unseen = Number.POSITIVE_INFINITY
  #evicted = 0
  /** That of the last entry written. The thread has no clock of its own: the backend's may be another than the machine's. */
  #present = 0

  constructor(use: ReturnType<typeof createUse>, bounds: Bounds) {
    const { maxEntries, maxBytes } = bounds
    this.#use = use
    this.#bounds = bounds
    const entries = Number.isFinite(maxEntries) ? Math.min(100, Math.floor(maxEntries / 100)) : 0
    this.#spare = { entries, bytes: maxBytes / 64 }
  }

  note(change: number): void {
    this.#change += change
  }

  expire(now: number, most: number): number {
    const removed = this.#use.removeExpired(now, most)
    this.#change -= removed
    return removed
  }

  makeRoom(size: number, now: number): void {
    this.#present = now
    this.#unseen += size
    if (this.#unseen < this.#spare.bytes) return
    this.#unseen = 0
    const { maxBytes } = this.#bounds
    if (this.#use.bytes() + size <= maxBytes) return
    const enough = maxBytes - this.#spare.bytes
    for (let round = 0; round < mostRounds && this.#use.bytes() + size > enough; round++)
      if (this.#evict(now, rowsAtOnce) === 0) return
  }

  settle(): void {
    if (this.#change === 0) return
    const surplus = this.#store() - this.#bounds.maxEntries
    if (surplus <= 0) return
    this.#evict(this.#present, surplus + this.#spare.entries)
    this.#store()
  }

  forget(): void {
    this.#change = 0
    this.#evicted = 0
    this.#unseen = Number.POSITIVE_INFINITY
  }

  takeEvicted(): number {
    const taken = this.#evicted
    this.#evicted = 0
    return taken
  }

  #evict(now: number, most: number): number {
    const gone = this.expire(now, most)
    const more = gone < most ? this.#use.removeOldest(most - gone) : 0
    this.#change -= more
    this.#evicted += more
    return gone + more
  }

  #store(): number {
    const stored = this.#use.addToCount(this.#change)
    this.#change = 0
    return stored
  }
}

export const createLimits = (connection: Connection, names: Names, bounds: Bounds): Limits =>
  new CountedLimits(createUse(connection, names), bounds)
