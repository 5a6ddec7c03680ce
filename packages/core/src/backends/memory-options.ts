import type { ByteSize, Duration } from '../durations.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `memory()`.
 *
 * @example
 * const options: MemoryOptions = { maxEntries: 50_000, maxBytes: '64mb', cleanupInterval: '30s' }
 */
export interface MemoryOptions {
  /** Entries kept at most; a whole number, or Infinity where `maxBytes` is finite. Default 10,000. */
  maxEntries?: number
  /** Bytes kept at most, as `sizeOf` counts them; Infinity where `maxEntries` is finite. Default `'100mb'`. */
  maxBytes?: ByteSize
  /** A larger entry is not stored; at most `maxBytes`. Default a quarter of `maxBytes`. */
  maxEntryBytes?: ByteSize
  /**
   * The bytes that an entry counts for. Default: what the texts of key and
   * value take, as UTF-8 or in the heap, whichever is more.
   */
  sizeOf?: (key: string, value: string) => number
  /**
   * The share of `maxEntries` and `maxBytes` that is left once entries have to be evicted, the rest going with the next
   * writes; above 0 and at most 1. Default 1: no more goes than a new entry needs.
   */
  evictTo?: number
  /**
   * The share of V8's heap limit above which entries are evicted from the old end, a tenth of them for every time that
   * it is found so; above 0 and below 1. Measured after every 64 writes or 1 mb of them. Default: not measured.
   */
  heapLimitRatio?: number
  /** How often expired entries are looked for; above 0, Infinity for never (they then go when read, or when room is needed). Default 60 s. */
  cleanupInterval?: Duration
  /** Milliseconds from any fixed point, never going back. Default: the process's monotonic clock. */
  clock?: () => number
}

export interface MemorySettings {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly sizeOf: (key: string, value: string) => number
  readonly evictTo: number
  readonly heapLimitRatio: number | undefined
  readonly cleanupMs: number
  readonly clock: () => number
}

const known = [
  ...(['maxEntries', 'maxBytes', 'maxEntryBytes', 'sizeOf', 'evictTo', 'heapLimitRatio'] as const),
  ...(['cleanupInterval', 'clock'] as const),
]

type Reader = SettingsReader<MemoryOptions>

/** One character beyond Latin-1 makes the engine keep two bytes for every character of a text. */
const textBytes = (text: string): number => {
  const bytes = Buffer.byteLength(text)
  return bytes === text.length ? bytes : Math.max(bytes, 2 * text.length)
}

const keptBytes = (key: string, value: string): number => textBytes(key) + textBytes(value)

/** Not the wall clock: setting that back would keep entries alive, setting it forward would drop them all. */
const monotonic = (): number => performance.now()

const readLimits = (read: Reader): Pick<MemorySettings, 'maxEntries' | 'maxBytes' | 'maxEntryBytes'> => {
  const maxEntries = read.count('maxEntries', 10_000, { unbounded: true })
  const maxBytes = read.bytes('maxBytes', '100mb', { unbounded: true })
  const maxEntryBytes =
    read.given('maxEntryBytes') === undefined
      ? Math.max(1, Math.floor(maxBytes / 4))
      : read.bytes('maxEntryBytes', '100mb', { unbounded: true })
  if (maxEntries === Number.POSITIVE_INFINITY && maxBytes === Number.POSITIVE_INFINITY) {
    const rule = 'maxEntries and maxBytes cannot both be Infinity: memory would grow without bound'
    read.refuse('CACHE_CONFIG_RANGE', 'maxBytes', maxBytes, rule, '100mb')
  } else if (maxEntryBytes > maxBytes) {
    const rule = `maxEntryBytes (${maxEntryBytes}) must not exceed maxBytes (${maxBytes})`
    read.refuse('CACHE_CONFIG_RANGE', 'maxEntryBytes', read.given('maxEntryBytes'), rule, String(maxBytes))
  }
  return { maxEntries, maxBytes, maxEntryBytes }
}

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readMemoryOptions = (options: MemoryOptions): MemorySettings => {
  const read = new SettingsReader('memory', options, known)
  const measured = read.given('heapLimitRatio') !== undefined
  const settings: MemorySettings = {
    ...readLimits(read),
    sizeOf: read.callback('sizeOf', keptBytes),
    evictTo: read.share('evictTo', 1),
    heapLimitRatio: measured ? read.share('heapLimitRatio', 0.9, { whole: false }) : undefined,
    cleanupMs: read.duration('cleanupInterval', 60, { unbounded: true }),
    clock: read.callback('clock', monotonic),
  }
  read.settle()
  return settings
}
