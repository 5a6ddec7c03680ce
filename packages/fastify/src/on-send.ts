import type { FastifyInstance, FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify'
import type { Done } from './capture.ts'
import { type Cache, type Captured, captured, type Layer, type Scoped, scoped } from './requests.ts'
import { invalidateUnseen, isUnsafe } from './unseen.ts'
import { whileWaiting } from './waiting.ts'

const onSend = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
  const layer = (request as Captured)[captured]
  const { [scoped]: scope } = request.server as Scoped
  if (layer !== null) layer.send(payload, done, reply)
  else if (scope === undefined || !isUnsafe(request.method)) done(null, payload)
  else {
    const unseen = unseenBy(scope.cache)
    ;(request as Captured)[captured] = unseen
    unseen.send(payload, done, reply)
  }
}

/** Sees to an answer of which the hook of no route knows. */
const unseenBy = (cache: Cache): Layer => ({
  send: (payload, done, reply) => {
    const go = (): void => done(null, payload)
    const hold = invalidateUnseen(cache, reply)
    if (hold === undefined) go()
    else whileWaiting(reply, hold).then(go, go)
  },
})

/** What a hook in front has sent past Fastify nobody has seen: late is better than never. */
export const afterUnseen =
  (cache: Cache): onResponseHookHandler =>
  (request, reply, done) => {
    const isUnseen = (request as Captured)[captured] === null && reply.raw.headersSent
    if (isUnseen && isUnsafe(request.method)) void invalidateUnseen(cache, reply)
    done()
  }

/** The hooks of an instance, in the order in which they run. */
const hooksOf = (app: FastifyInstance): unknown[] | undefined => {
  const name = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const hooks = name && (app as unknown as Record<symbol, { readonly onSend?: unknown }>)[name]?.onSend
  return Array.isArray(hooks) ? hooks : undefined
}

/**
 * Hooks run in the order in which plugins are registered, those of `onSend` as well: the first is the innermost. What
 * the hooks of a plugin in front do to a reply would be stored, and done to it again at every hit. Fastify has no
 * public way to be first; where its list is not found, the order of registration counts.
 */
export const addFirst = (app: FastifyInstance): void => {
  const hooks = hooksOf(app)
  if (hooks === undefined) app.addHook('onSend', onSend)
  else hooks.unshift(onSend)
}

/** Whether the cache has the only `onSend` hook of an instance. */
export const hasOnlyOurs = (app: FastifyInstance): boolean =>
  hooksOf(app)?.every((hook) => hook === onSend) === true
