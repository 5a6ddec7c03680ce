import { createRequire } from 'node:module'
import { chooseDriver } from '../src/driver-choice.ts'

interface Database {
  prepare(sql: string): {
    all(...values: unknown[]): Record<string, unknown>[]
    run(...values: unknown[]): unknown
  }
  exec(sql: string): unknown
  close(): void
}

const require = createRequire(import.meta.url)
const choice = chooseDriver(undefined)

/**
 * SQLite itself, for what a test does beside the backend. The library that the backend uses: two that are loaded into one
 * process do not see each other's locks.
 */
export const Database = (
  choice.name === 'node:sqlite' ? require(choice.name).DatabaseSync : require(choice.file)
) as new (
  path: string,
) => Database
