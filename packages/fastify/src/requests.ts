import type {
  Decision,
  HandlerCache,
  ResponseCache,
  RouteRules,
  SelectedResponse,
  Selector,
} from '@stowage/core'
import { isPromise } from '@stowage/core'
import { type Adapter, attachedTo, carryOut, isGone, meetAtRoute, replayOf, send } from '@stowage/node'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  RouteHandlerMethod,
} from 'fastify'
import { type Done, ReplyCapture } from './capture.ts'
import { ForwardableRequest, rewrittenOf } from './request.ts'
import { putSelected } from './selected.ts'

export type Cache = ResponseCache<FastifyRequest>

/** What one registration says for the routes inside its instance. */
export interface Scope {
  readonly app: FastifyInstance
  readonly cache: Cache
  /** The defaults for its routes; undefined: the options of the cache. */
  readonly rules: RouteRules | undefined
  readonly hook: 'onRequest' | 'preHandler'
}

export const scoped = Symbol('stowage.scope')

export type Scoped = FastifyInstance & { readonly [scoped]?: Scope }

export const captured = Symbol('stowage.capture')

export type Captured = FastifyRequest & { [captured]: Layer | null }

/** What stands for a request at the beginning of `onSend`. */
export interface Layer {
  readonly handler?: HandlerCache | undefined
  send(payload: unknown, done: Done, reply: FastifyReply): void
  /** No answer will come. */
  leave?(): void
}

/** A stored response may have no Content-Type, and Fastify gives every buffer one. */
const withoutType: Layer = {
  send: (payload, done, reply) => {
    reply.removeHeader('content-type')
    done(null, payload)
  },
}

/** What is selected changes nothing, by whichever method it was asked for. */
const selected: Layer = { send: (payload, done) => done(null, payload) }

export interface Place {
  readonly scope: Scope
  readonly rules: RouteRules | undefined
  readonly route: string
  /** What tells the route apart from others with its pattern, beside the host. */
  readonly constraints: string | undefined
  readonly invalidates: ((request: FastifyRequest) => Selector) | undefined
  /** Whether nobody else has a hook that sees what the route sends. */
  readonly isAlone: () => boolean
}

const hasFields = (reply: FastifyReply): boolean => {
  for (const _ in reply.getHeaders()) return true
  return false
}

/**
 * By way of Fastify, so that the `onSend` hooks of others have their part in it, as they have in every answer. Where
 * there is nobody, that way costs as much again as to find the response; hooks of `onResponse` run on either.
 */
const sendSelected = ({ isAlone }: Place, reply: FastifyReply, response: SelectedResponse): void => {
  const request = reply.request as Captured
  request[captured] = selected
  if (isAlone() && !hasFields(reply)) {
    send(reply.raw, response)
    return
  }
  const payload = putSelected(reply, response)
  if (response.body !== null && !reply.hasHeader('content-type')) request[captured] = withoutType
  // What is null Fastify would serialise.
  reply.send(payload ?? undefined)
}

const adapterFor = (place: Place): Adapter<FastifyReply, void> => {
  const { scope, route } = place
  return {
    responseOf: (reply) => reply.raw,
    select: (reply, response) => sendSelected(place, reply, response),
    forward: (reply, forward, next) => {
      const request = reply.request as Captured
      request[captured] = new ReplyCapture(scope.cache, reply, forward, route)
      next()
    },
    entryOf: () => (request, response) => scope.app.routing(request, response),
  }
}

/** The answer to a request; one that another place has forwarded already, or a replay, knows its Forward. */
const decide = (
  { scope, rules, route, constraints }: Place,
  request: FastifyRequest,
): Decision | Promise<Decision> => {
  const { cache } = scope
  const known = attachedTo(request.raw, cache) ?? replayOf(request.raw, cache)
  if (known === undefined) return cache.lookup(new ForwardableRequest(request, route, constraints), rules)
  meetAtRoute(known, request, request, route, rewrittenOf(request, constraints))
  return rules === undefined ? known : cache.refine(known, rules)
}

/** A handler that answers with nothing: Fastify sends that itself, but not to a client that has gone. */
export const seenToEnd = (handler: RouteHandlerMethod): RouteHandlerMethod =>
  function (request, reply) {
    const done: unknown = handler.call(this, request, reply)
    if (!isPromise(done)) return done
    return done.then((payload) => {
      if (payload === undefined && !reply.sent && isGone(reply.raw))
        (request as Captured)[captured]?.leave?.()
      return payload
    })
  }

/** The hook of one route. */
export const hookAt = (place: Place): onRequestHookHandler => {
  const { scope, invalidates } = place
  const adapter = adapterFor(place)
  const act = (decision: Decision, reply: FastifyReply, next: () => void): void => {
    if (invalidates !== undefined && decision.action === 'forward')
      scope.cache.invalidateAfter(decision, () => invalidates(reply.request))
    carryOut(scope.cache, decision, reply, adapter, next)
  }
  return (request, reply, next) => {
    const decision = decide(place, request)
    if (isPromise(decision)) decision.then((settled) => act(settled, reply, next)).catch(next)
    else act(decision, reply, next)
  }
}
