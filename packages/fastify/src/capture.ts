import { UnsentCapture, type UnsentReply, unsentBody, withoutContent } from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fieldsOf, putSelected, trailersOf } from './reply.ts'
import { routeOf } from './request.ts'

export const captured = Symbol('stowage.capture')

export type Captured = FastifyRequest & { [captured]: UnsentCapture | null }

const unsent = (reply: FastifyReply): UnsentReply => {
  let outerTrailers = trailersOf(reply)
  return {
    response: reply.raw,
    request: reply.request,
    route: () => routeOf(reply.request),
    fields: fieldsOf(reply),
    begin: () => {
      outerTrailers = trailersOf(reply)
    },
    unsentOf: (payload) => (reply.statusCode === 204 ? withoutContent : unsentBody(payload)),
    put: (response) => putSelected(reply, response, outerTrailers),
    // Neither goes the request on to its next hook, nor does another answer or an error change this one.
    hold: () => {
      Object.defineProperty(reply, 'sent', { value: true, configurable: true })
      return () => void Reflect.deleteProperty(reply, 'sent')
    },
  }
}

/** The capture of a reply, made where there is none. */
export const captureOf = (reply: FastifyReply): UnsentCapture => {
  const request = reply.request as Captured
  request[captured] ??= new UnsentCapture(unsent(reply))
  return request[captured]
}

/** The parts of a `Response`, which Fastify would take later. */
export const opened = (reply: FastifyReply, payload: unknown): unknown => {
  if (!(payload instanceof Response)) return payload
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  return payload.bodyUsed ? payload : payload.body
}
