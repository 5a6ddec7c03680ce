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

/** Whether a reply still says something that it has said before. */
export const stillSays = (reply: FastifyReply, before: FieldMap): boolean => {
  const now = declaredOn(reply)
  return Object.keys(now).some((name) => String(now[name]) === String(before[name]))
}
