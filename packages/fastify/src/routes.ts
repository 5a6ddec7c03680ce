import { inspect } from 'node:util'
import { isPromise, isUnsafe } from '@stowage/core'
import { atRoute, checkAll, isGone, selectorFor } from '@stowage/node'
import type { FastifyInstance, onRequestHookHandler, RouteHandlerMethod, RouteOptions } from 'fastify'
import { type Captured, captured } from './capture.ts'
import { hasOnlyOurs } from './hooks.ts'
import { layerAt, type Place } from './place.ts'
import type { Scope } from './scope.ts'

/** As text, which is the same in each process. The host is in the key already. */
const constraintsOf = ({ host: _, ...others }: Record<string, unknown>): string | undefined =>
  Object.keys(others).length === 0
    ? undefined
    : inspect(others, { sorted: true, breakLength: Number.POSITIVE_INFINITY })

/** A handler that answers with nothing: Fastify sends that itself, but not to a client that has gone. */
const seenToEnd = (handler: RouteHandlerMethod): RouteHandlerMethod =>
  function (request, reply) {
    const done: unknown = handler.call(this, request, reply)
    if (!isPromise(done)) return done
    return done.then((payload) => {
      if (payload === undefined && !reply.sent && isGone(reply.raw)) (request as Captured)[captured]?.leave()
      return payload
    })
  }

const placeOf = (app: FastifyInstance, route: RouteOptions): Place => {
  let alone: boolean | undefined
  // Asked at the first hit: until the server is ready others may add theirs.
  const isAlone = (): boolean => {
    alone ??= hasOnlyOurs(app) && [route.onSend ?? []].flat().length === 0
    return alone
  }
  return { route: route.url, constraints: constraintsOf(route.constraints ?? {}), isAlone }
}

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
  if (selector !== undefined || methods.some(isUnsafe)) route.handler = seenToEnd(route.handler)
  // Who has switched a route off finds that in Cache-Status.
  if (policy === undefined && !methods.some((method) => cache.mayStore(method, rules))) return
  const layer = layerAt(cache, app, placeOf(app, route))
  const hook: onRequestHookHandler = (request, reply, next) => {
    ;(request as Captured)[captured]?.begin()
    const done = atRoute(layer, rules, reply, next)
    if (isPromise(done)) done.catch(next)
  }
  // A new list: the one that is there belongs to the user, who may give it to several routes.
  route[scope.hook] = [route[scope.hook] ?? [], hook].flat() as onRequestHookHandler[]
}
