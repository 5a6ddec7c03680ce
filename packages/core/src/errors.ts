/**
 * One thing wrong with an options object.
 *
 * @example
 * const problem: ConfigProblem = {
 *   code: 'CACHE_CONFIG_RANGE', path: 'memory.maxEntries', received: 0,
 *   message: 'memory: maxEntries must be a whole number from 1 on, or Infinity; received 0.',
 * }
 */
export interface ConfigProblem {
  readonly code: `CACHE_CONFIG_${string}`
  /** Where the value stands, from the call down: `memory.maxEntries`. */
  readonly path: string
  readonly received: unknown
  readonly message: string
  /** What was probably meant. */
  readonly hint?: string
}

/**
 * Options that cannot work. Thrown where they are given, never while a request runs, and with every problem of one
 * options object at once: `code`, `path`, `received` and `hint` are those of the first, `message` has a line for each.
 *
 * @example
 * try {
 *   memory({ maxEntries: 0 })
 * } catch (error) {
 *   if (error instanceof CacheConfigError) console.error(error.code, error.path)   // CACHE_CONFIG_RANGE memory.maxEntries
 * }
 */
export class CacheConfigError extends Error {
  readonly code: `CACHE_CONFIG_${string}`
  readonly path: string
  readonly received: unknown
  declare readonly hint?: string
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]]) {
    super(problems.map((problem) => problem.message).join('\n'))
    const [first] = problems
    this.name = 'CacheConfigError'
    this.code = first.code
    this.path = first.path
    this.received = first.received
    if (first.hint !== undefined) this.hint = first.hint
    this.problems = problems
  }
}

/**
 * The codes of `CacheBackendError`.
 *
 * @example
 * const retryable: readonly BackendErrorCode[] = ['CONNECTION_ERROR', 'TIMEOUT_ERROR']
 */
export type BackendErrorCode = 'CONNECTION_ERROR' | 'TIMEOUT_ERROR' | 'BACKEND_ERROR' | 'SERIALIZATION_ERROR'

/**
 * One call to a backend that failed. The message names backend, operation and code alone, so that it can be logged;
 * what went wrong underneath is `cause`.
 *
 * - `CONNECTION_ERROR`: the store cannot be reached.
 * - `TIMEOUT_ERROR`: it did not answer within the deadline.
 * - `SERIALIZATION_ERROR`: a value could not be encoded or decoded.
 * - `BACKEND_ERROR`: anything else.
 *
 * @example
 * throw new CacheBackendError('TIMEOUT_ERROR', { backend: 'redis', operation: 'get', cause: error })
 */
export class CacheBackendError extends Error {
  readonly code: BackendErrorCode
  readonly backend: string
  readonly operation: string
  declare readonly cause: unknown

  constructor(code: BackendErrorCode, about: { backend: string; operation: string; cause?: unknown }) {
    super(`${about.backend}: ${about.operation} failed (${code})`, { cause: about.cause })
    this.name = 'CacheBackendError'
    this.code = code
    this.backend = about.backend
    this.operation = about.operation
  }
}

/** Throws one `CacheConfigError` with all of `problems`, if there are any. */
export const refuseProblems = (problems: readonly ConfigProblem[]): void => {
  const [first, ...rest] = problems
  if (first !== undefined) throw new CacheConfigError([first, ...rest])
}

/** A problem for every name in `options` that is not in `known`, with the nearest known one as its hint. */
export const unknownOptions = (
  site: string,
  options: object,
  known: readonly string[],
): readonly ConfigProblem[] =>
  Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known)
      const problem: ConfigProblem = {
        code: 'CACHE_CONFIG_UNKNOWN_OPTION',
        path: `${site}.${name}`,
        received: (options as Record<string, unknown>)[name],
        message: `${site}: unknown option "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
      }
      return meant === undefined ? problem : { ...problem, hint: meant }
    })

/** A value as a message may show it: short, and never the inside of an object. */
export const showValue = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** The name that `name` was probably meant to be: at most two edits away (one for names of up to three letters). */
export const nearest = (name: string, names: readonly string[]): string | undefined => {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of names) {
    const allowed = candidate.length <= 3 ? 1 : 2
    if (Math.abs(candidate.length - name.length) > allowed) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance > allowed || distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

const editDistance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/** Anything can be thrown, also what cannot be made a text of. */
export const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'an error without a message'
  }
}
