import { Readable } from 'node:stream'
import type { SelectedResponse } from '@stowage/core'
import type { FastifyReply } from 'fastify'

/** A body that is not there, as Fastify's routes for HEAD can take it. */
export const bodyFor = (reply: FastifyReply, { body }: SelectedResponse): unknown =>
  body === null && reply.request.method === 'HEAD' ? Readable.from([]) : body
