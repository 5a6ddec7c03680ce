import { isPromise, isUnsafe } from '@stowage/core'
import { atRoute, checkAll, isGone, selectorFor } from '@stowage/node'
import type { FastifyInstance, onRequestHookHandler, RouteHandlerMethod, RouteOptions } from 'fastify'
import { captureOf } from './capture.ts'
import { layerAt } from './place.ts'
import type { Scope } from './scope.ts'

/** A handler that answers with nothing: Fastify sends that itself, but not to a client that has gone. */
const seenToEnd = (handler: RouteHandlerMethod): RouteHandlerMethod =>
  function (request, reply) {
    const done: unknown = handler.call(this, request, reply)
    if (!isPromise(done)) return done
    return done.then((payload) => {
      if (payload === undefined && !reply.sent && isGone(reply.raw)) captureOf(request)?.leave()
      return payload
    })
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
  const layer = layerAt(cache, app, route)
  const hook: onRequestHookHandler = (request, reply, next) => {
    // Before the lookup: where it is open already, other hooks have run since.
    captureOf(request)?.begin()
    const done = atRoute(layer, rules, reply, next)
    if (isPromise(done)) done.catch(next)
  }
  // A new list: the one that is there belongs to the user, who may give it to several routes.
  route[scope.hook] = [route[scope.hook] ?? [], hook].flat() as onRequestHookHandler[]
}
