import type { FieldMap } from '../message.ts'
import { parseHttpDate } from './date.ts'
import { fieldLines, fieldValue, hasField } from './fields.ts'
import { trimOws } from './whitespace.ts'

export { freshenFields, notModifiedFields } from './freshen.ts'

/**
 * What preconditions are evaluated against. `responseTime` is in milliseconds and stands in for a missing Date
 * (RFC 9110 §6.6.1).
 *
 * @example
 * const stored: Validated = { status: 200, headers: { etag: '"v1"' }, responseTime: Date.now() }
 */
export interface Validated {
  readonly status: number
  readonly headers: FieldMap
  readonly responseTime: number
}

/** A weakness indicator is upper-case; in any other case it is damaged, and does not make the tag a strong one. */
const isWeak = (tag: string): boolean => tag.startsWith('W/') || tag.startsWith('w/')

const opaqueTag = (tag: string): string => (tag.startsWith('W/"') ? tag.slice(2) : tag)

/**
 * Weak comparison of two entity tags (RFC 9110 §8.8.3.2).
 *
 * @example
 * weakMatch('W/"1"', '"1"') // true
 */
export const weakMatch = (a: string, b: string): boolean => a !== '' && opaqueTag(a) === opaqueTag(b)

/**
 * Strong comparison of two entity tags (RFC 9110 §8.8.3.2).
 *
 * @example
 * strongMatch('W/"1"', 'W/"1"') // false
 */
export const strongMatch = (a: string, b: string): boolean => a !== '' && a === b && !isWeak(a)

const endsMember = (char: string): boolean => char === '' || char === ',' || char === ' ' || char === '\t'

/** The end of the entity tag at `start`: behind its closing quote, or at the comma behind a bare or damaged one. */
const endOfTag = (value: string, start: number): number => {
  const open = value.startsWith('W/', start) ? start + 2 : start
  if (value[open] === '"') {
    const close = value.indexOf('"', open + 1)
    if (close >= 0 && endsMember(value.charAt(close + 1))) return close + 1
  }
  const comma = value.indexOf(',', start)
  return comma < 0 ? value.length : comma
}

/**
 * The members of If-None-Match or If-Match (RFC 9110 §13.1.2). A comma inside an opaque tag does not separate; what is
 * no entity tag stays a member as it stands.
 *
 * @example
 * parseEntityTags('"a,b", W/"c"') // ['"a,b"', 'W/"c"']
 */
export const parseEntityTags = (value: string): readonly string[] | '*' => {
  if (trimOws(value) === '*') return '*'
  const tags: string[] = []
  let at = 0
  while (at < value.length) {
    if (endsMember(value.charAt(at))) {
      at += 1
      continue
    }
    const end = endOfTag(value, at)
    tags.push(trimOws(value, at, end))
    at = end
  }
  return tags
}

/** The only line of a field that is not a list; undefined where it is absent or repeated. */
export const onlyLine = (headers: FieldMap, name: string): string | undefined => {
  const lines = fieldLines(headers, name)
  return lines.length === 1 ? lines[0] : undefined
}

/** The time in a field that holds one HTTP-date, in milliseconds. */
export const dateIn = (headers: FieldMap, name: string): number | undefined => {
  const line = onlyLine(headers, name)
  return line === undefined ? undefined : parseHttpDate(line)
}

/** The entity tag of a response; undefined where it would mean something else in a condition (RFC 9110 §8.8.3). */
export const entityTag = (headers: FieldMap): string | undefined => {
  const line = onlyLine(headers, 'etag')
  if (line === undefined) return undefined
  const tags = parseEntityTags(line)
  return tags !== '*' && tags.length === 1 ? tags[0] : undefined
}

/**
 * Whether Last-Modified is a strong validator: at least one second before Date (RFC 9110 §8.8.2.2). `receivedAt` stands
 * in for a Date that is absent, not for one that is damaged.
 */
export const isStrongLastModified = (headers: FieldMap, receivedAt?: number): boolean => {
  const modified = dateIn(headers, 'last-modified')
  const date = hasField(headers, 'date') ? dateIn(headers, 'date') : receivedAt
  return modified !== undefined && date !== undefined && date - modified >= 1000
}

