import { checksum } from './checksum.ts'

/**
 * A value with what is kept beside it. Times in milliseconds since the epoch.
 *
 * @example
 * const entry: CacheEntry<{ name: string }> | undefined = await cache.getEntry('user:1')
 */
export interface CacheEntry<T = unknown> {
  readonly key: string
  readonly value: T
  readonly createdAt: number
  /** Null where it never expires. */
  readonly expiresAt: number | null
  /** UTF-8 bytes of the value as it is stored, and of the key. */
  readonly sizeBytes: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * Whether an entry's time is over: strictly after `expiresAt`, never where it has none.
 *
 * @example
 * isExpired(entry, Date.now())   // false
 */
export const isExpired = ({ expiresAt }: Pick<CacheEntry, 'expiresAt'>, now: number): boolean =>
  expiresAt !== null && now > expiresAt

/**
 * Seconds until an entry expires: 0 where it has, null where it never does.
 *
 * @example
 * ttlRemaining(entry, Date.now())   // 42.5
 */
export const ttlRemaining = ({ expiresAt }: Pick<CacheEntry, 'expiresAt'>, now: number): number | null =>
  expiresAt === null ? null : Math.max(0, (expiresAt - now) / 1000)

/** What `getOrSet` keeps beside a value: its stale windows, and what invalidates it. */
export interface LoadMarks {
  /** Milliseconds after its freshness, or after a soft invalidation. */
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly tags: readonly string[]
  readonly stamp: number
  readonly epoch: string
  readonly run: string
}

/** An entry as text: the value as its serialiser made it. */
export interface ValueText {
  readonly key: string
  readonly text: string
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly load?: LoadMarks
}

const version = 'V1'
const opening = version.length + 1 + 8 + 1

/** Version and checksum, a line of JSON, and the value as it is. */
export const encodeValue = ({ key, text, createdAt, expiresAt, metadata, load }: ValueText): string => {
  const rest = `${JSON.stringify({ key, createdAt, expiresAt, metadata, load })}\n${text}`
  return `${version} ${checksum(rest)}\n${rest}`
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

const isMarks = (value: unknown): value is LoadMarks =>
  isRecord(value) &&
  isTime(value.staleWhileRevalidate) &&
  isTime(value.staleIfError) &&
  Array.isArray(value.tags) &&
  value.tags.every((tag) => typeof tag === 'string') &&
  isTime(value.stamp) &&
  typeof value.epoch === 'string' &&
  typeof value.run === 'string'

type Head = Omit<ValueText, 'text'>

/** Others may write to a store: every member is looked at before one is used. */
const isHead = (value: unknown): value is Head =>
  isRecord(value) &&
  typeof value.key === 'string' &&
  isTime(value.createdAt) &&
  (value.expiresAt === null || isTime(value.expiresAt)) &&
  isRecord(value.metadata) &&
  (value.load === undefined || isMarks(value.load))

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a text was written as one of these, whatever has become of it. */
export const isOfThisFormat = (stored: string): boolean => stored.startsWith(`${version} `)

/** Undefined where the text is damaged, foreign, of another version, or of another key. */
export const decodeValue = (stored: string, key: string): ValueText | undefined => {
  if (!isOfThisFormat(stored) || stored.charCodeAt(opening - 1) !== 10) return undefined
  const rest = stored.slice(opening)
  if (stored.slice(version.length + 1, opening - 1) !== checksum(rest)) return undefined
  const end = rest.indexOf('\n')
  const head = parse(rest.slice(0, end))
  if (end < 0 || !isHead(head) || head.key !== key) return undefined
  return { ...head, text: rest.slice(end + 1) }
}

/** The entry that a text stands for, its value as `value`. */
export const entryOf = <T>(found: ValueText, value: T): CacheEntry<T> => ({
  key: found.key,
  value,
  createdAt: found.createdAt,
  expiresAt: found.expiresAt,
  sizeBytes: Buffer.byteLength(found.text) + Buffer.byteLength(found.key),
  metadata: found.metadata,
})
