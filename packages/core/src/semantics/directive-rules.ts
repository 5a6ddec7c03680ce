import { lettersOf, maxDeltaSeconds, parseDeltaSeconds, readDirectives } from './directives.ts'
import { trimOws } from './whitespace.ts'

type Flag =
  | 'noStore'
  | 'noTransform'
  | 'mustRevalidate'
  | 'proxyRevalidate'
  | 'mustUnderstand'
  | 'public'
  | 'onlyIfCached'
type FieldList = 'noCache' | 'private'
type Seconds = 'maxAge' | 'sMaxage' | 'staleWhileRevalidate' | 'staleIfError' | 'minFresh' | 'maxStale'

/** What has been read of a value so far. `bound` is a lifetime under a misspelt name: it may shorten, never grant. */
export type Draft = Partial<
  Record<Flag, true> & Record<FieldList, true | string[]> & Record<Seconds, number>
> & {
  bound?: number
  damaged?: true
}

/** How one directive is read, and what it means where it was meant but is damaged. */
export interface Rule {
  readonly name: string
  readonly key: Flag | FieldList | Seconds
  /** Whether even the bare name inside a quoted argument restricts. */
  readonly restriction: boolean
  /** Takes an intact element; false where its argument is damaged. */
  readonly read: (draft: Draft, argument: string | undefined) => boolean
  /** Takes a misspelt name with its argument, or a name found where no directive could be read. */
  readonly restrict: (draft: Draft, argument?: string) => void
}

/** A restriction without an argument: whatever argument it has, it restricts. */
export const restriction = (name: string, key: Flag | FieldList): Rule => ({
  name,
  key,
  restriction: true,
  read: (draft, argument) => {
    draft[key] = true
    return argument === undefined
  },
  restrict: (draft) => {
    draft[key] = true
  },
})

/** A permission without an argument: with any argument it permits nothing. */
export const permission = (name: string, key: Flag): Rule => ({
  name,
  key,
  restriction: false,
  read: (draft, argument) => {
    if (argument !== undefined) return false
    draft[key] = true
    return true
  },
  restrict: () => {},
})

/** Of the characters of a token, those that fields are named with: an apostrophe, say, is damage to a quote. */
const fieldName = /^[a-z0-9_.-]+$/

/** What nobody calls a field: `private=true` and `private=1` are meant to be `private`. */
const answer = /^(?:[0-9_.-]+|true|false|yes|no|on|off)$/

/**
 * The lower-case names of a qualified form; undefined where anything in the list is no field name. Neither an empty
 * element nor whitespace at an end is let pass: the quote may then be a stray one, closed by that of another element.
 */
const fieldNames = (argument: string): string[] | undefined => {
  if (argument !== trimOws(argument)) return undefined
  const names = argument
    .toLowerCase()
    .split(',')
    .map((part) => trimOws(part))
  return names.every((name) => fieldName.test(name) && !answer.test(name)) ? names : undefined
}

/** RFC 9111 §5.2.2.4, §5.2.2.7: unqualified, or qualified by field names; lists unite, the unqualified form wins. */
export const qualifiable = (name: string, key: FieldList): Rule => ({
  ...restriction(name, key),
  read: (draft, argument) => {
    const names = argument === undefined ? undefined : fieldNames(argument)
    const known = draft[key]
    if (names === undefined) draft[key] = true
    else if (known === undefined) draft[key] = names
    else if (known !== true) for (const field of names) known.push(field)
    return argument === undefined || names !== undefined
  },
})

const lower = (draft: Draft, key: Seconds, seconds: number): void => {
  draft[key] = Math.min(draft[key] ?? seconds, seconds)
}

const secondsOf = (argument: string | undefined): number | undefined =>
  argument === undefined ? undefined : parseDeltaSeconds(argument)

/** A time that permits less the smaller it is: the smallest counts, and 0 where it is damaged (RFC 9111 §4.2.1). */
export const atMost = (name: string, key: Seconds): Rule => ({
  name,
  key,
  restriction: false,
  read: (draft, argument) => {
    const seconds = secondsOf(argument)
    lower(draft, key, seconds ?? 0)
    return seconds !== undefined
  },
  restrict: (draft) => lower(draft, key, 0),
})

/** A lifetime: as `atMost`, but under a misspelt name (`s-max-age=60`) it only shortens the lifetimes that are intact. */
export const lifetime = (name: string, key: 'maxAge' | 'sMaxage'): Rule => ({
  ...atMost(name, key),
  restrict: (draft, argument) => {
    const seconds = secondsOf(argument)
    if (seconds === undefined) lower(draft, key, 0)
    else draft.bound = Math.min(draft.bound ?? seconds, seconds)
  },
})

/** A time that restricts more the greater it is: the greatest counts, and the greatest possible where it is damaged. */
export const atLeast = (name: string, key: Seconds): Rule => ({
  name,
  key,
  restriction: false,
  read: (draft, argument) => {
    const seconds = secondsOf(argument)
    draft[key] = Math.max(draft[key] ?? 0, seconds ?? maxDeltaSeconds)
    return seconds !== undefined
  },
  restrict: (draft) => {
    draft[key] = maxDeltaSeconds
  },
})

/** A time that the client permits: the smallest counts, a damaged one not at all. `bare` is its meaning without value. */
export const permittedSeconds = (name: string, key: Seconds, bare: number | undefined): Rule => ({
  name,
  key,
  restriction: false,
  read: (draft, argument) => {
    const seconds = argument === undefined ? bare : parseDeltaSeconds(argument)
    if (seconds !== undefined) lower(draft, key, seconds)
    return seconds !== undefined
  },
  restrict: () => {},
})

/** Rules by the letters of their names, in the order in which a result lists its keys. */
export type RuleTable = ReadonlyMap<string, Rule>

export const ruleTable = (...rules: readonly Rule[]): RuleTable =>
  new Map(rules.map((rule) => [lettersOf(rule.name), rule]))

/** RFC 9111 §5.2: what a value says by these rules; a damaged restriction restricts, a damaged permission permits nothing. */
export const readByRules = (value: string, rules: RuleTable): Draft => {
  const list = readDirectives(value)
  const draft: Draft = list.damaged || list.unreadable ? { damaged: true } : {}
  for (const { name, argument } of list.directives) {
    const rule = rules.get(lettersOf(name))
    if (rule === undefined) continue
    const intact = rule.name === name && rule.read(draft, argument)
    if (!intact) draft.damaged = true
    if (rule.name !== name) rule.restrict(draft, argument)
  }
  for (const [letters, rule] of rules) {
    const quoted = rule.restriction && list.quotes(letters)
    if (quoted) draft.damaged = true
    if (quoted || list.unreadable || list.mayName(letters)) rule.restrict(draft)
  }
  return draft
}
