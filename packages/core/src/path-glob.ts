import { matchesGlob } from './glob.ts'

/** A pattern of paths: `*` and `?` stand for characters within a segment, `**` for any number of segments. */
export interface PathGlob {
  readonly text: string
  readonly segments: readonly string[]
  /** The same in the form in which spellings of one path are alike. */
  readonly loose: readonly string[]
}

const segmentsOf = (path: string): readonly string[] => path.split('/').slice(1)

export const pathGlob = (text: string): PathGlob => ({
  text,
  segments: segmentsOf(text),
  loose: segmentsOf(text.toLowerCase()).filter((segment) => segment !== ''),
})

/** How often a path may be encoded before it is no longer looked into. */
const mostDecodings = 4

const decoded = (path: string): string => {
  let text = path
  for (let round = 0; round < mostDecodings && text.includes('%'); round++) {
    const bytes = text.replace(/%[0-9a-f]{2}/gi, (octet) =>
      String.fromCharCode(Number.parseInt(octet.slice(1), 16)),
    )
    if (bytes === text) break
    text = Buffer.from(bytes, 'latin1').toString('utf8')
  }
  return text
}

/**
 * The segments of a path in the form in which all spellings are alike that some router takes for one: decoded, in lower
 * case, without parameters after `;`, without empty and dot segments.
 */
export const looseSegments = (path: string): readonly string[] => {
  const text = decoded(path).toLowerCase().replaceAll('\\', '/').split(/[?#;]/, 1)[0] ?? ''
  const kept: string[] = []
  for (const segment of text.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  return kept
}

export const exactSegments = (path: string): readonly string[] => segmentsOf(path)

/** Whether all segments match: two positions and one point to return to, as in a glob of characters. */
export const matchesSegments = (pattern: readonly string[], segments: readonly string[]): boolean => {
  let p = 0
  let s = 0
  let afterStars = -1
  let resume = 0
  while (s < segments.length) {
    const expected = pattern[p]
    if (expected === '**') {
      afterStars = ++p
      resume = s
    } else if (expected !== undefined && matchesGlob(expected, segments[s] ?? '')) {
      p++
      s++
    } else if (afterStars >= 0) {
      p = afterStars
      s = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '**') p++
  return p === pattern.length
}

const literals = (segment: string): number => segment.replaceAll(/[*?]/g, '').length
const isLiteral = (segment: string): boolean => literals(segment) === segment.length

/** Below 0 where `a` is the more specific of two segments. */
const compareSegments = (a: string | undefined, b: string | undefined): number => {
  const rank = (segment: string | undefined): number => {
    if (segment === undefined) return 2
    if (segment === '**') return 3
    return isLiteral(segment) ? 0 : 1
  }
  const difference = rank(a) - rank(b)
  return difference !== 0 || a === undefined || b === undefined ? difference : literals(b) - literals(a)
}

/** The more specific first: segment by segment, literal ones before wildcards, and `**` last. */
export const compareGlobs = (a: PathGlob, b: PathGlob): number => {
  const length = Math.max(a.segments.length, b.segments.length)
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.segments[at], b.segments[at]]
    const same = one !== undefined && other !== undefined && isLiteral(one) && isLiteral(other)
    const difference = same ? 0 : compareSegments(one, other)
    if (difference !== 0) return difference
  }
  return 0
}
