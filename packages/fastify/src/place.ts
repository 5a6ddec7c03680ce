import type { RouteRules, SelectedResponse } from '@stowage/core'
import { isPromise } from '@stowage/core'
import { type Adapter, atRoute, isGone, send } from '@stowage/node'
import type { FastifyReply, FastifyRequest, onRequestHookHandler, RouteHandlerMethod } from 'fastify'
import { type Captured, captured, type Layer, ReplyCapture } from './capture.ts'
import { asRead } from './request.ts'
import type { Scope } from './scope.ts'
import { putSelected, trailersOf } from './selected.ts'

/** A route whose responses may be stored. */
export interface Place {
  readonly scope: Scope
  readonly rules: RouteRules
  readonly route: string
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
  const trailers = trailersOf(reply)
  if (isAlone() && !hasFields(reply) && trailers === null) {
    send(reply.raw, response)
    return
  }
  const payload = putSelected(reply, response, trailers)
  if (response.body !== null && !reply.hasHeader('content-type')) request[captured] = withoutType
  // What is null Fastify would serialise.
  reply.send(payload ?? undefined)
}

const adapterFor = (place: Place): Adapter<FastifyReply, void, FastifyRequest> => {
  const { route, constraints } = place
  const { cache, app } = place.scope
  return {
    responseOf: (reply) => reply.raw,
    read: ({ request }) => asRead(request, route, constraints),
    select: (reply, response) => sendSelected(place, reply, response),
    forward: (reply, forward, next) => {
      const request = reply.request as Captured
      request[captured] = new ReplyCapture(cache, reply, forward)
      return next()
    },
    entryOf: () => (request, response) => app.routing(request, response),
  }
}

/** The hook of one route. */
export const hookAt = (place: Place): onRequestHookHandler => {
  const layer = { cache: place.scope.cache, adapter: adapterFor(place) }
  return (request, reply, next) => {
    ;(request as Captured)[captured]?.begin?.()
    const done = atRoute(layer, place.rules, reply, next)
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
