import { BoundedMap } from './bounded-map.ts'
import { copied } from './copied.ts'
import { compareGlobs, exactSegments, looseSegments, matchesSegments, type PathGlob } from './path-glob.ts'
import type { PolicyLayer } from './policy-check.ts'

/** What a rule says for the paths of its pattern: the named policy that it refers to, and itself. */
export interface PathRule {
  readonly glob: PathGlob
  readonly layers: readonly PolicyLayer[]
  /** As `cache.routes()` tells it. */
  readonly source: string
}

/** The rules of a cache by path, as they were stated. */
export interface PathOptions {
  readonly rules: readonly PathRule[]
  readonly includePaths: readonly PathGlob[] | undefined
  readonly excludePaths: readonly PathGlob[]
}

/** `off`: nothing is cached there; undefined: no rule. */
export type PathMatch = PathRule | 'off' | undefined

const mostRemembered = 10_000
/** A client can ask for paths of any length. */
const longestRemembered = 200

/**
 * Which rule a path goes by. Frameworks differ in which spellings they take for one path, so each path is matched as it
 * stands and in a form in which they are all alike; where the two disagree, nothing is cached.
 */
export class PathRules {
  readonly options: PathOptions
  readonly #memo = new BoundedMap<PathRule | 'off' | 'none'>(mostRemembered)

  constructor({ rules, ...paths }: PathOptions) {
    this.options = { ...paths, rules: [...rules].sort((a, b) => compareGlobs(a.glob, b.glob)) }
  }

  /** Whether any rule has a response to such a request stored. */
  states(method: string): boolean {
    return this.options.rules.some(({ layers }) =>
      layers.some(({ methods }) => methods?.has(method) === true),
    )
  }

  match(path: string): PathMatch {
    const known = this.#memo.get(path)
    if (known !== undefined) return known === 'none' ? undefined : known
    const found = this.#find(path)
    if (path.length <= longestRemembered) this.#memo.set(copied(path), found ?? 'none')
    return found
  }

  #find(path: string): PathMatch {
    const { rules, includePaths, excludePaths } = this.options
    const exact = exactSegments(path)
    const loose = looseSegments(path)
    const isExact = ({ segments }: PathGlob): boolean => matchesSegments(segments, exact)
    const isLoose = (glob: PathGlob): boolean => matchesSegments(glob.loose, loose)
    if (excludePaths.some((glob) => isExact(glob) || isLoose(glob))) return 'off'
    if (includePaths !== undefined && !(includePaths.some(isExact) && includePaths.some(isLoose)))
      return 'off'
    const rule = rules.find(({ glob }) => isExact(glob))
    const other = rules.find(({ glob }) => isLoose(glob))
    return rule?.glob.loose.join('/') === other?.glob.loose.join('/') ? rule : 'off'
  }
}
