import { inspect } from 'node:util'
import { CacheConfigError, type ConfigProblem, type Selector } from '@stowage/core'
import type { FastifyInstance, onRequestHookHandler, onResponseHookHandler, RouteOptions } from 'fastify'
import { afterUnseen, hasOnlyOurs } from './on-send.ts'
import { type Cache, hookAt, type Scope, seenToEnd } from './requests.ts'
import { isUnsafe } from './unseen.ts'

/** Throws every problem of one place at once: those that are known, and those that `make` finds. */
export const together = <T>(problems: readonly ConfigProblem[], make: () => T): T => {
  const [first, ...rest] = problems
  try {
    const made = make()
    if (first === undefined) return made
  } catch (error) {
    if (!(error instanceof CacheConfigError)) throw error
    throw new CacheConfigError([...error.problems, ...problems] as [ConfigProblem, ...ConfigProblem[]])
  }
  throw new CacheConfigError([first, ...rest])
}

const selectorProblems = (cache: Cache, selector: unknown, where: string): readonly ConfigProblem[] => {
  if (selector === undefined || typeof selector === 'function') return []
  try {
    cache.checkSelector(selector as Selector)
    return []
  } catch (error) {
    if (!(error instanceof CacheConfigError)) throw error
    return error.problems.map((problem) => ({
      ...problem,
      path: 'cacheInvalidates',
      message: `${where}: cacheInvalidates: ${problem.message}`,
    }))
  }
}

/** As text, which is the same in each process. The host is in the key already. */
const constraintsOf = ({ host: _, ...others }: Record<string, unknown>): string | undefined =>
  Object.keys(others).length === 0
    ? undefined
    : inspect(others, { sorted: true, breakLength: Number.POSITIVE_INFINITY })

/** Validates what a route says and gives it the hook, where the cache has anything to do there. */
export const declareRoute = (scope: Scope, app: FastifyInstance, route: RouteOptions): void => {
  const { cache: policy, cacheInvalidates: selector } = route.config ?? {}
  const methods = [route.method].flat()
  const where = `${methods.join(',')} ${route.url}`
  const rules = together(selectorProblems(scope.cache, selector, where), () =>
    policy === undefined ? scope.rules : scope.cache.policy(policy, where, scope.rules),
  )
  if (rules !== undefined)
    for (const method of methods) scope.cache.declare(rules, { method, route: route.url })
  const concerns = (method: string): boolean => isUnsafe(method) || scope.cache.mayStore(method, rules)
  // Who has switched a route off finds that in Cache-Status.
  if (policy === undefined && selector === undefined && !methods.some(concerns)) return
  const invalidates = typeof selector === 'object' ? () => selector : selector
  let alone: boolean | undefined
  // Asked at the first hit: until the server is ready others may add theirs.
  const isAlone = (): boolean => {
    alone ??= hasOnlyOurs(app) && [route.onSend ?? []].flat().length === 0
    return alone
  }
  const constraints = constraintsOf(route.constraints ?? {})
  const hook = hookAt({ scope, rules, route: route.url, constraints, invalidates, isAlone })
  if (methods.some(isUnsafe)) {
    route.handler = seenToEnd(route.handler)
    route.onResponse = [route.onResponse ?? [], afterUnseen(scope.cache)].flat() as onResponseHookHandler[]
  }
  // A new list: the one that is there belongs to the user, who may give it to several routes.
  route[scope.hook] = [route[scope.hook] ?? [], hook].flat() as onRequestHookHandler[]
}
