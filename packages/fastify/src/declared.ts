import type { FieldMap } from '@stowage/core'
import { fieldsOf } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'

/** By which a response says how long it is fresh (RFC 9111 §5.2, §5.3, RFC 9213). */
const declaring = /^(?:expires|surrogate-control|(?:.+-)?cache-control)$/

/** What a reply says by now of how long it is fresh. */
export const declaredOn = (reply: FastifyReply): FieldMap => {
  const fields = Object.entries(fieldsOf(new ReplyFields(reply)))
  return Object.fromEntries(fields.filter(([name]) => declaring.test(name)))
}

/**
 * Whether the answer to an error would be fresh by what is said of its handler's success: in the fields that stood there
 * `before`, or, where it does not look like an error, by a ttl.
 */
export const passesForSuccess = (reply: FastifyReply, before: FieldMap): boolean => {
  const now = declaredOn(reply)
  const names = Object.keys(now)
  if (names.length === 0) return reply.statusCode < 400
  return names.some((name) => String(now[name]) === String(before[name]))
}
