import type { FieldMap } from '../message.ts'
import type { ResponseDirectives } from './cache-control.ts'
import { maxDeltaSeconds } from './directives.ts'
import { fieldLines, hasField, isToken, splitList } from './fields.ts'
import { type BareItem, type InnerList, parseDictionary } from './structured-fields.ts'

/**
 * The targeted field that decides about a response, in lower case, and what it says (RFC 9213 §2.2).
 *
 * @example
 * const decisive: TargetedDirectives = { field: 'cdn-cache-control', directives: { maxAge: 60 } }
 */
export interface TargetedDirectives {
  readonly field: string
  readonly directives: ResponseDirectives
}

type Draft = { -readonly [Key in keyof ResponseDirectives]: ResponseDirectives[Key] }
type Member = BareItem | InnerList

/** Takes a member into the draft; false where its type is not the one that RFC 9213 §2.1 infers. */
type Reader = (draft: Draft, member: Member) => boolean

const isFalse = (member: Member): boolean => member.type === 'boolean' && !member.value
const isTrue = (member: Member): boolean => member.type === 'boolean' && member.value

/** A directive without a value: any value but `?0`, which says that it is not there, still restricts. */
const restriction =
  (key: 'noStore' | 'mustRevalidate' | 'proxyRevalidate' | 'mustUnderstand' | 'noTransform'): Reader =>
  (draft, member) => {
    if (!isFalse(member)) draft[key] = true
    return member.type === 'boolean'
  }

/** A directive that permits: only intact. */
const permission: Reader = (draft, member) => {
  if (isTrue(member)) draft.public = true
  return member.type === 'boolean'
}

/** The lower-case field names in a String; undefined where there are none, or something else is among them. */
const fieldNames = (member: Member): readonly string[] | undefined => {
  if (member.type !== 'string') return undefined
  const names = splitList(member.value.toLowerCase())
  return names.length > 0 && names.every(isToken) ? [...new Set(names)] : undefined
}

/** A restriction that a String limits to the fields it lists; any other value restricts the whole. */
const qualifiable =
  (key: 'noCache' | 'private'): Reader =>
  (draft, member) => {
    if (isFalse(member)) return true
    const names = fieldNames(member)
    draft[key] = names ?? true
    return names !== undefined || member.type === 'boolean'
  }

/** A time in seconds: one that is no Integer, or negative, permits nothing. */
const seconds =
  (key: 'maxAge' | 'sMaxage' | 'staleWhileRevalidate' | 'staleIfError'): Reader =>
  (draft, member) => {
    const isIntact = member.type === 'integer' && member.value >= 0
    draft[key] = isIntact ? Math.min(member.value, maxDeltaSeconds) : 0
    return isIntact
  }

const readers: ReadonlyMap<string, Reader> = new Map([
  ['no-store', restriction('noStore')],
  ['no-cache', qualifiable('noCache')],
  ['private', qualifiable('private')],
  ['public', permission],
  ['must-revalidate', restriction('mustRevalidate')],
  ['proxy-revalidate', restriction('proxyRevalidate')],
  ['must-understand', restriction('mustUnderstand')],
  ['no-transform', restriction('noTransform')],
  ['max-age', seconds('maxAge')],
  ['s-maxage', seconds('sMaxage')],
  ['stale-while-revalidate', seconds('staleWhileRevalidate')],
  ['stale-if-error', seconds('staleIfError')],
])

/**
 * The directives in a Dictionary. RFC 9213 §2.1 would have a value of a wrong type not consumed; but whoever wrote a
 * damaged restriction meant to restrict, so it does, and a damaged permission permits nothing.
 */
const readDirectives = (dictionary: ReadonlyMap<string, Member>): ResponseDirectives => {
  const draft: Draft = {}
  for (const [name, read] of readers) {
    const member = dictionary.get(name)
    if (member !== undefined && !read(draft, member)) draft.damaged = true
  }
  // RFC 9111 §5.2.2.3: must-understand overrides no-store, which is a permission; beside damage there is none.
  if (draft.damaged === true && draft.noStore === true) delete draft.mustUnderstand
  return Object.freeze(draft)
}

/**
 * The first field of the target list that is valid and not empty; where there is one, Cache-Control and Expires do not
 * count (RFC 9213 §2.2). A field that does not parse, or is empty, is passed over (§2.1).
 *
 * @example
 * targetedDirectives({ 'cdn-cache-control': 'max-age=60' }, ['stowage-cache-control', 'cdn-cache-control'])
 * // { field: 'cdn-cache-control', directives: { maxAge: 60 } }
 */
export const targetedDirectives = (
  headers: FieldMap,
  targets: readonly string[],
): TargetedDirectives | undefined => {
  for (const target of targets) {
    const field = target.toLowerCase()
    // The plain look-up first: on nearly every response, no target is there.
    if (headers[field] === undefined || !hasField(headers, field)) continue
    const dictionary = parseDictionary(fieldLines(headers, field))
    if (dictionary === undefined || dictionary.size === 0) continue
    return { field, directives: readDirectives(dictionary) }
  }
  return undefined
}