/**
 * Whether the client's own condition, for GET and HEAD, is answered by 304 (RFC 9111 §4.3.2, RFC 9110 §13.2.2).
 *
 * @example
 * clientConditionHolds({ 'if-none-match': '"v1"' }, stored) // true where the stored ETag is "v1" or W/"v1"
 */
export const clientConditionHolds = (requestHeaders: FieldMap, stored: Validated): boolean => {
  // RFC 9110 §13.2.1: what would not be a 2xx is sent whatever the condition says; of those, only a 200 is evaluated.
  if (stored.status !== 200) return false
  const noneMatch = fieldValue(requestHeaders, 'if-none-match')
  if (noneMatch !== undefined) {
    const tags = parseEntityTags(noneMatch)
    if (tags === '*') return true
    const current = entityTag(stored.headers)
    return current !== undefined && tags.some((tag) => weakMatch(tag, current))
  }
  // RFC 9110 §13.1.3: a value that is no date, or several, is ignored.
  const since = dateIn(requestHeaders, 'if-modified-since')
  if (since === undefined) return false
  // RFC 9111 §4.3.2: Date, then the time of receipt, stand in for Last-Modified.
  const modified =
    dateIn(stored.headers, 'last-modified') ?? dateIn(stored.headers, 'date') ?? stored.responseTime
  return modified <= since
}

/**
 * Whether a request has conditions that a cache evaluates (RFC 9111 §4.3.2).
 *
 * @example
 * hasConditions({ 'if-none-match': '"v1"' }) // true
 */
export const hasConditions = (requestHeaders: FieldMap): boolean =>
  hasField(requestHeaders, 'if-none-match') || hasField(requestHeaders, 'if-modified-since')

/**
 * Whether a request has conditions that only the origin evaluates (RFC 9111 §4.3.2).
 *
 * @example
 * hasOriginPreconditions({ 'if-match': '"v1"' }) // true
 */
export const hasOriginPreconditions = (requestHeaders: FieldMap): boolean =>
  hasField(requestHeaders, 'if-match') || hasField(requestHeaders, 'if-unmodified-since')

/**
 * The conditions that validate a stored response: its own validators, as they were received (RFC 9111 §4.3.1).
 *
 * @example
 * validationHeaders({ etag: '"v1"' }) // { 'if-none-match': '"v1"' }
 */
export const validationHeaders = (
  storedHeaders: FieldMap,
): { 'if-none-match'?: string; 'if-modified-since'?: string } => {
  const tag = entityTag(storedHeaders)
  const modified = dateIn(storedHeaders, 'last-modified')
  const line = modified === undefined ? undefined : onlyLine(storedHeaders, 'last-modified')
  return {
    ...(tag !== undefined && { 'if-none-match': tag }),
    ...(line !== undefined && { 'if-modified-since': line }),
  }
}

/**
 * Whether a stored response can be validated (RFC 9110 §8.8).
 *
 * @example
 * hasValidator({ etag: '"v1"' }) // true
 */
export const hasValidator = (headers: FieldMap): boolean =>
  entityTag(headers) !== undefined || dateIn(headers, 'last-modified') !== undefined

const sameLastModified = (a: FieldMap, b: FieldMap): boolean => {
  const modified = dateIn(a, 'last-modified')
  return modified !== undefined && modified === dateIn(b, 'last-modified')
}

/**
 * Whether a 304 to our own condition is about the stored response that the condition was made from (RFC 9111 §4.3.4).
 * The text lets a 304 without any validator update only a stored response that has none either, because it cannot tell
 * which one was asked about; here exactly one was, so that such a 304 identifies it.
 *
 * @example
 * identifiesStored({ etag: '"v2"' }, { etag: '"v1"' }) // false
 */
export const identifiesStored = (notModified: FieldMap, stored: FieldMap): boolean => {
  const tagged = hasField(notModified, 'etag')
  if (!tagged && !hasField(notModified, 'last-modified')) return true
  const tag = entityTag(notModified)
  if (tagged && hasField(stored, 'etag')) {
    const storedTag = entityTag(stored)
    if (tag === undefined || storedTag === undefined) return false
    return isWeak(tag) ? weakMatch(tag, storedTag) : strongMatch(tag, storedTag)
  }
  if (!sameLastModified(notModified, stored)) return false
  // A strong entity tag that the stored response lacks leaves only a strong date to identify it.
  return !tagged || (tag !== undefined && isWeak(tag)) || isStrongLastModified(stored)
}
