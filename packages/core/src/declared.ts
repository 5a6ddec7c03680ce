import { emitWarning, type Warn } from './option-check.ts'
import type { CachePolicy, TtlOption } from './options.ts'
import type { PathOptions } from './path-rules.ts'
import { mergeLayers, type Policy } from './policy.ts'
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
  /** All layers merged, defaults left out, times in seconds; false where nothing is cached. */
  readonly policy: CachePolicy | false
  /** Where it was stated: `options`, `rule /docs/**`, `excludePaths`, or the call that declared the route. */
  readonly source: string
  readonly warnings: readonly string[]
}

const seconds = (ms: number): number => ms / 1000

const ttlOf = ({ ttl }: Policy): CachePolicy['ttl'] =>
  typeof ttl === 'number'
    ? seconds(ttl)
    : typeof ttl === 'function'
      ? (...views) => ttl(...views) as TtlOption
      : ttl

/** A policy as its options: what is as it is by default is left out. */
const shown = (policy: Policy): CachePolicy | false => {
  if (policy.ttl === false) return false
  const { key, scope, tags, inheritedTags, softTimeout, hardTimeout, staleWhileRevalidate } = policy
  const ttl = ttlOf(policy)
  const named = [...inheritedTags, tags].flatMap((each) => (typeof each === 'function' ? [] : each))
  const { query, headers, cookies, by } = key
  const rules = {
    ...(query.use === 'keep' ? { query: query.names } : {}),
    ...(query.use === 'none' ? { query: 'none' as const } : {}),
    ...(query.use === 'ignore' ? { query: { ignore: query.names } } : {}),
    ...(headers.length > 0 ? { headers } : {}),
    ...(cookies.length > 0 ? { cookies } : {}),
    ...(by.length > 0 ? { by: Object.fromEntries(by) } : {}),
  }
  return {
    ...(ttl === undefined ? {} : { ttl }),
    ...(policy.precedence === 'policy' ? { precedence: 'policy' as const } : {}),
    ...(staleWhileRevalidate > 0 ? { staleWhileRevalidate: seconds(staleWhileRevalidate) } : {}),
    staleIfError: seconds(policy.staleIfError),
    ...(softTimeout === undefined ? {} : { softTimeout: seconds(softTimeout) }),
    ...(hardTimeout === undefined ? {} : { hardTimeout: seconds(hardTimeout) }),
    ...(scope === undefined ? {} : { scope }),
    ...(named.length > 0 ? { tags: [...new Set(named)] } : {}),
    ...(Object.keys(rules).length > 0 ? { key: rules } : {}),
    methods: [...policy.methods] as NonNullable<CachePolicy['methods']>,
  }
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
    const shared = method === 'HEAD' ? 'GET' : method
    const known = statement.at.some((each) => each.method === shared && each.route === route)
    if (known || !rules.policy.methods.has(method)) return
    this.#seen.add(`${shared} ${route}`)
    statement.at.push({ method: shared, route })
  }

  list(cache: Policy, { rules, includePaths, excludePaths }: PathOptions): readonly RouteInfo[] {
    const off = (route: string, source: string): RouteInfo => info('*', route, false, source)
    return [
      info('*', '/**', shown(cache), 'options'),
      ...(includePaths ?? []).map(({ text }) => info('*', text, shown(cache), 'includePaths')),
      ...rules.map(({ glob, layers, source }) =>
        info('*', glob.text, shown(mergeLayers(cache, layers)), source),
      ),
      ...excludePaths.map(({ text }) => off(text, 'excludePaths')),
      ...[...this.#statements.values()].flatMap(({ rules: { policy }, place, warnings, at }) =>
        (at.length === 0 ? [{ method: '*', route: place }] : at).map(({ method, route }) =>
          info(method, route, shown(policy), place, warnings),
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
