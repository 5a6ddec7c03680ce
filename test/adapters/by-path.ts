import type { CacheOptions, CachePolicy, RoutePolicy } from '@stowage/core'

/** A path, or a pattern of paths, and what its route would say. */
export interface PolicyAtPath {
  readonly path: string
  readonly policy?: RoutePolicy | undefined
}

/** Naming a route opts it in; a rule does so by a ttl, for which this is what a route has without one. */
const routeTtl = '5m'

const withTtl = (policy: CachePolicy, { ttl }: CacheOptions): CachePolicy =>
  (policy.ttl ?? policy.timeout ?? ttl) === undefined ? { ...policy, ttl: routeTtl } : policy

const ruleOf = (policy: RoutePolicy, options: CacheOptions): RoutePolicy => {
  if (typeof policy === 'object') return withTtl(policy, options)
  const named = typeof policy === 'string' ? options.policies?.[policy] : undefined
  return named === undefined || withTtl(named, options) === named ? policy : withTtl(named, options)
}

/** The policies of routes as rules by path: for a cache in front of a framework, which knows no routes. */
export const withRules = (routes: readonly PolicyAtPath[], options: CacheOptions): CacheOptions => {
  const stated = routes.flatMap(({ path, policy }) =>
    policy === undefined ? [] : [[path, ruleOf(policy, options)] as const],
  )
  if (stated.length === 0) return options
  return { ...options, rules: { ...options.rules, ...Object.fromEntries(stated) } }
}
