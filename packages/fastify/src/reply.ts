import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import { putHead, type ResponseFields } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { symbolIn } from './private.ts'

/** The header fields of a reply, in the words of Node's responses. */
export const replyFields = (reply: FastifyReply): ResponseFields => ({
  getHeaderNames: () => Object.keys(reply.getHeaders()),
  getHeader: (name) => reply.getHeader(name),
  setHeader: (name, value) => {
    // Fastify adds cookies to those that are there.
    if (name === 'set-cookie') reply.removeHeader(name).raw.removeHeader(name)
    reply.header(name, value)
  },
  removeHeader: (name) => {
    reply.removeHeader(name)
    if (!reply.raw.headersSent) reply.raw.removeHeader(name)
  },
})

type Trailers = Readonly<Record<string, unknown>> | null
type Holder = Record<symbol, Trailers>

/** Those that a reply has by now. */
export const trailersOf = (reply: FastifyReply): Trailers => {
  const name = symbolIn(reply, 'fastify.reply.trailers')
  const trailers = name && (reply as unknown as Holder)[name]
  return trailers ? { ...trailers } : null
}

const putTrailers = (reply: FastifyReply, trailers: Trailers): void => {
  const name = symbolIn(reply, 'fastify.reply.trailers')
  if (name !== undefined) (reply as unknown as Holder)[name] = trailers
}

/**
 * Puts a selected response on a reply: what Fastify is then to send. Trailers of the handler belong to another body; those
 * that were set in front of the cache stay, where there is a body. Fastify frames by chunks what has any: it is to say the
 * length itself, where it says one.
 */
export const putSelected = (reply: FastifyReply, response: SelectedResponse, outer: Trailers): unknown => {
  const { body } = response
  putTrailers(reply, body === null ? null : outer)
  putHead(reply.raw, response, replyFields(reply))
  if (body !== null) reply.removeHeader('content-length')
  // As Fastify's routes for HEAD can take a body that is not there.
  return body === null && reply.request.method === 'HEAD' ? Readable.from([]) : body
}
