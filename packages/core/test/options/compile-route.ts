import type { Warn } from '../../src/option-check.ts'
import type { RoutePolicy } from '../../src/options.ts'
import type { Policy } from '../../src/policy.ts'
import { routeRules, rulesOfCache } from '../../src/route-rules.ts'

/** The policy of a route over that of its cache, where nothing is said by name or path. */
export const compileRoute = <Req = unknown>(
  base: Policy<Req>,
  route: RoutePolicy<Req> | undefined,
  place: string,
  warn?: Warn,
): Policy<Req> => {
  const statement = {
    route: route as RoutePolicy | undefined,
    place,
    named: new Map(),
    ...(warn && { warn }),
  }
  return routeRules(statement, rulesOfCache(base as Policy)).policy as Policy<Req>
}
