/** Paths of what is not one key. What is one key lies under `/cache/`, percent-encoded. */
export const paths = {
  getMany: '/batch/get',
  setMany: '/batch/set',
  deleteMany: '/batch/delete',
  keys: '/keys',
  clear: '/clear',
  prune: '/prune',
  stats: '/stats',
  health: '/health',
  tags: '/tags',
  readTags: '/tags/read',
  bumpTags: '/tags/bump',
} as const

/** Sent with every request, and repeated in every answer but errors. */
export const markField = 'stowage-mark'

/** Undefined for what is none, and not repeated. */
export const markIn = (field: string | readonly string[] | undefined): string | undefined =>
  typeof field === 'string' && /^[\w-]{1,64}$/.test(field) ? field : undefined

const keyPath = '/cache/'

/** Longer ones may not pass through what is on the way; such a key is sent in a batch of one. */
const longestPath = 4000

/**
 * Empty segments, `.` and `..` are taken out of paths (RFC 3986 §5.2.4), by some also where they are percent-encoded,
 * so that another key would be meant; control characters are refused by what is on the way.
 */
const unsafe = /(?:^|[/\\])\.{0,2}(?:[/\\]|$)|\p{Cc}/u

/** Undefined for a key that has no place in a path: too long, no Unicode, or one that normalisation would change. */
export const pathOfKey = (key: string): string | undefined => {
  if (unsafe.test(key)) return undefined
  try {
    const path = keyPath + encodeURIComponent(key)
    return path.length <= longestPath ? path : undefined
  } catch {
    return undefined
  }
}

/** Undefined where it is none. */
export const keyInPath = (path: string): string | undefined => {
  try {
    return path.startsWith(keyPath) ? decodeURIComponent(path.slice(keyPath.length)) : undefined
  } catch {
    return undefined
  }
}

/** Of a message that carries values of `maxValueBytes` together: JSON makes them longer, mostly by little. */
export const messageLimit = (maxValueBytes: number): number => 2 * maxValueBytes + 64 * 1024

/** JSON has no Infinity. */
export const ttlToJson = (ttl: number): number | null => (ttl === Number.POSITIVE_INFINITY ? null : ttl)

/** Undefined where it is no ttl. */
export const ttlFromJson = (ttl: unknown): number | undefined => {
  if (ttl === null) return Number.POSITIVE_INFINITY
  return typeof ttl === 'number' && ttl > 0 ? ttl : undefined
}

export const isText = (value: unknown): value is string => typeof value === 'string'

export const isTextList = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)

export const isPair = (value: unknown): value is [string, string] => isTextList(value) && value.length === 2

/** The members of a JSON object; empty for anything else. */
export const membersOf = (json: unknown): Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : {}
