import { isUnsafe } from '@stowage/core'
import { attachedTo, replayOf } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Captured, captured, type Done, type Layer, ReplyCapture } from './capture.ts'
import { asRead, routeOf } from './request.ts'
import { type Cache, type Scope, type Scoped, scoped } from './scope.ts'

/** What the request may change is invalidated wherever it is answered: by its route, or a hook in front of it. */
const captureChange = (cache: Cache, request: FastifyRequest, reply: FastifyReply): Layer | undefined => {
  const { cacheInvalidates: selector } = request.routeOptions.config
  const known = attachedTo(request.raw, cache) ?? replayOf(request.raw, cache)
  const forward = known ?? cache.bypass(asRead(request, routeOf(request)))
  if (selector !== undefined)
    cache.invalidateAfter(forward, () => (typeof selector === 'function' ? selector(request) : selector))
  return known === undefined ? new ReplyCapture(cache, reply, forward) : undefined
}

/** What leaves one cache meets the one around it. */
const around = (inner: Layer, outer: Layer): Layer => ({
  handler: inner.handler,
  begin: () => {
    for (const each of [outer, inner]) each.begin?.()
  },
  send: (payload, done, reply) => {
    const goOn: Done = (error, sent) => (error ? done(error) : outer.send(sent, done, reply))
    inner.send(payload, goOn, reply)
  },
  leave: () => {
    for (const each of [inner, outer]) each.leave?.()
  },
  fail: () => {
    for (const each of [inner, outer]) each.fail?.()
  },
})

const captureChanges = (scope: Scope, request: FastifyRequest, reply: FastifyReply): void => {
  if (!isUnsafe(request.method)) {
    // What a route says Fastify puts together anew whenever it is asked.
    if (!scope.invalidatesSafely || request.routeOptions.config.cacheInvalidates === undefined) return
  }
  const layers = scope.caches.flatMap((cache) => captureChange(cache, request, reply) ?? [])
  if (layers.length > 0)
    (request as Captured)[captured] = layers.reduce((outer, inner) => around(inner, outer))
}

const hooks = {
  onRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { [scoped]: scope } = request.server as Scoped
    if (scope !== undefined) captureChanges(scope, request, reply)
    done()
  },
  /** Before the error handler. */
  onError(request: FastifyRequest, _reply: FastifyReply, _error: Error, done: () => void): void {
    ;(request as Captured)[captured]?.fail?.()
    done()
  },
  onSend(request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void {
    const { [captured]: layer } = request as Captured
    if (layer === null) done(null, payload)
    else layer.send(payload, done, reply)
  },
}

/** The hooks of an instance, in the order in which they run. */
const hooksOf = (app: FastifyInstance, at: keyof typeof hooks): unknown[] | undefined => {
  const name = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const list = name && (app as unknown as Record<symbol, Record<string, unknown>>)[name]?.[at]
  return Array.isArray(list) ? list : undefined
}

/**
 * Hooks run in the order in which plugins are registered: of `onSend` the first is the innermost. What the hooks of a
 * plugin in front do to a reply would be stored, and done to it again at every hit; and what they answer themselves
 * would go unseen. Fastify has no public way to be first; where its list is not found, the order of registration counts.
 */
export const addFirst = (app: FastifyInstance): void => {
  const lists = [hooksOf(app, 'onRequest'), hooksOf(app, 'onSend')] as const
  if (lists[0] === undefined) app.addHook('onRequest', hooks.onRequest)
  else lists[0].unshift(hooks.onRequest)
  if (lists[1] === undefined) app.addHook('onSend', hooks.onSend)
  else lists[1].unshift(hooks.onSend)
  app.addHook('onError', hooks.onError)
}

/** Whether the cache has the only `onSend` hook of an instance. */
export const hasOnlyOurs = (app: FastifyInstance): boolean =>
  hooksOf(app, 'onSend')?.every((hook) => hook === hooks.onSend) === true
