import { parseByteSize, parseDuration } from '../durations.ts'
import { type ConfigProblem, refuseProblems, showValue, unknownOptions } from '../errors.ts'
import { isLogger } from '../members.ts'
import type { Logger } from '../options.ts'

type SettingCode =
  | 'CACHE_CONFIG_RANGE'
  | 'CACHE_CONFIG_DURATION'
  | 'CACHE_CONFIG_TYPE'
  | 'CACHE_CONFIG_BACKEND'
  | 'CACHE_CONFIG_IDENTIFIER'

/**
 * Reads the options of one backend; all that is wrong with them is thrown together by `settle()`, as a
 * `CacheConfigError`. For backends of your own.
 *
 * @example
 * const read = new SettingsReader('myBackend', options, ['url', 'timeout'])
 * const settings = { url: read.text('url', 'http://localhost'), timeoutMs: read.duration('timeout', 5) }
 * read.settle()
 */
export class SettingsReader<O extends object> {
  readonly #site: string
  readonly #given: { readonly [Name in keyof O]?: unknown }
  readonly #problems: ConfigProblem[]

  constructor(site: string, given: O, known: readonly (keyof O & string)[]) {
    this.#site = site
    this.#problems = []
    const isObject = typeof given === 'object' && given !== null
    this.#given = isObject ? given : ({} as O)
    if (isObject) this.#problems.push(...unknownOptions(site, given, known))
    else this.refuse('CACHE_CONFIG_TYPE', '', given, 'options must be an object')
  }

  /** What was given for the option; undefined where it is left out. */
  given(name: keyof O & string): unknown {
    return this.#given[name]
  }

  refuse(code: SettingCode, name: string, received: unknown, rule: string, hint?: string): void {
    this.#problems.push({
      code,
      path: name === '' ? this.#site : `${this.#site}.${name}`,
      received,
      message: `${this.#site}: ${rule}.`,
      ...(hint === undefined ? {} : { hint }),
    })
  }

  /** A whole number from `least` on; Infinity where `unbounded`. */
  count(
    name: keyof O & string,
    standard: number,
    { least = 1, most = Number.MAX_SAFE_INTEGER, unbounded = false } = {},
  ): number {
    const value = this.#given[name] ?? standard
    if (unbounded && value === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
    const rule = `${name} must be a whole number ${range}${unbounded ? ', or Infinity' : ''}; received ${showValue(value)}`
    this.refuse('CACHE_CONFIG_RANGE', name, value, rule, String(standard))
    return standard
  }

  /** Above 0 and at most 1; below 1 where `whole` is false. */
  share(name: keyof O & string, standard: number, { whole = true } = {}): number {
    const value = this.#given[name] ?? standard
    if (typeof value === 'number' && value > 0 && (whole ? value <= 1 : value < 1)) return value
    const rule = `${name} must be above 0 and ${whole ? 'at most' : 'below'} 1; received ${showValue(value)}`
    this.refuse('CACHE_CONFIG_RANGE', name, value, rule, String(standard))
    return standard
  }

  /** Whole bytes above 0; Infinity where `unbounded`. */
  bytes(name: keyof O & string, standard: number | string, { unbounded = false } = {}): number {
    const value = this.#given[name] ?? standard
    const bytes = parseByteSize(value)
    if (bytes !== undefined && bytes > 0 && (unbounded || Number.isFinite(bytes))) return bytes
    const example = typeof standard === 'string' ? standard : '1mb'
    const kind = unbounded ? 'a number' : 'a finite number'
    const rule = `${name} must be ${kind} of bytes above 0, or a string such as "${example}"; received ${showValue(value)}`
    this.refuse('CACHE_CONFIG_RANGE', name, value, rule, example)
    return Number.NaN
  }

  /** Milliseconds above 0; Infinity where `unbounded`. */
  duration(
    name: keyof O & string,
    standard: number,
    { unbounded = false, mostSeconds = Number.POSITIVE_INFINITY } = {},
  ): number {
    const value = this.#given[name] ?? standard
    const ms = parseDuration(value)
    if (ms === undefined) {
      const rule = `${name} ${showValue(value)} is not a duration. Use seconds (60) or a string such as "1m"`
      this.refuse('CACHE_CONFIG_DURATION', name, value, rule, '60')
      return Number.NaN
    }
    const most = Number.isFinite(mostSeconds) ? ` and at most ${mostSeconds} seconds` : ''
    if (ms > 0 && ms <= mostSeconds * 1000 && (unbounded || Number.isFinite(ms))) return ms
    const rule = `${name} must be above 0${most}; received ${showValue(value)}${unbounded ? '. Use Infinity to switch it off' : ''}`
    this.refuse('CACHE_CONFIG_RANGE', name, value, rule, '60')
    return Number.NaN
  }

  /** A string with something in it. */
  text(name: keyof O & string, standard: string): string {
    const value = this.#given[name] ?? standard
    if (typeof value === 'string' && value !== '') return value
    const code = value === '' ? 'CACHE_CONFIG_RANGE' : 'CACHE_CONFIG_TYPE'
    this.refuse(code, name, value, `${name} must be a string that is not empty; received ${showValue(value)}`)
    return standard
  }

  /** What a function takes and gives cannot be checked before it is called. */
  callback<F>(name: keyof O & string, standard: F): F {
    const value = this.#given[name] ?? standard
    if (typeof value === 'function') return value as F
    const rule = `${name} must be a function; received ${showValue(value)}`
    this.refuse('CACHE_CONFIG_TYPE', name, value, rule)
    return standard
  }

  /** Undefined where it is left out: nobody is told. */
  logger(name: keyof O & string): Logger | undefined {
    const value = this.#given[name]
    if (value === undefined) return undefined
    if (isLogger(value)) return value
    const rule = `${name} must be an object with debug, info, warn and error, such as console`
    this.refuse('CACHE_CONFIG_TYPE', name, value, rule, 'console')
    return undefined
  }

  /** Throws a `CacheConfigError` that names everything wrong, if anything is. */
  settle(): void {
    refuseProblems(this.#problems)
  }
}
