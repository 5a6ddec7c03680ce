import type { FieldMap } from '../message.ts'
import { parseDeltaSeconds, type ResponseDirectives } from './cache-control.ts'
import { parseHttpDate } from './date.ts'
import { fieldLines, fieldValue } from './fields.ts'
import { trimOws } from './whitespace.ts'

/** Where a freshness lifetime comes from (RFC 9111 §4.2.1, §4.2.2). */
export type LifetimeSource = 's-maxage' | 'max-age' | 'expires' | 'heuristic' | 'none'

const dayMs = 86_400_000

const capitalised = (value: string): string =>
  value
    .toLowerCase()
    .replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase())
    .replace(/ Gmt$/, ' GMT')

/** RFC 9111 §4.2: a cache reads dates whatever their case. */
const readDate = (value: string, now: number): number | undefined => {
  const text = trimOws(value)
  return parseHttpDate(text, now) ?? (text.length > 40 ? undefined : parseHttpDate(capitalised(text), now))
}

const dateOf = (headers: FieldMap, name: string, now: number): number | undefined => {
  const value = fieldValue(headers, name)
  return value === undefined ? undefined : readDate(value, now)
}

/** RFC 9111 §5.3: a time in the past (0 left) for an Expires that is invalid or contradicts itself. */
const expiresLifetime = (lines: readonly string[], headers: FieldMap, responseTime: number): number => {
  const [first = ''] = lines
  const expires = lines.every((line) => line === first) ? readDate(first, responseTime) : undefined
  if (expires === undefined) return 0
  // RFC 9110 §6.6.1: the time of receipt stands in for a Date that is missing or invalid.
  return Math.max(0, expires - (dateOf(headers, 'date', responseTime) ?? responseTime))
}

/**
 * RFC 9111 §4.2.1: the explicit freshness lifetime of a shared cache in milliseconds, by the first of s-maxage, max-age
 * and Expires − Date; undefined where none is present. `responseTime` stands in for a missing or invalid Date.
 */
export const explicitLifetime = (
  headers: FieldMap,
  directives: ResponseDirectives,
  responseTime: number,
): { readonly source: LifetimeSource; readonly ms: number } | undefined => {
  if (directives.sMaxage !== undefined) return { source: 's-maxage', ms: directives.sMaxage * 1000 }
  if (directives.maxAge !== undefined) return { source: 'max-age', ms: directives.maxAge * 1000 }
  const lines = fieldLines(headers, 'expires')
  return lines.length === 0
    ? undefined
    : { source: 'expires', ms: expiresLifetime(lines, headers, responseTime) }
}

const heuristicallyCacheable: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
])

/** RFC 9110 §15.1. */
export const isHeuristicallyCacheable = (status: number): boolean => heuristicallyCacheable.has(status)

/**
 * RFC 9111 §4.2.2: `share` (0 to 1) of the time since Last-Modified, in milliseconds, one day at most. Undefined where
 * a heuristic is not allowed or has nothing to go by.
 */
export const heuristicLifetime = (
  status: number,
  headers: FieldMap,
  directives: ResponseDirectives,
  share: number,
  responseTime: number,
): number | undefined => {
  // public marks a response as cacheable explicitly (§5.2.2.9).
  if (!isHeuristicallyCacheable(status) && directives.public !== true) return undefined
  // A heuristic must not be used beside an explicit expiration time.
  if (explicitLifetime(headers, directives, responseTime) !== undefined) return undefined
  const lastModified = dateOf(headers, 'last-modified', responseTime)
  if (lastModified === undefined) return undefined
  const unchanged = (dateOf(headers, 'date', responseTime) ?? responseTime) - lastModified
  return unchanged > 0 && share > 0 ? Math.min(unchanged * Math.min(share, 1), dayMs) : 0
}

/** RFC 9111 §5.1: milliseconds of the first Age line; NaN where it is invalid. */
const ageValue = (headers: FieldMap): number => {
  const [first] = fieldLines(headers, 'age')
  if (first === undefined) return 0
  const seconds = parseDeltaSeconds(trimOws(first))
  return seconds === undefined ? Number.NaN : seconds * 1000
}

/** RFC 9111 §5.1: whether Age cannot be read, which makes the response stale. */
export const hasInvalidAge = (headers: FieldMap): boolean => Number.isNaN(ageValue(headers))

/**
 * RFC 9111 §4.2.3: the age at `responseTime` in milliseconds, counted from `requestTime`, when the handler started.
 * An invalid Age adds nothing: the response is stale then, and this old at least.
 */
export const correctedInitialAge = (headers: FieldMap, requestTime: number, responseTime: number): number => {
  const date = dateOf(headers, 'date', responseTime)
  const apparentAge = date === undefined ? 0 : Math.max(0, responseTime - date)
  // A clock that stepped back during the request must not make the response younger than its Age says.
  const responseDelay = Math.max(0, responseTime - requestTime)
  return Math.max(apparentAge, (ageValue(headers) || 0) + responseDelay)
}

/** RFC 9111 §4.2.3: the age at `now` in milliseconds; never negative, also when the clock steps back. */
export const currentAge = (initialAge: number, responseTime: number, now: number): number =>
  initialAge + Math.max(0, now - responseTime)
