import { splitList } from './fields.ts'

/**
 * The three kinds of preference lists (RFC 9110 §12.5): in `alternatives` (codings, charsets) the order says nothing;
 * in `media-ranges` and `languages` it does so by the definition too, but recipients take it for a priority among
 * equal weights (§12.5.4), so there it is kept among them.
 */
export type Preferences = 'media-ranges' | 'languages' | 'alternatives'

interface Preference {
  readonly range: string
  /** Thousandths. */
  readonly weight: number
}

const tokenRange = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const mediaRange = /[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const parameter =
  /[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[^"\\]|\\.)*")/sy
const qvalue = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/

/** A weight in thousandths; undefined where it is not one (RFC 9110 §12.4.2). */
const parseWeight = (text: string): number | undefined =>
  qvalue.test(text) ? Math.round(Number(text) * 1000) : undefined

/**
 * One range with its weight (RFC 9110 §12.5.1). Names are lower-case, the values of parameters stay as they are.
 * Undefined where the grammar does not produce it; nor may anything follow the weight, because before RFC 9110
 * what followed was no parameter of the range.
 */
const parsePreference = (member: string, preferences: Preferences): Preference | undefined => {
  const isMedia = preferences === 'media-ranges'
  const pattern = isMedia ? mediaRange : tokenRange
  pattern.lastIndex = 0
  let range = pattern.exec(member)?.[0].toLowerCase()
  if (range === undefined) return undefined
  let at = range.length
  while (at < member.length) {
    parameter.lastIndex = at
    const [text, name, value] = parameter.exec(member) ?? []
    if (text === undefined || name === undefined || value === undefined) return undefined
    at += text.length
    if (name === 'q' || name === 'Q') {
      const weight = at === member.length ? parseWeight(value) : undefined
      return weight === undefined ? undefined : { range, weight }
    }
    if (!isMedia) return undefined
    range += `;${name.toLowerCase()}=${value}`
  }
  return { range, weight: 1000 }
}

const format = ({ range, weight }: Preference): string =>
  weight === 1000 ? range : `${range};q=${weight / 1000}`

const compare = (a: Preference, b: Preference): number => (a.range < b.range ? -1 : 1)

/**
 * A list of preferences in its normal form, or undefined where a member is not one. Which of two weights for the same
 * range holds is not defined, so a list that repeats a range keeps its order.
 */
export const parsePreferences = (value: string, preferences: Preferences): string | undefined => {
  const list: Preference[] = []
  const ranges = new Set<string>()
  for (const member of splitList(value)) {
    const preference = parsePreference(member, preferences)
    if (preference === undefined) return undefined
    list.push(preference)
    ranges.add(preference.range)
  }
  if (ranges.size === list.length)
    list.sort(preferences === 'alternatives' ? compare : (a, b) => b.weight - a.weight)
  return list.map(format).join(',')
}
