import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import { putHead } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'

/** Fastify would still send trailers of which nothing is left, and has no public way to tell which there are. */
const dropTrailers = (reply: FastifyReply): void => {
  const name = Object.getOwnPropertySymbols(reply).find(
    ({ description }) => description === 'fastify.reply.trailers',
  )
  if (name !== undefined) Object.assign(reply, { [name]: null })
}

/**
 * Puts a selected response on a reply: what Fastify is then to send. Trailers of the handler belong to another body, and
 * Fastify frames by chunks what has any: it is to say the length itself, where it says one.
 */
export const putSelected = (reply: FastifyReply, response: SelectedResponse): unknown => {
  const { body } = response
  dropTrailers(reply)
  putHead(reply.raw, response, new ReplyFields(reply))
  if (body !== null) reply.removeHeader('content-length')
  // As Fastify's routes for HEAD can take a body that is not there.
  return body === null && reply.request.method === 'HEAD' ? Readable.from([]) : body
}
