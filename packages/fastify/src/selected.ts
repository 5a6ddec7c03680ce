import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import { applyFields } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'

/** A body that is not there, as Fastify's routes for HEAD can take it. */
export const bodyFor = (reply: FastifyReply, { body }: SelectedResponse): unknown =>
  body === null && reply.request.method === 'HEAD' ? Readable.from([]) : body

/** Puts the head of a selected response over what outer layers have set. */
export const putHead = (reply: FastifyReply, { status, reason, headers, added }: SelectedResponse): void => {
  const fields = new ReplyFields(reply)
  reply.raw.statusCode = status
  // HTTP/2 has none, and Node warns where one is touched.
  if (reason !== undefined && reply.raw.req.httpVersionMajor < 2) reply.raw.statusMessage = reason
  applyFields(fields, headers)
  applyFields(fields, added)
}
