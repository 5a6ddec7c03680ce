import type { FieldMap } from '../message.ts'
import { fieldValue, isToken, listMembers, splitList } from './fields.ts'
import { type Preferences, parsePreferences } from './preferences.ts'
import { remembering } from './remembering.ts'
import { trimOws } from './whitespace.ts'

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const sortedSet = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort(compareText)

/**
 * The selecting header fields that a response nominates: lower-case, sorted, each once; `'*'` where nothing can match
 * (RFC 9111 §4.1, RFC 9110 §12.5.5).
 *
 * @example
 * varyFields({ vary: 'Accept-Language, Accept' }) // ['accept', 'accept-language']
 */
export const varyFields = (headers: FieldMap): readonly string[] | '*' => {
  const members = listMembers(headers, 'vary')
  // A damaged member may have been any name, or the asterisk.
  if (members.some((member) => member.includes('*') || !isToken(member))) return '*'
  return members.length < 2 ? members : sortedSet(members)
}

/**
 * Fields in which a comma does not separate members of a list, so that whitespace beside it may mean something
 * (RFC 9110 §5.5).
 */
const singletonFields: ReadonlySet<string> = new Set([
  'authorization',
  'content-location',
  'content-type',
  'cookie',
  'date',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'origin',
  'proxy-authorization',
  'referer',
  'user-agent',
])

/** Drops the whitespace around the commas of a list and at its ends, but keeps every member as it is. */
const trimAroundCommas = (value: string): string => {
  if (!value.includes(',')) return trimOws(value)
  let joined = ''
  let start = 0
  let quoted = false
  for (let at = 0; at < value.length; at += 1) {
    const char = value.charAt(at)
    if (char === '"') quoted = !quoted
    else if (char === '\\' && quoted) at += 1
    else if (char === ',' && !quoted) {
      joined += `${trimOws(value, start, at)},`
      start = at + 1
    }
  }
  return joined + trimOws(value, start)
}

/** Few values make up nearly all requests, and every hit on a varying response needs their normal form. */
const normalising = (preferences: Preferences): ((value: string) => string) =>
  remembering((value) => parsePreferences(value, preferences) ?? trimAroundCommas(value), {
    values: 256,
    length: 512,
  })

/** The fields in which clients state preferences (RFC 9110 §12.5.1 to §12.5.4). */
const preferenceFields: ReadonlyMap<string, (value: string) => string> = new Map([
  ['accept', normalising('media-ranges')],
  ['accept-charset', normalising('alternatives')],
  ['accept-encoding', normalising('alternatives')],
  ['accept-language', normalising('languages')],
])

/**
 * The form of a selecting field's value that is compared, by what RFC 9111 §4.1 allows: whitespace where it has no
 * meaning, letter case and order where the field's definition says so. Undefined is a field that is absent, which is
 * not the same as an empty one. A value that the field's grammar does not produce only loses whitespace around commas.
 *
 * @example
 * normaliseSelecting('accept-encoding', 'GZIP;q=1.0 , br') // 'br,gzip'
 */
export const normaliseSelecting = (name: string, value: string | undefined): string | undefined => {
  if (value === undefined) return undefined
  if (singletonFields.has(name)) return trimOws(value)
  const normalise = preferenceFields.get(name) ?? trimAroundCommas
  return normalise(value)
}

/**
 * The normalised values of the nominated fields, in the order of `fields` (RFC 9111 §4.1).
 *
 * @example
 * selectingValues(['accept', 'origin'], { accept: 'text/html' }) // ['text/html', undefined]
 */
export const selectingValues = (
  fields: readonly string[],
  headers: FieldMap,
): readonly (string | undefined)[] =>
  fields.map((name) => normaliseSelecting(name, fieldValue(headers, name)))

/**
 * The fields that either list nominates, lower-case and sorted as by {@link varyFields}; `a` itself where `b` adds
 * nothing to it.
 *
 * @example
 * unionVary(['accept'], ['accept', 'origin']) // ['accept', 'origin']
 */
export const unionVary = (a: readonly string[], b: readonly string[]): readonly string[] =>
  b.every((name) => a.includes(name)) ? a : sortedSet([...a, ...b])

/** Members of a Vary value with their first spelling, by their lower-case name. */
const spellings = (values: readonly (string | undefined)[]): Map<string, string> => {
  const members = new Map<string, string>()
  for (const value of values)
    for (const member of splitList(value ?? '')) {
      const name = member.toLowerCase()
      if (!members.has(name)) members.set(name, member)
    }
  return members
}

/**
 * One Vary value for what two layers declared: every member once, as first spelled, and `*` where either has it
 * (RFC 9110 §12.5.5).
 *
 * @example
 * mergeVaryValue('Origin', 'Accept, origin') // 'Origin, Accept'
 */
export const mergeVaryValue = (outer: string | undefined, inner: string | undefined): string | undefined => {
  const members = spellings([outer, inner])
  if (members.has('*')) return '*'
  return members.size === 0 ? undefined : [...members.values()].join(', ')
}

/**
 * The members of `final` that `outer` does not have, as a Vary value; undefined where there are none.
 *
 * @example
 * addedVary('Origin', 'origin, Accept') // 'Accept'
 */
export const addedVary = (outer: string | undefined, final: string | undefined): string | undefined => {
  const known = spellings([outer])
  const added = [...spellings([final])].filter(([name]) => !known.has(name))
  return added.length === 0 ? undefined : added.map(([, member]) => member).join(', ')
}
