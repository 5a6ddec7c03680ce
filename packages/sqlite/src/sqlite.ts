import type { SqliteBackend } from './backend.ts'
import { readSqliteOptions, type SqliteOptions } from './options.ts'
import { SqliteStore } from './sqlite-store.ts'

/**
 * Entries in a SQLite database, which outlive the process and which several processes can share, with their
 * invalidation state. A thread of its own does the work, so that neither a slow disk nor the lock of another process
 * holds up the event loop. The file is opened by the first call.
 *
 * An entry of more than a quarter of `maxBytes`, or of 16 mb, is not stored. Calls reject with a `CacheBackendError`
 * where the database cannot answer.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_DEPENDENCY`, `CACHE_CONFIG_IDENTIFIER`, `CACHE_CONFIG_UNKNOWN_OPTION`,
 * `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`, `CACHE_CONFIG_TYPE`
 *
 * @example
 * const store = sqlite({ path: '/var/cache/shop.db', maxEntries: 50_000 })
 * await store.set('greeting', 'hello', 60)
 * await store.get('greeting')   // 'hello'
 * await store.close()
 */
export const sqlite = (options: SqliteOptions = {}): SqliteBackend =>
  new SqliteStore(readSqliteOptions(options))
