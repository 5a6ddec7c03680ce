import { inspect } from 'node:util'
import { isUnsafe } from '@stowage/core'
import { checkAll, selectorFor } from '@stowage/node'
import type { FastifyInstance, onRequestHookHandler, RouteOptions } from 'fastify'
import { hasOnlyOurs } from './instance-hooks.ts'
import { hookAt, seenToEnd } from './place.ts'
import type { Scope } from './scope.ts'

/** As text, which is the same in each process. The host is in the key already. */
const constraintsOf = ({ host: _, ...others }: Record<string, unknown>): string | undefined =>
  Object.keys(others).length === 0
    ? undefined
    : inspect(others, { sorted: true, breakLength: Number.POSITIVE_INFINITY })

/** Validates what a route says and gives it the hook, where the cache has anything to look up there. */
export const declareRoute = (scope: Scope, app: FastifyInstance, route: RouteOptions): void => {
  const { cache } = scope
  const { cache: policy, cacheInvalidates: selector } = route.config ?? {}
  const methods = [route.method].flat()
  const where = `${methods.join(',')} ${route.url}`
  const named = { site: `${where}: cacheInvalidates`, path: 'cacheInvalidates' }
  const [rules] = checkAll(
    () => (policy === undefined ? scope.rules : cache.policy(policy, where, scope.rules)),
    () => selector && selectorFor(cache, selector, undefined, named),
  )
  for (const method of methods) cache.declare(rules, { method, route: route.url })
  if (selector !== undefined && !methods.every(isUnsafe)) scope.invalidatesSafely = true
  if (methods.some(isUnsafe)) route.handler = seenToEnd(route.handler)
  // Who has switched a route off finds that in Cache-Status.
  if (policy === undefined && !methods.some((method) => cache.mayStore(method, rules))) return
  let alone: boolean | undefined
  // Asked at the first hit: until the server is ready others may add theirs.
  const isAlone = (): boolean => {
    alone ??= hasOnlyOurs(app) && [route.onSend ?? []].flat().length === 0
    return alone
  }
  const constraints = constraintsOf(route.constraints ?? {})
  const hook = hookAt({ scope, rules, route: route.url, constraints, isAlone })
  // A new list: the one that is there belongs to the user, who may give it to several routes.
  route[scope.hook] = [route[scope.hook] ?? [], hook].flat() as onRequestHookHandler[]
}
