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
const ROWS = 16
/** Looks at the pages for one entry at most: what a smaller `maxBytes` leaves to do is spread over many. */
const ROUNDS = 64

/**
 * The count is kept beside the entries and changed once a transaction, so it holds for every process, and nothing is
 * counted anew. The pages in use are looked at once in so many bytes written.
 */
export const createLimits = (connection: Connection, { entries, state }: Names, bounds: Bounds): Limits => {
  const { maxEntries, maxBytes } = bounds
  // Room made beyond need, so that not every write evicts.
  const spareEntries = Number.isFinite(maxEntries) ? Math.min(100, Math.floor(maxEntries / 100)) : 0
  const spareBytes = maxBytes / 64
  const count = connection.prepare(
    `UPDATE ${state} SET entries = max(0, entries + ?) WHERE id = 1 RETURNING entries`,
  )
  const removal = (which: string) =>
    connection.prepare(
      `DELETE FROM ${entries} WHERE rowid IN (SELECT rowid FROM ${entries} ${which} LIMIT ?)`,
    )
  const [expired, oldest] = [removal('WHERE expires <= ?'), removal('ORDER BY rowid')]
  const pages = pragma(connection, 'page_count')
  const freePages = pragma(connection, 'freelist_count')
  const pageSize = pragma(connection, 'page_size')()
  let change = 0
  let unseen = Number.POSITIVE_INFINITY
  let evicted = 0
  // That of the last entry written. The thread has no clock of its own: the backend's may be another than the machine's.
  let present = 0

  const expire = (now: number, most: number): number => {
    const removed = Number(expired.run(now, most).changes)
    change -= removed
    return removed
  }
  const evict = (now: number, most: number): number => {
    const gone = expire(now, most)
    const more = gone < most ? Number(oldest.run(most - gone).changes) : 0
    change -= more
    evicted += more
    return gone + more
  }
  const used = (): number => (pages() - freePages()) * pageSize
  const store = (): number => {
    const row = count.get(change) as { entries: number } | undefined
    change = 0
    return row?.entries ?? 0
  }
  return {
    note: (by) => {
      change += by
    },
    expire,
    makeRoom: (size, now) => {
      present = now
      unseen += size
      if (unseen < spareBytes) return
      unseen = 0
      if (used() + size <= maxBytes) return
      for (let round = 0; round < ROUNDS && used() + size > maxBytes - spareBytes; round++)
        if (evict(now, ROWS) === 0) return
    },
    settle: () => {
      if (change === 0) return
      const surplus = store() - maxEntries
      if (surplus <= 0) return
      evict(present, surplus + spareEntries)
      store()
    },
    forget: () => {
      change = 0
      evicted = 0
      unseen = Number.POSITIVE_INFINITY
    },
    takeEvicted: () => {
      const taken = evicted
      evicted = 0
      return taken
    },
  }
}
