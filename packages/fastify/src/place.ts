import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import type { SelectedResponse } from '@stowage/core'
import { type Layer, send } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { captureFor, captureOf } from './capture.ts'
import { hasOnlyOurs } from './hooks.ts'
import { putSelected, trailersOf } from './reply.ts'
import { asRead } from './request.ts'
import type { Cache } from './scope.ts'

/**
 * What tells a route apart from others with its pattern, as text, which is the same in each process. The host is in the
 * key already.
 */
const constraintsOf = ({ host: _, ...others }: Record<string, unknown> = {}): string | undefined =>
  Object.keys(others).length === 0
    ? undefined
    : inspect(others, { sorted: true, breakLength: Number.POSITIVE_INFINITY })

/**
 * By way of Fastify, so that the `onSend` hooks of others have their part in it, as they have in every answer. Where
 * there is nobody, that way costs as much again as to find the response; hooks of `onResponse` run on either.
 */
const sendSelected = (reply: FastifyReply, response: SelectedResponse, isAlone: () => boolean): void => {
  captureOf(reply.request)?.stop()
  const trailers = trailersOf(reply)
  if (isAlone() && Object.keys(reply.getHeaders()).length === 0 && trailers === null) {
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
  route?: RouteOptions,
): Layer<FastifyRequest, FastifyReply, void> => {
  // Read now: by the same object Fastify goes on to declare another route, with a last slash.
  const pattern = route?.url
  const constraints = constraintsOf(route?.constraints)
  let alone: boolean | undefined
  // Whether nobody else has a hook that sees what is sent: until the server is ready others may add theirs.
  const isAlone = (): boolean => {
    alone ??= hasOnlyOurs(app) && [route?.onSend ?? []].flat().length === 0
    return alone
  }
  return {
    cache,
    adapter: {
      responseOf: (reply) => reply.raw,
      read: ({ request }) => asRead(request, pattern, constraints),
      select: (reply, response) => sendSelected(reply, response, isAlone),
      forward: (reply, forward, next) => {
        captureFor(reply).open(cache, forward)
        const sendNotModified = (): void => void reply.code(304).send()
        forward.onNotModified = sendNotModified
        return next()
      },
      entryOf: () => (request, response) => app.routing(request, response),
    },
  }
}
