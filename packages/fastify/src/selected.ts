import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import { putHead } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'

type Trailers = Readonly<Record<string, unknown>> | null

/** Nearly always there is one Fastify: where it keeps them is found once. */
let known: symbol | undefined

const nameIn = (reply: FastifyReply): symbol | undefined => {
  if (known === undefined || !(known in reply))
    known = Object.getOwnPropertySymbols(reply).find(
      ({ description }) => description === 'fastify.reply.trailers',
    )
  return known
}

/** The trailers that a reply has by now, for which Fastify has no public way; null for none. */
export const trailersOf = (reply: FastifyReply): Trailers => {
  const name = nameIn(reply)
  const trailers = name && (reply as unknown as Record<symbol, Trailers | undefined>)[name]
  return trailers ? { ...trailers } : null
}

const putTrailers = (reply: FastifyReply, trailers: Trailers): void => {
  const name = nameIn(reply)
  if (name !== undefined) Object.assign(reply, { [name]: trailers })
}

/** Statuses without a body. */
const empty: ReadonlySet<number> = new Set([204, 304])

/**
 * Puts a selected response on a reply: what Fastify is then to send. Trailers of the handler belong to another body; those
 * that were set in front of the cache stay, where there is a body. Fastify frames by chunks what has any: it is to say the
 * length itself, where it says one.
 */
export const putSelected = (reply: FastifyReply, response: SelectedResponse, outer: Trailers): unknown => {
  const { body, status } = response
  const takesAny = body !== null && !empty.has(status) && reply.request.method !== 'HEAD'
  putTrailers(reply, takesAny ? outer : null)
  putHead(reply.raw, response, new ReplyFields(reply))
  if (body !== null) reply.removeHeader('content-length')
  // As Fastify's routes for HEAD can take a body that is not there.
  return body === null && reply.request.method === 'HEAD' ? Readable.from([]) : body
}
