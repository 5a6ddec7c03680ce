import type { NamedPolicies } from './named-check.ts'
import { checkRoute, emitWarning, type Warn } from './option-check.ts'
import type { RoutePolicy } from './options.ts'
import type { PathMatch, PathRules } from './path-rules.ts'
import { mergeLayers, optIn, type Policy } from './policy.ts'
import type { PolicyLayer } from './policy-check.ts'
import { type CacheRequest, splitTarget } from './view.ts'

/** What a route, or the whole cache, says: what lies below the rules by path, and what lies above them. */
export interface Rules {
  /** Where no rule by path counts. */
  readonly policy: Policy
  readonly base: Policy
  readonly layers: readonly PolicyLayer[]
  /** Whether a ttl is there in any case. */
  readonly optsIn: boolean
  /** Policies under the rules by path. */
  readonly under: Map<PathMatch, Policy>
}

const rulesFrom = (base: Policy, layers: readonly PolicyLayer[], optsIn: boolean): Rules => {
  const merged = mergeLayers(base, layers)
  return { policy: optsIn ? optIn(merged) : merged, base, layers, optsIn, under: new Map() }
}

/** The options of a cache, as the rules of what has none of its own. */
export const rulesOfCache = (policy: Policy): Rules => rulesFrom(policy, [], false)

/** How a policy is stated in an application. */
export interface Statement {
  readonly route: RoutePolicy | undefined
  readonly overrides?: unknown
  readonly place: string
  readonly named: NamedPolicies
  readonly warn?: Warn
}

const layersOf = ({ route, overrides, place, named, warn = emitWarning }: Statement, over: Rules) =>
  checkRoute(route, overrides, place, warn, { weaker: over.policy, named })

/** Naming a route opts it in: where neither it nor anything below states a ttl, it is 300 s. */
export const routeRules = (statement: Statement, over: Rules): Rules =>
  rulesFrom(over.base, [...over.layers, ...layersOf(statement, over)], true)

/** Defaults of a part of an application: they lie below the rules by path, and opt nothing in. */
export const defaultRules = (statement: Statement, over: Rules): Rules =>
  rulesFrom(mergeLayers(over.base, layersOf(statement, over)), over.layers, over.optsIn)

/** The policy for a request: the rule of its path lies under what its route says. */
export const policyAt = (paths: PathRules | undefined, request: CacheRequest, rules: Rules): Policy => {
  if (paths === undefined) return rules.policy
  const match = paths.match(splitTarget(request.url).path)
  if (match === undefined) return rules.policy
  const known = rules.under.get(match)
  if (known !== undefined) return known
  const made: Policy =
    match === 'off'
      ? { ...rules.policy, ttl: false }
      : (rules.optsIn ? optIn : same)(mergeLayers(rules.base, [...match.layers, ...rules.layers]))
  rules.under.set(match, made)
  return made
}

const same = (policy: Policy): Policy => policy
