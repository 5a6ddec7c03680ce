import { type Handlers, type ReadName, rowsPerCall, type WriteName } from '../calls.ts'
import { type Connection, pragma, type Statement, textFrom } from './driver.ts'
import type { Limits } from './limits.ts'
import type { Names } from './schema.ts'

type EntryReads = Handlers<Exclude<ReadName, 'head' | 'read'>>
type EntryWrites = Handlers<Exclude<WriteName, 'bump' | 'renew'>>

interface Row {
  readonly value: string
  readonly expires: number
}

const finder = (
  connection: Connection,
  { entries }: Names,
): ((key: string, now: number) => Row | undefined) => {
  const value = connection.textOf('value')
  const find = connection.prepare(`SELECT ${value}, expires FROM ${entries} WHERE key = ? AND expires > ?`)
  return (key, now) => {
    const row = find.get(key, now) as { value: string | Uint8Array; expires: number } | undefined
    return row === undefined ? undefined : { value: textFrom(row.value), expires: row.expires }
  }
}

export const createEntryReads = (connection: Connection, names: Names): EntryReads => {
  const { entries, state } = names
  const find = finder(connection, names)
  const has = connection.prepare(`SELECT 1 FROM ${entries} WHERE key = ? AND expires > ?`)
  const page = (comparison: string): Statement =>
    connection.prepare(
      `SELECT ${connection.textOf('key')} FROM ${entries} WHERE ${entries}.key ${comparison} ? AND expires > ? ORDER BY ${entries}.key LIMIT ${rowsPerCall}`,
    )
  const [pageFrom, pageAfter] = [page('>='), page('>')]
  const newest = connection.prepare(`SELECT coalesce(max(rowid), 0) AS id FROM ${entries}`)
  const total = connection.prepare(`SELECT entries FROM ${state}`)
  const expired = connection.prepare(`SELECT count(*) AS n FROM ${entries} WHERE expires <= ?`)
  const [pages, freePages, pageSize] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
    pragma(connection, name),
  ) as [() => number, () => number, () => number]
  return {
    get: (key, now) => {
      const row = find(key, now)
      return row === undefined ? null : [row.value, row.expires]
    },
    getMany: (keys, now) =>
      keys.flatMap((key) => {
        const row = find(key, now)
        return row === undefined ? [] : [[key, row.value] as const]
      }),
    has: (key, now) => has.get(key, now) !== undefined,
    keys: (from, after, now) =>
      (after ? pageAfter : pageFrom)
        .all(from, now)
        .map((row) => textFrom((row as { key: string | Uint8Array }).key)),
    newest: () => (newest.get() as { id: number }).id,
    counts: (now) => ({
      total: (total.get() as { entries: number }).entries,
      expired: (expired.get(now) as { n: number }).n,
      pageSize: pageSize(),
      pages: pages(),
      freePages: freePages(),
    }),
  }
}

/** What the writes of entries are made of; the count of entries is kept as it goes. */
const createWriter = (connection: Connection, { entries }: Names, limits: Limits) => {
  const remove = connection.prepare(`DELETE FROM ${entries} WHERE key = ? RETURNING expires`)
  const insert = connection.prepare(
    `INSERT INTO ${entries} (key, value, expires, created) VALUES (?, ?, ?, ?)`,
  )
  return {
    /** Whether what was removed had not expired. */
    drop: (key: string, now: number): boolean => {
      const row = remove.get(key) as { expires: number } | undefined
      if (row === undefined) return false
      limits.note(-1)
      return row.expires > now
    },
    /** Removed and inserted rather than updated: rowids are then in the order of writing, the order of eviction. */
    put: (key: string, value: string, expires: number, now: number): void => {
      if (remove.get(key) !== undefined) limits.note(-1)
      limits.makeRoom(Buffer.byteLength(key) + Buffer.byteLength(value), now)
      insert.run(key, value, expires, now)
      limits.note(1)
    },
  }
}

export const createEntryWrites = (connection: Connection, names: Names, limits: Limits): EntryWrites => {
  const { entries } = names
  const find = finder(connection, names)
  const { drop, put } = createWriter(connection, names, limits)
  const retime = connection.prepare(`UPDATE ${entries} SET value = ? WHERE key = ?`)
  const clear = connection.prepare(
    `DELETE FROM ${entries} WHERE rowid IN (SELECT rowid FROM ${entries} WHERE rowid <= ? ORDER BY rowid LIMIT ${rowsPerCall})`,
  )
  return {
    set: (list, expires, now) => {
      for (const [key, value] of list) put(key, value, expires, now)
      return list.length
    },
    delete: (keys, now) => keys.filter((key) => drop(key, now)).length,
    prune: (now) => limits.expire(now, rowsPerCall),
    clear: (upTo) => {
      const removed = Number(clear.run(upTo).changes)
      limits.note(-removed)
      return removed
    },
    setIfAbsent: (key, value, expires, now) => {
      if (find(key, now) !== undefined) return false
      put(key, value, expires, now)
      return true
    },
    compareAndDelete: (key, expected, now) => find(key, now)?.value === expected && drop(key, now),
    increment: (key, expires, now) => {
      const row = find(key, now)
      const count = row === undefined ? 1 : Number(row.value) + 1
      if (!Number.isSafeInteger(count)) throw new Error('the value is no count')
      if (row === undefined) put(key, String(count), expires, now)
      else retime.run(String(count), key)
      return count
    },
    setIfOwner: (key, value, expires, leaseKey, token, now) => {
      if (find(leaseKey, now)?.value !== token) return false
      put(key, value, expires, now)
      return true
    },
  }
}
