import { resolve } from 'node:path'
import { type ByteSize, type Duration, SettingsReader } from '@stowage/core'

/**
 * Options of `sqlite()`.
 *
 * @example
 * const options: SqliteOptions = { path: '/var/cache/shop.db', maxBytes: '4gb', maxEntries: 200_000 }
 */
export interface SqliteOptions {
  /** The file of the database, made with mode 0600 where it is missing, as is its directory. Default `'cache.db'`. */
  path?: string
  /** Names the tables, so that several caches can share a file: letters, digits and `_`. Default `'cache_entries'`. */
  table?: string
  /** Entries kept at most, those written first going first; Infinity for no limit. Default 10,000. */
  maxEntries?: number
  /** Bytes of the file at most, up to a tenth more; from 1 mb on, Infinity for no limit. Default `'1gb'`. */
  maxBytes?: ByteSize
  /** How often expired entries are removed; Infinity for never. Default 300 s. */
  cleanupInterval?: Duration
  /** The library to use. Default: better-sqlite3, or what Node has itself where that is not installed. */
  driver?: 'better-sqlite3' | 'node:sqlite'
  /** Milliseconds since the epoch: several processes, and later ones, read what it says. Default `Date.now`. */
  clock?: () => number
}

export interface SqliteSettings {
  readonly path: string
  readonly table: string
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly maxTags: number
  readonly cleanupMs: number
  readonly driver: SqliteOptions['driver']
  readonly clock: () => number
}

const known = ['path', 'table', 'maxEntries', 'maxBytes', 'cleanupInterval', 'driver', 'clock'] as const

const drivers = ['better-sqlite3', 'node:sqlite'] as const

const leastBytes = 1024 ** 2
/** One transaction with it fits into the write-ahead log that is allowed. */
const mostEntryBytes = 16 * 1024 ** 2
const mostTags = 100_000

type Reader = SettingsReader<SqliteOptions>

const readPath = (read: Reader): string => {
  const path = read.text('path', 'cache.db')
  if (path === ':memory:') {
    const rule = 'path ":memory:" is no file: a database in memory would be of use to this process alone'
    read.refuse('CACHE_CONFIG_RANGE', 'path', path, rule, 'memory()')
  }
  return resolve(path)
}

const readTable = (read: Reader): string => {
  const table = read.text('table', 'cache_entries')
  const shown = JSON.stringify(table.slice(0, 60))
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(table)) {
    const rule = `table ${shown} must match ^[A-Za-z_][A-Za-z0-9_]*$`
    read.refuse('CACHE_CONFIG_IDENTIFIER', 'table', table, rule, 'cache_entries')
  } else if (/^sqlite_/i.test(table) || table.length > 100) {
    const rule = `table ${shown} must not begin with "sqlite_", and have at most 100 characters`
    read.refuse('CACHE_CONFIG_IDENTIFIER', 'table', table, rule, 'cache_entries')
  }
  return table
}

const readBytes = (read: Reader): number => {
  const bytes = read.bytes('maxBytes', '1gb', { unbounded: true })
  if (bytes < leastBytes) {
    const rule = `maxBytes must be at least ${leastBytes}: the tables alone take some of it; received ${bytes}`
    read.refuse('CACHE_CONFIG_RANGE', 'maxBytes', read.given('maxBytes'), rule, '1mb')
  }
  return bytes
}

const readDriver = (read: Reader): SqliteOptions['driver'] => {
  const given = read.given('driver')
  const driver = drivers.find((name) => name === given)
  if (given !== undefined && driver === undefined)
    read.refuse('CACHE_CONFIG_TYPE', 'driver', given, 'driver must be "better-sqlite3" or "node:sqlite"')
  return driver
}

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readSqliteOptions = (options: SqliteOptions): SqliteSettings => {
  const read = new SettingsReader('sqlite', options, known)
  const maxBytes = readBytes(read)
  const settings = {
    path: readPath(read),
    table: readTable(read),
    maxEntries: read.count('maxEntries', 10_000, { unbounded: true }),
    maxBytes,
    maxEntryBytes: Math.min(mostEntryBytes, Math.floor(maxBytes / 4)),
    maxTags: Math.min(mostTags, Math.floor(maxBytes / 1024)),
    cleanupMs: read.duration('cleanupInterval', 300, { unbounded: true }),
    driver: readDriver(read),
    clock: read.callback('clock', Date.now),
  }
  read.settle()
  return settings
}
