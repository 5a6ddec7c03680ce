import { parseDuration } from './durations.ts'
import { nearest, showValue } from './errors.ts'
import { type PathGlob, pathGlob } from './path-glob.ts'
import type { PathRule } from './path-rules.ts'
import { type PolicyLayer, policyChecks } from './policy-check.ts'
import {
  type Check,
  checkElement,
  checkList,
  checkMembers,
  inside,
  isPlain,
  refuse,
  refuseType,
  type Spot,
  showReceived,
} from './value-check.ts'

/** The named policies of a cache. */
export type NamedPolicies = ReadonlyMap<string, PolicyLayer>

const expectedPolicy = 'a policy, the name of one, a duration or false'

/** What is written like a duration, right or wrong, is meant as one. */
const looksLikeDuration = (text: string): boolean => /^\s*[-+.\d]/.test(text)

const unknownPolicy = (name: string, named: NamedPolicies, spot: Spot): undefined => {
  const names = [...named.keys()]
  const defined = names.length === 0 ? 'None is.' : `Defined: ${names.map((each) => `"${each}"`).join(', ')}.`
  const sentence = `policy ${showValue(name)} is not defined. ${defined}`
  return refuse(spot, 'CACHE_CONFIG_POLICY_UNKNOWN', name, sentence, nearest(name, names))
}

/** The layers of a policy as a route or a rule states it, the weakest first. */
export const checkStated = (
  value: unknown,
  named: NamedPolicies,
  spot: Spot,
  advise: (name: string) => string | undefined,
): readonly PolicyLayer[] => {
  if (value === undefined) return []
  if (typeof value === 'string' && !looksLikeDuration(value)) {
    const layer = named.get(value)
    if (layer === undefined) unknownPolicy(value, named, spot)
    return layer === undefined ? [] : [layer]
  }
  const bare = value === false || typeof value === 'number' || typeof value === 'string'
  if (bare) return [checkMembers({ ttl: value }, policyChecks, spot, advise)]
  if (isPlain(value)) return [checkMembers(value, policyChecks, spot, advise)]
  if (spot.path !== '') refuseType(spot, value, expectedPolicy)
  else {
    const sentence = `a policy must be a plain object, a duration or false; received ${showReceived(value)}.`
    refuse(spot, 'CACHE_CONFIG_TYPE', value, sentence)
  }
  return []
}

const checkNamed: Check<NamedPolicies> = (value, spot) => {
  if (!isPlain(value)) return refuseType(spot, value, 'an object such as { catalogue: { ttl: "5m" } }')
  const named = new Map<string, PolicyLayer>()
  for (const [name, policy] of Object.entries(value)) {
    const at = inside(spot, name)
    if (name === '' || looksLikeDuration(name) || parseDuration(name) !== undefined) {
      const sentence = `${spot.path} has the name ${showValue(name)}, which reads as a duration. Begin it with a letter.`
      refuse(at, 'CACHE_CONFIG_RANGE', name, sentence)
    } else if (policy === undefined) continue
    else if (isPlain(policy)) named.set(name, checkMembers(policy, policyChecks, at))
    else refuseType(at, policy, 'a policy such as { ttl: "5m" }')
  }
  return named
}

/** A path with `*`, `?` and `**`: nothing else has a meaning in it. */
const checkGlob: Check<PathGlob> = (value, spot) => {
  const text = checkElement('a path')(value, spot)
  if (text === undefined) return undefined
  const why = !text.startsWith('/')
    ? 'must begin with "/"'
    : /[^/]\*\*|\*\*[^/]/.test(text)
      ? 'has "**" beside other characters: it stands for whole segments'
      : /[#;%]|\?.*=/.test(text)
        ? 'is no path: queries, fragments and escapes have no place in it'
        : undefined
  if (why === undefined) return pathGlob(text)
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, `${spot.path} ${showValue(text)} ${why}.`)
}

/** A rule before the names in it are known. */
export interface StatedRule {
  readonly glob: PathGlob
  readonly stated: unknown
}

const checkStatedRules: Check<readonly StatedRule[]> = (value, spot) => {
  if (!isPlain(value)) return refuseType(spot, value, 'an object such as { "/docs/**": "1h" }')
  return Object.entries(value).flatMap(([text, stated]) => {
    const glob = stated === undefined ? undefined : checkGlob(text, spot)
    return glob === undefined ? [] : [{ glob, stated }]
  })
}

/** The rules with the policies that they name. */
export const resolveRules = (
  stated: readonly StatedRule[],
  named: NamedPolicies,
  spot: Spot,
): readonly PathRule[] =>
  stated.map(({ glob, stated: value }) => ({
    glob,
    layers: checkStated(value, named, inside(spot, glob.text), () => undefined),
    source: `rule ${glob.text}${typeof value === 'string' && named.has(value) ? `, policy ${value}` : ''}`,
  }))

/** The options that choose policies by name and path. */
export const choiceChecks = {
  policies: checkNamed,
  rules: checkStatedRules,
  includePaths: checkList(checkGlob, 'a list of paths'),
  excludePaths: checkList(checkGlob, 'a list of paths'),
}
