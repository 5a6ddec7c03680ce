import type { CacheBackend } from '../backend.ts'
import { type FileOptions, readFileOptions } from './file-options.ts'
import { FileStore } from './file-store.ts'
import { disk } from './file-system.ts'

/**
 * Entries as files in a directory of a local file system, for one process or several, and for the next ones. Nothing
 * is read or written before the first use; `connect()` is one. Never answers at once, and never holds the event loop
 * but for the decoding of one entry.
 *
 * Each entry is a JSON file named by the SHA-256 of its key, written beside and moved into its place, so that it is
 * there whole or not at all. Invalidations go into a log in the same directory, which all its processes share.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_TYPE`
 * @throws {CacheBackendError} from `connect()`: `CONNECTION_ERROR` where others may write into the directory,
 * `BACKEND_ERROR` where the disk fails
 *
 * @example
 * const store = file({ directory: '/var/cache/shop', maxBytes: '2gb' })
 * await store.set('greeting', 'hello', 60)
 * await store.get('greeting')   // 'hello', in every process on that directory
 * await store.close()
 */
export const file = (options: FileOptions = {}): CacheBackend => new FileStore(readFileOptions(options), disk)
