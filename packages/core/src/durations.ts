/**
 * A length of time: a number is seconds, as in `Cache-Control`; a string carries its unit.
 *
 * @example
 * const fiveMinutes: Duration[] = [300, '300s', '5m']
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`

/**
 * A number of bytes; in strings 1 kb is 1024 bytes.
 *
 * @example
 * const oneMegabyte: ByteSize[] = [1_048_576, '1024kb', '1mb']
 */
export type ByteSize = number | `${number}${'kb' | 'mb' | 'gb'}`

const timeUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])

const byteUnits: ReadonlyMap<string, number> = new Map([
  ['kb', 1024],
  ['mb', 1024 ** 2],
  ['gb', 1024 ** 3],
])

const longestText = 32

/** Milliseconds, or undefined where `value` is no duration. `Infinity` stays: the caller knows whether it makes sense. */
export const parseDuration = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value >= 0 ? value * 1000 + 0 : undefined
  return typeof value === 'string' ? parseUnits(value, timeUnits) : undefined
}

/** Whole bytes, or undefined where `value` is no size. `Infinity` stays: the caller knows whether it makes sense. */
export const parseByteSize = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value >= 0 ? Math.round(value) + 0 : undefined
  if (typeof value !== 'string') return undefined
  const bytes = parseUnits(value.toLowerCase(), byteUnits)
  return bytes === undefined ? undefined : Math.round(bytes)
}

const parseUnits = (text: string, units: ReadonlyMap<string, number>): number | undefined => {
  if (text.length > longestText) return undefined
  const match = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text)
  const unit = units.get(match?.[2] ?? '')
  return unit === undefined ? undefined : Number(match?.[1]) * unit
}
