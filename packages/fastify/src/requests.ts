import type {
  Decision,
  Forward,
  HandlerCache,
  ResponseCache,
  RouteRules,
  SelectedResponse,
  Selector,
} from '@stowage/core'
import { isPromise } from '@stowage/core'
import { attach, attachedTo, currentFields, editRequest, replay, replayOf, send } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { type Done, ReplyCapture } from './capture.ts'
import { ForwardableRequest, rewrittenOf } from './request.ts'
import { bodyFor, putHead } from './selected.ts'

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
  readonly handler?: HandlerCache
  send(payload: unknown, done: Done, reply: FastifyReply): void
}

/** A stored response may have no Content-Type, and Fastify gives every buffer one. */
const withoutType: Layer = {
  send: (payload, done, reply) => {
    reply.removeHeader('content-type')
    done(null, payload)
  },
}

export interface Place {
  readonly scope: Scope
  readonly rules: RouteRules | undefined
  readonly route: string
  readonly invalidates: ((request: FastifyRequest) => Selector) | undefined
  /** Whether nobody else has a hook that sees what the route sends. */
  readonly isAlone: () => boolean
}

const forwardTo = ({ scope, route }: Place, forward: Forward, reply: FastifyReply): void => {
  const request = reply.request as Captured
  attach(request.raw, scope.cache, forward)
  editRequest(request.raw, forward.request.headers, forward.requestEdits)
  request[captured] = new ReplyCapture(reply, forward, route)
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
  if (isAlone() && !hasFields(reply)) {
    send(reply.raw, response)
    return
  }
  putHead(reply, response)
  if (response.body !== null && !reply.hasHeader('content-type'))
    (reply.request as Captured)[captured] = withoutType
  // What is null Fastify would serialise.
  reply.send(bodyFor(reply, response) ?? undefined)
}

const act = (place: Place, decision: Decision, reply: FastifyReply, next: () => void): void => {
  const { app, cache } = place.scope
  const { raw, request } = reply
  const gone = raw.destroyed || raw.writableEnded
  if (decision.action === 'reuse') {
    const { revalidation } = decision
    if (!gone) sendSelected(place, reply, decision.response)
    if (revalidation !== undefined)
      replay(cache, revalidation, (detached, into) => app.routing(detached, into))
    return
  }
  if (gone) {
    decision.abort(new Error('the client has gone'))
    return
  }
  const { invalidates } = place
  if (invalidates !== undefined) cache.invalidateAfter(decision, () => invalidates(request))
  if (attachedTo(request.raw, cache) !== decision) forwardTo(place, decision, reply)
  else editRequest(request.raw, decision.request.headers, decision.requestEdits)
  next()
}

/** The answer to a request; one that another place has forwarded already, or a replay, knows its Forward. */
const decide = ({ scope, rules, route }: Place, request: FastifyRequest): Decision | Promise<Decision> => {
  const { cache } = scope
  const known = attachedTo(request.raw, cache) ?? replayOf(request.raw, cache)
  if (known === undefined) return cache.lookup(new ForwardableRequest(request, route), rules)
  const headers = currentFields(request, known.request.headers)
  known.meet({ raw: request, route, headers, rewritten: rewrittenOf(request) })
  return rules === undefined ? known : cache.refine(known, rules)
}

/** The hook of one route. */
export const hookAt =
  (place: Place): onRequestHookHandler =>
  (request, reply, next) => {
    const decision = decide(place, request)
    if (isPromise(decision)) decision.then((settled) => act(place, settled, reply, next)).catch(next)
    else act(place, decision, reply, next)
  }
