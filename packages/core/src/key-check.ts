import { checkByteSize } from './duration-check.ts'
import { showValue } from './errors.ts'
import type { KeyRules, RequestView } from './options.ts'
import {
  type Check,
  type Checked,
  checkBoolean,
  checkElement,
  checkFieldName,
  checkFunction,
  checkList,
  checkMembers,
  checkOneOf,
  inside,
  isPlain,
  refuse,
  refuseNull,
  refuseType,
  type Spot,
} from './value-check.ts'

type KeyFunction = (request: RequestView) => string | undefined

/** How the query enters the key: all of it, or what sorted name patterns keep or ignore. */
export interface QueryRule {
  readonly use: 'all' | 'none' | 'keep' | 'ignore'
  readonly names: readonly string[]
}

const sorted =
  (check: Check<readonly string[]>): Check<readonly string[]> =>
  (value, spot) =>
    check(value, spot)?.toSorted()

const checkPatterns = sorted(checkList(checkElement('a parameter name'), 'a list of parameter names'))

/** A rule without names says the same as one of the words, and is that word from here on. */
const queryNames = (use: 'keep' | 'ignore', names: readonly string[]): QueryRule =>
  names.length > 0 ? { use, names } : { use: use === 'keep' ? 'none' : 'all', names }

const checkIgnored = (value: object, spot: Spot): QueryRule | undefined => {
  const { ignore } = checkMembers(value, { ignore: checkPatterns }, spot)
  if (ignore !== undefined) return queryNames('ignore', ignore)
  return Object.keys(value).length > 0 ? undefined : refuseType(inside(spot, 'ignore'), undefined, 'a list')
}

const checkQuery: Check<QueryRule> = (value, spot) => {
  if (value === 'all' || value === 'none') return { use: value, names: [] }
  if (isPlain(value)) return checkIgnored(value, spot)
  if (Array.isArray(value)) {
    const names = checkPatterns(value, spot)
    return names && queryNames('keep', names)
  }
  const hint = typeof value === 'string' ? `[${showValue(value)}]` : undefined
  return refuseType(spot, value, '"all", "none", a list of names or { ignore: [names] }', hint)
}

/** Fields whose values are nearly as many as the requests, with what serves instead of them. */
const crowdedFields: ReadonlyMap<string, readonly [hint: string, advice: string]> = new Map([
  [
    'user-agent',
    ['key.by', '(thousands of values). Use key.by with a function that maps it to a few groups.'],
  ],
  ['referer', ['key.by', '(thousands of values). Use key.by with a function that maps it to a few groups.']],
  ['cookie', ['key.cookies', '(a value for each visitor). Name the cookies that count in key.cookies.']],
  ['authorization', ['scope', '(a value for each user). Use scope with a function that names the user.']],
])

const checkSelectingField: Check<string> = (value, spot) => {
  if (value === '*') {
    const sentence = `${spot.path} contains "*": such a response can never be reused. List header names.`
    return refuse(spot, 'CACHE_CONFIG_VARY_STAR', value, sentence)
  }
  const name = checkFieldName(value, spot)
  const crowded = crowdedFields.get(name ?? '')
  if (crowded === undefined) return name
  const [hint, advice] = crowded
  const sentence = `${spot.path} contains "${name}" ${advice}`
  return refuse(spot, 'CACHE_CONFIG_VARY_HIGH_CARDINALITY', value, sentence, hint)
}

/** Wider than a token (RFC 9110 §5.6.2), as browsers are: all that cannot be mistaken for what separates cookies. */
const checkCookieName: Check<string> = (value, spot) => {
  const name = checkElement('a cookie name')(value, spot)
  if (name === undefined || /^[^\s\p{Cc}=;,*]+$/u.test(name)) return name
  const why = name.includes('*') ? ' Wildcards have no meaning here: list the names.' : ''
  const sentence = `${spot.path} contains ${showValue(name)}, which is not a cookie name.${why}`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence)
}

const checkBy: Check<readonly (readonly [name: string, of: KeyFunction])[]> = (value, spot) => {
  if (!isPlain(value)) return refuseType(spot, value, 'an object of functions, by name')
  const parts: (readonly [string, KeyFunction])[] = []
  for (const [name, of] of Object.entries(value)) {
    const at = inside(spot, name)
    const part = of === null ? refuseNull(at) : of === undefined ? of : checkFunction<KeyFunction>()(of, at)
    if (part !== undefined) parts.push([name, part])
  }
  return parts.sort(([a], [b]) => (a < b ? -1 : 1))
}

const keyChecks = {
  query: checkQuery,
  headers: sorted(checkList(checkSelectingField, 'a list of field names')),
  cookies: sorted(checkList(checkCookieName, 'a list of cookie names')),
  by: checkBy,
  host: checkBoolean,
  body: checkOneOf(['none', 'bytes', 'json'], '"none", "bytes" or "json"'),
  maxBodyBytes: checkByteSize('64kb'),
} satisfies Record<keyof KeyRules, Check<unknown>>

/** The key rules that were stated. */
export const checkKey: Check<Checked<typeof keyChecks>> = (value, spot) =>
  isPlain(value) ? checkMembers(value, keyChecks, spot) : refuseType(spot, value, 'an object of key rules')
