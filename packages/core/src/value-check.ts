import { type ConfigProblem, nearest, showValue } from './errors.ts'

/** The codes of refused options and of warnings about accepted ones. */
export type ConfigCode =
  | 'CACHE_CONFIG_UNKNOWN_OPTION'
  | 'CACHE_CONFIG_TYPE'
  | 'CACHE_CONFIG_DURATION'
  | 'CACHE_CONFIG_STALE'
  | 'CACHE_CONFIG_RANGE'
  | 'CACHE_CONFIG_VARY_STAR'
  | 'CACHE_CONFIG_VARY_HIGH_CARDINALITY'
  | 'CACHE_CONFIG_METHOD'
  | 'CACHE_CONFIG_METHOD_BODY'
  | 'CACHE_CONFIG_BACKEND'
  | 'CACHE_CONFIG_TTL_LOOKS_LIKE_MS'
  | 'CACHE_CONFIG_DEPRECATED'
  | 'CACHE_CONFIG_POLICY_UNKNOWN'
  | 'CACHE_CONFIG_SCOPE'

/** Where a value stands, and where what is found about it is collected. */
export interface Spot {
  /** The call that the options were given to; it opens every message. */
  readonly place: string
  /** From the options object down: `key.maxBodyBytes`; empty for the object itself. */
  readonly path: string
  readonly problems: ConfigProblem[]
  readonly warnings: { readonly code: ConfigCode; readonly message: string }[]
}

/** What a value comes to; undefined after its problem was noted. */
export type Check<T> = (value: unknown, spot: Spot) => T | undefined

type Checks = Readonly<Record<string, Check<unknown>>>

/** What an object comes to: the members that were stated, each as its check made it. */
export type Checked<C extends Checks> = {
  readonly [Name in keyof C]?: C[Name] extends Check<infer T> ? T : never
}

export const inside = (spot: Spot, name: string): Spot => ({
  ...spot,
  path: spot.path === '' ? name : `${spot.path}.${name}`,
})

/** Notes a problem; `hint` is what was probably meant. */
export const refuse = (
  spot: Spot,
  code: ConfigCode,
  received: unknown,
  sentence: string,
  hint?: string,
): undefined => {
  const problem = { code, path: spot.path, received, message: `${spot.place}: ${sentence}` }
  spot.problems.push(hint === undefined ? problem : { ...problem, hint })
}

export const refuseType = (spot: Spot, received: unknown, expected: string, hint?: string): undefined =>
  refuse(
    spot,
    'CACHE_CONFIG_TYPE',
    received,
    `${spot.path} must be ${expected}; received ${showReceived(received)}.`,
    hint,
  )

/** As `showValue`, but says of an object that is not plain what makes it so. */
export const showReceived = (value: unknown): string => {
  const shown = showValue(value)
  if (shown !== 'an object' || isPlain(value)) return shown
  const maker = (value as { constructor?: unknown }).constructor
  if (typeof maker !== 'function' || maker === Object) return 'an object with inherited members'
  return `an instance of ${maker.name || 'a class'}`
}

/** An object literal, of any realm; not an array and no instance of a class. */
export const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * Checks the object's own members, each by the check of its name. Undefined counts as left out. The result inherits
 * nothing, so that a member added to Object.prototype by somebody else is never taken for an option.
 */
export const checkMembers = <C extends Checks>(
  value: object,
  checks: C,
  spot: Spot,
  advise: (name: string) => string | undefined = () => undefined,
): Checked<C> => {
  const checked: Record<string, unknown> = Object.create(null)
  for (const [name, member] of Object.entries(value)) {
    const at = inside(spot, name)
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) refuseName(spot, at, member, nearest(name, Object.keys(checks)), advise(name))
    else if (member === null) refuseNull(at)
    else if (member !== undefined) checked[name] = check(member, at)
  }
  return checked as Checked<C>
}

const refuseName = (
  spot: Spot,
  at: Spot,
  received: unknown,
  meant: string | undefined,
  advice: string | undefined,
): void => {
  const hint = meant === undefined ? undefined : inside(spot, meant).path
  const unknown = `unknown option ${showValue(at.path)}.`
  const correction = advice ?? (hint === undefined ? undefined : `Did you mean "${hint}"?`)
  refuse(
    at,
    'CACHE_CONFIG_UNKNOWN_OPTION',
    received,
    correction === undefined ? unknown : `${unknown} ${correction}`,
    advice === undefined ? hint : undefined,
  )
}

export const refuseNull = (spot: Spot): undefined =>
  refuse(
    spot,
    'CACHE_CONFIG_TYPE',
    null,
    `${spot.path} is null. Leave it out to use the default.`,
    'undefined',
  )

export const checkBoolean: Check<boolean> = (value, spot) =>
  typeof value === 'boolean' ? value : refuseType(spot, value, 'true or false')

/** What a function takes and gives cannot be checked before it is called. */
export const isFunction = <F extends (...args: never) => unknown>(value: unknown): value is F =>
  typeof value === 'function'

export const checkFunction =
  <F extends (...args: never) => unknown>(expected = 'a function'): Check<F> =>
  (value, spot) =>
    isFunction<F>(value) ? value : refuseType(spot, value, expected)

export const checkOneOf =
  <const T extends string | number>(choices: readonly T[], expected: string): Check<T> =>
  (value, spot) => {
    const chosen = choices.find((choice) => choice === value)
    if (chosen !== undefined) return chosen
    const texts = choices.filter((choice) => typeof choice === 'string')
    return refuseType(spot, value, expected, typeof value === 'string' ? nearest(value, texts) : undefined)
  }

/** A list without repetitions, in the order given. */
export const checkList =
  <T>(element: Check<T>, expected: string): Check<readonly T[]> =>
  (value, spot) => {
    if (!Array.isArray(value)) {
      const hint = typeof value === 'string' ? `[${showValue(value)}]` : undefined
      return refuseType(spot, value, expected, hint)
    }
    const checked = Array.from(value, (each: unknown) => element(each, spot))
    return [...new Set(checked.filter((each) => each !== undefined))]
  }

/** An element of a list that is a string with something in it. */
export const checkElement =
  (noun: string): Check<string> =>
  (value, spot) =>
    typeof value === 'string' && value !== ''
      ? value
      : refuse(
          spot,
          'CACHE_CONFIG_TYPE',
          value,
          `${spot.path} contains ${showReceived(value)}, which is not ${noun}.`,
        )

/** A string with something in it. */
export const checkText: Check<string> = (value, spot) => {
  if (typeof value !== 'string') return refuseType(spot, value, 'a string')
  return value !== '' ? value : refuse(spot, 'CACHE_CONFIG_RANGE', value, `${spot.path} must not be empty.`)
}

/** RFC 9110 §5.1: a token, here in lower case. A star is refused, for it would not be the wildcard it looks like. */
export const checkFieldName: Check<string> = (value, spot) => {
  const name = checkElement('a field name')(value, spot)?.toLowerCase()
  if (name === undefined || /^[!#$%&'+\-.^_`|~0-9a-z]+$/.test(name)) return name
  const why = name.includes('*')
    ? 'Wildcards have no meaning here: list the names.'
    : 'Use names such as "accept-language".'
  const sentence = `${spot.path} contains ${showValue(value)}, which is not a field name. ${why}`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence)
}
