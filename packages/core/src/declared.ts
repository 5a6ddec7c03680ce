import { methodClass } from './key.ts'
import { emitWarning, type Warn } from './option-check.ts'
import type { CachePolicy } from './options.ts'
import type { PathOptions } from './path-rules.ts'
import { mergeLayers, type Policy } from './policy.ts'
import { policyAsOptions } from './policy-as-options.ts'
import { type Statement as RouteStatement, type Rules, routeRules } from './route-rules.ts'
import type { CacheRequest } from './view.ts'

/**
 * What is configured for a route or for a pattern of paths.
 *
 * @example
 * for (const { method, route, policy, source }: RouteInfo of cache.routes()) console.log(method, route, policy, source)
 */
export interface RouteInfo {
  /** `*` for all that the policy caches. */
  readonly method: string
  /** The pattern of the route, or of the paths of a rule. */
  readonly route: string
  /**
   * All layers merged, times in seconds; false where nothing is cached. What is as it is by default is left out, but for
   * `staleIfError` and `methods`. Of tags only those that are no function's.
   */
  readonly policy: CachePolicy | false
  /** Where it was stated: `options`, `rule /docs/**`, `excludePaths`, or the call that declared the route. */
  readonly source: string
  readonly warnings: readonly string[]
}

interface Declared {
  readonly method: string
  readonly route: string
}

interface Statement {
  readonly rules: Rules
  readonly place: string
  readonly warnings: readonly string[]
  readonly at: Declared[]
}

/** Beyond this number routes are no longer listed: an application may make them for each tenant. */
const mostRoutes = 10_000

/** The routes that are declared with policies, as adapters learn of them. */
export class DeclaredRoutes {
  readonly #statements = new Map<Rules, Statement>()
  readonly #seen = new Set<string>()
  #lastRules: Rules | undefined
  #lastRoute: string | undefined
  #lastMethod: string | undefined

  /** The rules of a statement, remembered with what was warned of. */
  state(statement: RouteStatement, over: Rules): Rules {
    const warnings: string[] = []
    const warn: Warn = (code, message) => {
      warnings.push(message)
      emitWarning(code, message)
    }
    const rules = routeRules({ ...statement, warn }, over)
    const { place } = statement
    if (this.#statements.size < mostRoutes) this.#statements.set(rules, { rules, place, warnings, at: [] })
    return rules
  }

  /** A route is where these rules count. What was told last need not be looked up. */
  meet(rules: Rules, { method, route }: Pick<CacheRequest, 'method' | 'route'>): void {
    if (route === undefined) return
    if (rules === this.#lastRules && route === this.#lastRoute && method === this.#lastMethod) return
    this.#lastRules = rules
    this.#lastRoute = route
    this.#lastMethod = method
    const statement = this.#statements.get(rules)
    if (statement === undefined || this.#seen.size >= mostRoutes) return
    const shared = methodClass(method)
    const known = statement.at.some((each) => each.method === shared && each.route === route)
    if (known || !rules.policy.methods.has(method)) return
    this.#seen.add(`${shared} ${route}`)
    statement.at.push({ method: shared, route })
  }

  list(cache: Policy, { rules, includePaths, excludePaths }: PathOptions): readonly RouteInfo[] {
    const off = (route: string, source: string): RouteInfo => info('*', route, false, source)
    return [
      info('*', '/**', policyAsOptions(cache), 'options'),
      ...(includePaths ?? []).map(({ text }) => info('*', text, policyAsOptions(cache), 'includePaths')),
      ...rules.map(({ glob, layers, source }) =>
        info('*', glob.text, policyAsOptions(mergeLayers(cache, layers)), source),
      ),
      ...excludePaths.map(({ text }) => off(text, 'excludePaths')),
      ...[...this.#statements.values()].flatMap(({ rules: { policy }, place, warnings, at }) =>
        (at.length === 0 ? [{ method: '*', route: place }] : at).map(({ method, route }) =>
          info(method, route, policyAsOptions(policy), place, warnings),
        ),
      ),
    ]
  }
}

const info = (
  method: string,
  route: string,
  policy: CachePolicy | false,
  source: string,
  warnings: readonly string[] = [],
): RouteInfo => ({ method, route, policy, source, warnings })
