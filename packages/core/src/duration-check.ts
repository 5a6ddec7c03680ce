import { parseByteSize, parseDuration } from './durations.ts'
import { showValue } from './errors.ts'
import { type Check, refuse, refuseType, type Spot } from './value-check.ts'

const secondsPerDay = 86_400

const unitSpellings: ReadonlyMap<string, string> = new Map([
  ['', 's'],
  ...['ms', 'msec', 'msecs', 'millisecond', 'milliseconds'].map((name) => [name, 'ms'] as const),
  ...['s', 'sec', 'secs', 'second', 'seconds'].map((name) => [name, 's'] as const),
  ...['m', 'min', 'mins', 'minute', 'minutes'].map((name) => [name, 'm'] as const),
  ...['h', 'hr', 'hrs', 'hour', 'hours'].map((name) => [name, 'h'] as const),
  ...['d', 'day', 'days'].map((name) => [name, 'd'] as const),
  ...['w', 'week', 'weeks'].map((name) => [name, 'w'] as const),
])

/** The duration that a text was probably meant to be, as in "5 m", "5min" or "60". */
const nearestDuration = (text: string): string | undefined => {
  const match = text.length > 32 ? null : /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text.trim().toLowerCase())
  const unit = unitSpellings.get(match?.[2] ?? 'none')
  return match === null || unit === undefined ? undefined : `${match[1]}${unit}`
}

const refuseDuration = (spot: Spot, value: number | string): undefined => {
  const meant = typeof value === 'string' ? nearestDuration(value) : undefined
  const seconds = (parseDuration(meant ?? '5m') ?? 0) / 1000
  const what = typeof value === 'number' && value < 0 ? 'is negative' : 'is not a duration'
  const sentence = `${spot.path} ${showValue(value)} ${what}. Use seconds (${seconds}) or a string such as "${meant ?? '5m'}".`
  return refuse(spot, 'CACHE_CONFIG_DURATION', value, sentence, meant)
}

/** Milliseconds, from 0 to Infinity. */
const checkDuration = (value: unknown, spot: Spot, expected: string): number | undefined => {
  if (typeof value !== 'number' && typeof value !== 'string') return refuseType(spot, value, expected)
  return parseDuration(value) ?? refuseDuration(spot, value)
}

/** Whole days up to a year are what people write in seconds, though some of them end in three zeros, too. */
const looksLikeMilliseconds = (value: unknown): value is number =>
  typeof value === 'number' &&
  value >= 100_000 &&
  value % 1000 === 0 &&
  (value % secondsPerDay !== 0 || value > 366 * secondsPerDay)

const warnOfMilliseconds = (spot: Spot, value: number): void => {
  const days = Math.round((value / secondsPerDay) * 10) / 10
  const seconds = value / 1000
  spot.warnings.push({
    code: 'CACHE_CONFIG_TTL_LOOKS_LIKE_MS',
    message: `${spot.place}: ${spot.path} ${value} is ${days} days. Numbers are seconds; did you mean ${seconds} or "${seconds}s"?`,
  })
}

/** A freshness lifetime in milliseconds: above 0, and Infinity where nothing but an invalidation ends it. */
export const checkLifetime = (value: unknown, spot: Spot, expected: string): number | undefined => {
  const ms = checkDuration(value, spot, expected)
  if (ms === 0) {
    const sentence = `${spot.path} ${showValue(value)} stores nothing. Use false to switch caching off.`
    return refuse(spot, 'CACHE_CONFIG_DURATION', value, sentence, 'false')
  }
  if (ms !== undefined && looksLikeMilliseconds(value)) warnOfMilliseconds(spot, value)
  return ms
}

/** How long something stale is kept or used, in milliseconds: from 0, and finite. */
export const checkWindow: Check<number> = (value, spot) => {
  const ms = checkDuration(value, spot, 'a duration')
  if (ms !== Number.POSITIVE_INFINITY) return ms
  const sentence = `${spot.path} must be finite; received ${showValue(value)}.`
  return refuse(spot, 'CACHE_CONFIG_STALE', value, sentence, '1d')
}

/** How long a request may wait, in milliseconds; a limit in seconds also catches a number meant as milliseconds. */
export const checkWait =
  (bounds: { readonly zero: boolean; readonly maxSeconds: number }): Check<number> =>
  (value, spot) => {
    const ms = checkDuration(value, spot, 'a duration')
    if (ms === undefined) return undefined
    if ((ms > 0 || bounds.zero) && ms <= bounds.maxSeconds * 1000) return ms
    const least = bounds.zero ? '' : 'above 0 and '
    const meant = typeof value === 'number' && Number.isFinite(value) && ms > 0 ? `${value}ms` : undefined
    const unit = meant === undefined ? '' : ` Numbers are seconds; did you mean "${meant}"?`
    const sentence = `${spot.path} must be ${least}at most ${bounds.maxSeconds} seconds; received ${showValue(value)}.${unit}`
    return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence, meant)
  }

/** Whole bytes: at least one, and finite. */
export const checkByteSize =
  (example: string): Check<number> =>
  (value, spot) => {
    const expected = `a finite number of bytes above 0, or a string such as "${example}"`
    if (typeof value !== 'number' && typeof value !== 'string') return refuseType(spot, value, expected)
    const bytes = parseByteSize(value)
    if (bytes !== undefined && bytes > 0 && Number.isFinite(bytes)) return bytes
    const sentence = `${spot.path} must be ${expected}; received ${showValue(value)}.`
    return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence, example)
  }
