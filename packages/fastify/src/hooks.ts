import { isUnsafe } from '@stowage/core'
import { invalidating } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { captureOf, opened } from './capture.ts'
import { symbolIn } from './private.ts'
import { type Scope, type Scoped, scoped } from './scope.ts'

type Done = (error?: Error | null, payload?: unknown) => void

/** What a request may change is invalidated wherever it is answered: by its route, or a hook in front of it. */
const watchChange = (scope: Scope, request: FastifyRequest, reply: FastifyReply): void => {
  // Fastify puts it together anew whenever it is asked.
  const { cacheInvalidates: selector } = request.routeOptions.config
  if (selector === undefined && !isUnsafe(request.method)) return
  const select = selector && (() => (typeof selector === 'function' ? selector(request) : selector))
  for (const layer of scope.layers) invalidating(layer, select, undefined, reply, () => undefined)
}

const hooks = {
  onRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { [scoped]: scope } = request.server as Scoped
    if (scope !== undefined && (scope.invalidatesSafely || isUnsafe(request.method)))
      watchChange(scope, request, reply)
    done()
  },
  /** Before the error handler. */
  onError(request: FastifyRequest, _reply: FastifyReply, _error: Error, done: () => void): void {
    captureOf(request)?.fail()
    done()
  },
  onSend(request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void {
    const capture = captureOf(request)
    if (capture === null) done(null, payload)
    else capture.send(opened(reply, payload), (sent) => done(null, sent), done)
  },
}

/** The hooks of an instance, in the order in which they run. */
const hooksOf = (app: FastifyInstance, at: keyof typeof hooks): unknown[] | undefined => {
  const name = symbolIn(app, 'fastify.hooks')
  return name && (app as unknown as Record<symbol, Record<string, unknown[]>>)[name]?.[at]
}

/**
 * Hooks run in the order in which plugins are registered: of `onSend` the first is the innermost. What the hooks of a
 * plugin in front do to a reply would be stored, and done to it again at every hit; and what they answer themselves
 * would go unseen. Fastify has no public way to be first; where its list is not found, the order of registration counts.
 */
export const addFirst = (app: FastifyInstance): void => {
  for (const at of ['onRequest', 'onError', 'onSend'] as const) {
    const list = hooksOf(app, at)
    if (list === undefined) app.addHook(at as 'onSend', hooks[at] as typeof hooks.onSend)
    else list.unshift(hooks[at])
  }
}

/** Whether the cache has the only `onSend` hook of an instance. */
export const hasOnlyOurs = (app: FastifyInstance): boolean =>
  hooksOf(app, 'onSend')?.every((hook) => hook === hooks.onSend) === true
