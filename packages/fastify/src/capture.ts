import { UnsentCapture, type UnsentReply } from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { putSelected, replyFields, trailersOf } from './reply.ts'
import { routeOf } from './request.ts'

export const capturing = Symbol('stowage.capture')

type Capturing = FastifyRequest & { [capturing]: UnsentCapture | null }

const unsent = (reply: FastifyReply): UnsentReply => {
  let outerTrailers = trailersOf(reply)
  return {
    response: reply.raw,
    request: reply.request,
    route: () => routeOf(reply.request),
    fields: replyFields(reply),
    begin: () => {
      outerTrailers = trailersOf(reply)
    },
    put: (response) => putSelected(reply, response, outerTrailers),
    // Neither goes the request on to its next hook, nor does another answer or an error change this one.
    hold: () => {
      Object.defineProperty(reply, 'sent', { value: true, configurable: true })
      return () => void Reflect.deleteProperty(reply, 'sent')
    },
  }
}

/** The capture of the answer to a request, where a cache has to see that. */
export const captureOf = (request: FastifyRequest): UnsentCapture | null => (request as Capturing)[capturing]

/** The same, made where there is none. */
export const captureFor = (reply: FastifyReply): UnsentCapture => {
  const request = reply.request as Capturing
  request[capturing] ??= new UnsentCapture(unsent(reply))
  return request[capturing]
}

/** The parts of a `Response`, which Fastify would take later. */
export const opened = (reply: FastifyReply, payload: unknown): unknown => {
  if (!(payload instanceof Response)) return payload
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  return payload.bodyUsed ? payload : payload.body
}
