import { statSync } from 'node:fs'
import { type Call, type DatabaseSettings, type Outcome, readNames } from '../calls.ts'
import { type Connection, pragma, type Statement } from './driver.ts'
import { createEntryReads, createEntryWrites } from './entries.ts'
import { createLimits } from './limits.ts'
import { namesFor } from './schema.ts'
import { createTagState } from './tag-state.ts'

/** The database, open: calls in, outcomes out. */
export interface Store {
  /** Answers from one state of the database. */
  read(calls: readonly Call[]): Outcome[]
  /** Carries out all of the calls, or none and throws. */
  write(calls: readonly Call[]): Outcome[]
  takeEvicted(): number
  /** Gives back some of the pages that nobody uses; whether there are more. */
  tidy(): boolean
}

type Handler = (...args: readonly unknown[]) => unknown

const reads: ReadonlySet<string> = new Set(readNames)

export const isRead = ({ name }: Call): boolean => reads.has(name)

/** From here on a transaction first tries to empty the log. */
const longLogBytes = 16 * 1024 ** 2
/** From here on nothing is added but invalidations: somebody reads what the log began with, and so it cannot begin anew. */
const longestLogBytes = 32 * 1024 ** 2
/** Pages given back at once. */
const pagesAtOnce = 1000

/** Empties the write-ahead log where it has grown long. */
const createLogCheck = (connection: Connection, path: string): ((invalidates: boolean) => void) => {
  const checkpoint = connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  const log = `${path}-wal`
  return (invalidates) => {
    if (sizeOf(log) <= longLogBytes) return
    checkpoint.get()
    if (!invalidates && sizeOf(log) > longestLogBytes)
      throw new Error('the write-ahead log cannot be emptied: somebody keeps reading what it began with')
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** An invalidation outlasts a failure of power, an entry need not. */
const durably = <T>(connection: Connection, run: () => T): T => {
  connection.exec('PRAGMA synchronous = FULL')
  try {
    return run()
  } finally {
    connection.exec('PRAGMA synchronous = NORMAL')
  }
}

const createTransaction = (connection: Connection) => {
  const prepare = (sql: string): Statement => connection.prepare(sql)
  const [begin, immediate] = [prepare('BEGIN'), prepare('BEGIN IMMEDIATE')]
  const [commit, rollback] = [prepare('COMMIT'), prepare('ROLLBACK')]
  return <T>(kind: 'read' | 'write', run: () => T): T => {
    ;(kind === 'read' ? begin : immediate).run()
    try {
      const result = run()
      commit.run()
      return result
    } catch (error) {
      abandon(() => rollback.run())
      throw error
    }
  }
}

/** SQLite has rolled back by itself after some errors; doing it again is then an error of no interest. */
const abandon = (rollback: () => unknown): void => {
  try {
    rollback()
  } catch {}
}

export const createStore = (connection: Connection, settings: DatabaseSettings): Store => {
  const names = namesFor(settings.table)
  const limits = createLimits(connection, names, settings)
  const handlers = {
    ...createEntryReads(connection, names),
    ...createEntryWrites(connection, names, limits),
    ...createTagState(connection, names, settings.maxTags),
  } as unknown as Readonly<Record<string, Handler>>
  const transaction = createTransaction(connection)
  const checkLog = createLogCheck(connection, settings.path)
  const [pages, freePages] = [pragma(connection, 'page_count'), pragma(connection, 'freelist_count')]

  const run = (calls: readonly Call[]): Outcome[] =>
    calls.map(({ id, name, args }) => ({ id, answer: handlers[name]?.(...args) }))
  const write = (calls: readonly Call[]): Outcome[] =>
    transaction('write', () => {
      const outcomes = run(calls)
      limits.settle()
      return outcomes
    })
  return {
    read: (calls) => transaction('read', () => run(calls)),
    write: (calls) => {
      const invalidates = calls.some(({ name }) => name === 'bump')
      checkLog(invalidates)
      try {
        return invalidates ? durably(connection, () => write(calls)) : write(calls)
      } catch (error) {
        limits.forget()
        throw error
      }
    },
    takeEvicted: () => limits.takeEvicted(),
    tidy: () => {
      // Some are kept: the next entries need them again.
      if (freePages() <= pages() / 8) return false
      connection.exec(`PRAGMA incremental_vacuum(${pagesAtOnce})`)
      return true
    },
  }
}
