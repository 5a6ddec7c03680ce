import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import { type Layer, send } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Captured, captured, captureOf } from './capture.ts'
import { putSelected, trailersOf } from './reply.ts'
import { asRead } from './request.ts'
import type { Cache } from './scope.ts'

/** One route, as its requests come to it. */
export interface Place {
  readonly route?: string
  /** What tells the route apart from others with its pattern, beside the host. */
  readonly constraints?: string | undefined
  /** Whether nobody else has a hook that sees what is sent. */
  isAlone?(): boolean
}

/**
 * By way of Fastify, so that the `onSend` hooks of others have their part in it, as they have in every answer. Where
 * there is nobody, that way costs as much again as to find the response; hooks of `onResponse` run on either.
 */
const sendSelected = ({ isAlone }: Place, reply: FastifyReply, response: SelectedResponse): void => {
  // It changes nothing, by whichever method it was asked for.
  ;(reply.request as Captured)[captured] = null
  const trailers = trailersOf(reply)
  if (isAlone?.() && Object.keys(reply.getHeaders()).length === 0 && trailers === null) {
    send(reply.raw, response)
    return
  }
  const payload = putSelected(reply, response, trailers)
  // Fastify gives a type to every buffer that has none, and serialises what is null.
  const untyped = Buffer.isBuffer(payload) && !reply.hasHeader('content-type') ? payload : undefined
  if (untyped !== undefined && trailers === null) reply.header('content-length', untyped.length)
  reply.send(untyped === undefined ? (payload ?? undefined) : Readable.from([untyped], { objectMode: false }))
}

/** The cache as it stands at a route, or in front of them all. */
export const layerAt = (
  cache: Cache,
  app: FastifyInstance,
  place: Place,
): Layer<FastifyRequest, FastifyReply, void> => ({
  cache,
  adapter: {
    responseOf: (reply) => reply.raw,
    read: ({ request }) => asRead(request, place.route, place.constraints),
    select: (reply, response) => sendSelected(place, reply, response),
    forward: (reply, forward, next) => {
      captureOf(reply).open(cache, forward)
      forward.onNotModified = () => void reply.code(304).send()
      return next()
    },
    entryOf: () => (request, response) => app.routing(request, response),
  },
})
