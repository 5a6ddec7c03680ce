import { matchesGlob } from './glob.ts'
import type { QueryRule } from './key-check.ts'

/** More parameters than parsers commonly read: which of them count depends on their order then. */
const mostSorted = 256

/** As parsers do it: a broken escape stays as it is. Nothing is thrown, for a client may send thousands. */
const decodeName = (name: string): string => {
  const spaced = name.includes('+') ? name.replaceAll('+', ' ') : name
  if (!spaced.includes('%')) return spaced
  const bytes = spaced.replace(/%[0-9a-f]{2}/gi, (byte) =>
    String.fromCharCode(Number.parseInt(byte.slice(1), 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** Nested names such as `a[0]` and `a[]` build one value in some parsers, so their order among each other counts. */
const baseName = (name: string): string => name.replace(/^[[.]+/, '').split(/[[\].]/, 1)[0] ?? name

interface Parameter {
  readonly raw: string
  readonly name: string
}

const parameters = (query: string): Parameter[] =>
  query.split('&').map((raw) => {
    const at = raw.indexOf('=')
    return { raw, name: decodeName(at < 0 ? raw : raw.slice(0, at)) }
  })

const named = (rule: QueryRule, name: string): boolean =>
  rule.names.some((pattern) => matchesGlob(pattern, name))

/** `page[]` is kept with `page`, for a parser may make one of them; it is ignored only where both are named. */
const keeps = (rule: QueryRule, name: string): boolean =>
  rule.use === 'keep'
    ? named(rule, name) || named(rule, baseName(name))
    : !(named(rule, name) && named(rule, baseName(name)))

/** Different names in any order are one query; the order of a repeated name stays, for it carries meaning. */
const sortParameters = (list: Parameter[]): Parameter[] =>
  list.length > mostSorted
    ? list
    : list
        .map((parameter) => ({ parameter, base: baseName(parameter.name) }))
        .sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0))
        .map(({ parameter }) => parameter)

const hasFewerThan = (query: string, most: number): boolean => {
  let found = 0
  for (let at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1))
    if (++found >= most) return false
  return true
}

/** The part of the query that tells entries apart, in one order. */
export const keyedQuery = (query: string | undefined, rule: QueryRule): string | undefined => {
  if (query === undefined || rule.use === 'none') return undefined
  if (rule.use === 'all' && !query.includes('&')) return query
  // Too many to be sorted, and then there is no need to read their names.
  if (rule.use === 'all' && !hasFewerThan(query, mostSorted)) return query
  const list = parameters(query)
  const kept = rule.use === 'all' ? list : list.filter(({ name }) => keeps(rule, name))
  if (kept.length === 0) return undefined
  return sortParameters(kept)
    .map(({ raw }) => raw)
    .join('&')
}
