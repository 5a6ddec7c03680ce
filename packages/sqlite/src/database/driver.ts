import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'
import type { DriverChoice } from '../calls.ts'

export type SqlValue = string | number | null

/** What both libraries have in common. */
export interface Statement {
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
  run(...values: SqlValue[]): { readonly changes: number | bigint }
}

interface Library {
  prepare(sql: string): Statement
  exec(sql: string): unknown
  close(): unknown
}

export interface Connection extends Library {
  /** What to select for the text of a column, so that `textFrom` gives all of it. */
  readonly textOf: (column: string) => string
}

export const textFrom = (selected: string | Uint8Array): string =>
  typeof selected === 'string' ? selected : decoder.decode(selected)

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const require = createRequire(`${process.cwd()}/`)

const open = (choice: DriverChoice, path: string): Library => {
  if (choice.name === 'node:sqlite') {
    const { DatabaseSync } = require(choice.name) as { DatabaseSync: new (path: string) => Library }
    return new DatabaseSync(path)
  }
  const Database = require(choice.file) as typeof BetterSqlite3
  // Waiting is ours to do: it would keep everybody else waiting.
  return new Database(path, { timeout: 0 }) as Library
}

export const connect = (choice: DriverChoice, path: string): Connection => {
  const library = open(choice, path)
  library.exec('PRAGMA busy_timeout = 0')
  // node:sqlite ends a text at its first NUL.
  const cuts = choice.name === 'node:sqlite'
  return {
    prepare: (sql) => library.prepare(sql),
    exec: (sql) => library.exec(sql),
    close: () => library.close(),
    textOf: (column) => (cuts ? `CAST(${column} AS BLOB) AS ${column}` : column),
  }
}

/** Reads a number that SQLite knows of the database. */
export const pragma = (connection: Connection, name: string): (() => number) => {
  const statement = connection.prepare(`PRAGMA ${name}`)
  return () => (statement.get() as Record<string, number>)[name] ?? 0
}

const results: ReadonlyMap<number, string> = new Map([
  [5, 'BUSY'],
  [6, 'LOCKED'],
  [8, 'READONLY'],
  [10, 'IOERR'],
  [11, 'CORRUPT'],
  [13, 'FULL'],
  [14, 'CANTOPEN'],
  [26, 'NOTADB'],
])

/** The name of SQLite's primary result code, whichever library threw. */
export const resultOf = (error: unknown): string => {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return results.get(errcode & 0xff) ?? 'ERROR'
  return /^SQLITE_([A-Z]+)/.exec(String(code))?.[1] ?? 'ERROR'
}

/** Somebody else holds a lock: the same call can succeed a moment later. */
export const isBusy = (error: unknown): boolean => ['BUSY', 'LOCKED', 'PROTOCOL'].includes(resultOf(error))
