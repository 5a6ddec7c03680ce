import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ByteSize, Duration } from '../durations.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `file()`.
 *
 * @example
 * const options: FileOptions = { directory: '/var/cache/shop', maxBytes: '2gb', cleanupInterval: '10m' }
 */
export interface FileOptions {
  /**
   * Where the files lie; made with mode 0700 where it is missing. It has to belong to the user of the process, and
   * nobody else may have the right to write into it. Default: `stowage-` and the user's number, under `os.tmpdir()`.
   */
  directory?: string
  /** Entries kept at most, the oldest going first; Infinity for no limit. Default 100,000. */
  maxEntries?: number
  /** Bytes of all files at most, the oldest going first; Infinity for no limit. Default `'1gb'`. */
  maxBytes?: ByteSize
  /** A larger file is neither written nor read; at most `maxBytes`. Default a quarter of `maxBytes`, and no more than `'32mb'`. */
  maxEntryBytes?: ByteSize
  /** How long a file is kept at most, whatever its ttl; above 0. Default: as long as its ttl says. */
  maxFileAge?: Duration
  /** How often expired, too old and damaged files are looked for; above 0, Infinity for never. Default 300 s. */
  cleanupInterval?: Duration
  /** Milliseconds since the epoch: several processes, and later ones, read what it says. Default `Date.now`. */
  clock?: () => number
}

export interface FileSettings {
  readonly directory: string
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly maxAgeMs: number
  readonly cleanupMs: number
  readonly clock: () => number
}

const known = [
  'directory',
  'maxEntries',
  'maxBytes',
  'maxEntryBytes',
  'maxFileAge',
  'cleanupInterval',
  'clock',
] as const

const mostEntryBytes = 32 * 1024 ** 2

/** Users of one machine share its temporary directory, and nothing in it. */
const standardDirectory = (): string => join(tmpdir(), `stowage-${process.geteuid?.() ?? 'cache'}`)

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readFileOptions = (options: FileOptions): FileSettings => {
  const read = new SettingsReader('file', options, known)
  const maxBytes = read.bytes('maxBytes', '1gb', { unbounded: true })
  const quarter = Math.max(1, Math.min(mostEntryBytes, Math.floor(maxBytes / 4)))
  const settings: FileSettings = {
    directory: resolve(read.text('directory', standardDirectory())),
    maxEntries: read.count('maxEntries', 100_000, { unbounded: true }),
    maxBytes,
    maxEntryBytes: read.given('maxEntryBytes') === undefined ? quarter : read.bytes('maxEntryBytes', '32mb'),
    maxAgeMs: read.duration('maxFileAge', Number.POSITIVE_INFINITY, { unbounded: true }),
    cleanupMs: read.duration('cleanupInterval', 300, { unbounded: true }),
    clock: read.callback('clock', Date.now),
  }
  if (settings.maxEntryBytes > maxBytes) {
    const rule = `maxEntryBytes (${settings.maxEntryBytes}) must not exceed maxBytes (${maxBytes})`
    read.refuse('CACHE_CONFIG_RANGE', 'maxEntryBytes', options.maxEntryBytes, rule, String(maxBytes))
  }
  read.settle()
  return settings
}
