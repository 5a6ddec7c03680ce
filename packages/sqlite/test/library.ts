import { createRequire, isBuiltin } from 'node:module'

interface Database {
  prepare(sql: string): {
    all(...values: unknown[]): Record<string, unknown>[]
    run(...values: unknown[]): unknown
  }
  exec(sql: string): unknown
  close(): void
}

const require = createRequire(import.meta.url)

/** SQLite itself, for what a test does beside the backend: Node's own where there is one. */
export const Database = (
  isBuiltin('node:sqlite') ? require('node:sqlite').DatabaseSync : require('better-sqlite3')
) as new (
  path: string,
) => Database
