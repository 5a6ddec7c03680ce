import { type ByteSize, type Duration, parseByteSize, parseDuration } from '../durations.ts'
import { type ConfigProblem, refuseProblems, showValue, unknownOptions } from '../errors.ts'

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

const SITE = 'memory'
const KNOWN = [
  ...['maxEntries', 'maxBytes', 'maxEntryBytes', 'sizeOf', 'evictTo', 'heapLimitRatio'],
  ...['cleanupInterval', 'clock'],
]

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readMemoryOptions = (options: MemoryOptions): MemorySettings => {
  if (typeof options !== 'object' || options === null) {
    refuseProblems([problem('CACHE_CONFIG_TYPE', '', options, 'options must be an object')])
  }
  const problems: ConfigProblem[] = [...unknownOptions(SITE, options, KNOWN)]
  const maxEntries = readEntries(options.maxEntries ?? 10_000, problems)
  const maxBytes = readBytes('maxBytes', options.maxBytes ?? '100mb', problems)
  const maxEntryBytes =
    options.maxEntryBytes === undefined
      ? Math.max(1, Math.floor(maxBytes / 4))
      : readBytes('maxEntryBytes', options.maxEntryBytes, problems)
  const settings: MemorySettings = {
    maxEntries,
    maxBytes,
    maxEntryBytes,
    sizeOf: readFunction('sizeOf', options.sizeOf ?? keptBytes, problems),
    evictTo: readShare('evictTo', options.evictTo ?? 1, true, problems),
    heapLimitRatio:
      options.heapLimitRatio === undefined
        ? undefined
        : readShare('heapLimitRatio', options.heapLimitRatio, false, problems),
    cleanupMs: readInterval(options.cleanupInterval ?? 60, problems),
    clock: readFunction('clock', options.clock ?? monotonic, problems),
  }
  problems.push(...contradictions(options, settings))
  refuseProblems(problems)
  return settings
}

/** One character beyond Latin-1 makes the engine keep two bytes for every character of a text. */
const textBytes = (text: string): number => {
  const bytes = Buffer.byteLength(text)
  return bytes === text.length ? bytes : Math.max(bytes, 2 * text.length)
}

const keptBytes = (key: string, value: string): number => textBytes(key) + textBytes(value)

/** Not the wall clock: setting that back would keep entries alive, setting it forward would drop them all. */
const monotonic = (): number => performance.now()

const readEntries = (value: unknown, problems: ConfigProblem[]): number => {
  if (value === Number.POSITIVE_INFINITY) return value
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  const rule = `maxEntries must be a whole number above 0, or Infinity; received ${showValue(value)}`
  problems.push(problem('CACHE_CONFIG_RANGE', 'maxEntries', value, rule, '10000'))
  return 1
}

const readBytes = (name: string, value: unknown, problems: ConfigProblem[]): number => {
  const bytes = parseByteSize(value)
  if (bytes !== undefined && bytes > 0) return bytes
  const rule = `${name} must be a number of bytes above 0, or a string such as "100mb"; received ${showValue(value)}`
  problems.push(problem('CACHE_CONFIG_RANGE', name, value, rule, '100mb'))
  return Number.NaN
}

const readShare = (name: string, value: unknown, whole: boolean, problems: ConfigProblem[]): number => {
  if (typeof value === 'number' && value > 0 && (whole ? value <= 1 : value < 1)) return value
  const rule = `${name} must be a share above 0 and ${whole ? 'at most' : 'below'} 1; received ${showValue(value)}`
  problems.push(problem('CACHE_CONFIG_RANGE', name, value, rule, '0.9'))
  return 1
}

const readInterval = (value: unknown, problems: ConfigProblem[]): number => {
  const ms = parseDuration(value)
  if (ms !== undefined && ms > 0) return ms
  const rule =
    ms === 0
      ? 'cleanupInterval must be above 0; received 0. Use Infinity to switch it off'
      : `cleanupInterval ${showValue(value)} is not a duration. Use seconds (60) or a string such as "1m"`
  problems.push(
    problem(ms === 0 ? 'CACHE_CONFIG_RANGE' : 'CACHE_CONFIG_DURATION', 'cleanupInterval', value, rule, '60'),
  )
  return Number.NaN
}

const readFunction = <F>(name: string, value: F, problems: ConfigProblem[]): F => {
  if (typeof value !== 'function') {
    problems.push(
      problem('CACHE_CONFIG_TYPE', name, value, `${name} must be a function; received ${showValue(value)}`),
    )
  }
  return value
}

const contradictions = (options: MemoryOptions, settings: MemorySettings): readonly ConfigProblem[] => {
  const { maxEntries, maxBytes, maxEntryBytes } = settings
  if (maxEntries === Number.POSITIVE_INFINITY && maxBytes === Number.POSITIVE_INFINITY) {
    const rule = 'maxEntries and maxBytes cannot both be Infinity: memory would grow without bound'
    return [problem('CACHE_CONFIG_RANGE', 'maxBytes', options.maxBytes, rule, '100mb')]
  }
  if (maxEntryBytes > maxBytes) {
    const rule = `maxEntryBytes (${maxEntryBytes}) must not exceed maxBytes (${maxBytes})`
    return [problem('CACHE_CONFIG_RANGE', 'maxEntryBytes', options.maxEntryBytes, rule, String(maxBytes))]
  }
  return []
}

const problem = (
  code: 'CACHE_CONFIG_RANGE' | 'CACHE_CONFIG_DURATION' | 'CACHE_CONFIG_TYPE',
  name: string,
  received: unknown,
  rule: string,
  hint?: string,
): ConfigProblem => ({
  code,
  path: name === '' ? SITE : `${SITE}.${name}`,
  received,
  message: `${SITE}: ${rule}.`,
  ...(hint === undefined ? {} : { hint }),
})
