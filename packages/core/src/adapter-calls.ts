import type { Parts } from './cache-parts.ts'
import type { Forward } from './decision.ts'
import type { DeclaredRoutes } from './declared.ts'
import { ForwardedRequest } from './forward.ts'
import type { Lookup } from './lookup.ts'
import type { RoutePolicy } from './options.ts'
import type { Policy } from './policy.ts'
import type { ResponseCache, RouteRules } from './response-cache.ts'
import { defaultRules, policyAt, type Rules } from './route-rules.ts'
import { invalidationOf } from './selector.ts'
import type { CacheRequest } from './view.ts'

/** An adapter hands back what `policy()` made; what is inside belongs to the core. */
const sealed = (rules: Rules): RouteRules => rules as unknown as RouteRules
const opened = (rules: RouteRules | undefined, otherwise: Rules): Rules =>
  rules === undefined ? otherwise : (rules as unknown as Rules)

/** An adapter hands back what `lookup()` answered. */
const ownOf = (forward: Forward): ForwardedRequest => {
  if (forward instanceof ForwardedRequest) return forward
  throw new TypeError('a Forward of another cache')
}

/** What adapters ask of a cache, beside what everybody may. */
export type AdapterCalls<Req> = Pick<
  ResponseCache<Req>,
  | 'lookup'
  | 'bypass'
  | 'policy'
  | 'defaults'
  | 'declare'
  | 'mayStore'
  | 'refine'
  | 'checkSelector'
  | 'invalidateAfter'
>

/** `own`: the rules where a route has none. */
export const adapterCalls = <Req>(
  { settings: { named, paths } }: Parts,
  lookup: Lookup,
  own: Rules,
  declared: DeclaredRoutes,
): AdapterCalls<Req> => {
  const at = (request: CacheRequest, rules: RouteRules): Policy => {
    declared.meet(opened(rules, own), request)
    return policyAt(paths, request, opened(rules, own))
  }
  return {
    lookup: (request, rules) =>
      rules === undefined ? lookup.lookupInFront(request) : lookup.lookup(request, at(request, rules)),
    bypass: (request) => lookup.bypass(request),
    policy: (route, place = 'cache.route', over, overrides) => {
      const statement = { route: route as RoutePolicy | undefined, overrides, place, named }
      return sealed(declared.state(statement, opened(over, own)))
    },
    defaults: (defaults, place, over) =>
      sealed(defaultRules({ route: defaults as RoutePolicy, place, named }, opened(over, own))),
    declare: (rules, where) => declared.meet(opened(rules, own), where),
    mayStore: (method, rules) => {
      const { ttl, methods } = opened(rules, own).policy
      // A rule by path may state another ttl, and other methods.
      if (paths === undefined) return ttl !== false && methods.has(method)
      return methods.has(method) || paths.states(method)
    },
    refine: (forward, rules) => ownOf(forward).refine(at(forward.request, rules)),
    checkSelector: (selector, options, place) => void invalidationOf(selector, options, place),
    invalidateAfter: (forward, selector, options) =>
      ownOf(forward).invalidatesAfter(() => invalidationOf(selector(), options)),
  }
}
