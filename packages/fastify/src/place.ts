import type { Decision, MaybePromise, RouteRules, SelectedResponse } from '@stowage/core'
import { isPromise } from '@stowage/core'
import { type Adapter, attachedTo, isGone, meetAtRoute, replayOf, send, settle } from '@stowage/node'
import type { FastifyReply, FastifyRequest, onRequestHookHandler, RouteHandlerMethod } from 'fastify'
import { type Captured, captured, type Layer, ReplyCapture } from './capture.ts'
import { asRead, rewrittenOf, routeOf } from './request.ts'
import type { Scope } from './scope.ts'
import { putSelected } from './selected.ts'

/** A route whose responses may be stored. */
export interface Place {
  readonly scope: Scope
  readonly rules: RouteRules
  /** What tells the route apart from others with its pattern, beside the host. */
  readonly constraints: string | undefined
  /** Whether nobody else has a hook that sees what the route sends. */
  readonly isAlone: () => boolean
}

/** A stored response may have no Content-Type, and Fastify gives every buffer one. */
const withoutType: Layer = {
  send: (payload, done, reply) => {
    reply.removeHeader('content-type')
    done(null, payload)
  },
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
  // It changes nothing, by whichever method it was asked for.
  request[captured] = null
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
  const { cache, app } = place.scope
  return {
    responseOf: (reply) => reply.raw,
    select: (reply, response) => sendSelected(place, reply, response),
    forward: (reply, forward, next) => {
      const request = reply.request as Captured
      request[captured] = new ReplyCapture(cache, reply, forward)
      next()
    },
    entryOf: () => (request, response) => app.routing(request, response),
  }
}

/** The answer to a request; one that another place has forwarded already, or a replay, knows its Forward. */
const decide = ({ scope, rules, constraints }: Place, request: FastifyRequest): MaybePromise<Decision> => {
  const { cache } = scope
  const known = attachedTo(request.raw, cache) ?? replayOf(request.raw, cache)
  if (known === undefined) return cache.lookup(asRead(request, constraints), rules)
  meetAtRoute(known, request, request, routeOf(request), rewrittenOf(request, constraints))
  return cache.refine(known, rules)
}

/** The hook of one route. */
export const hookAt = (place: Place): onRequestHookHandler => {
  const { cache } = place.scope
  const adapter = adapterFor(place)
  return (request, reply, next) => {
    const done = settle(cache, decide(place, request), reply, adapter, next)
    if (isPromise(done)) done.catch(next)
  }
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
