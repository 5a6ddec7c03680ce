import { keepHead } from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'

/**
 * An answer that waits counts as sent, as without a cache it would be by now: neither goes its request on to the next
 * hook, nor does another answer or an error change it.
 */
export const whileWaiting = async <T>(reply: FastifyReply, over: Promise<T>): Promise<T> => {
  const putBack = keepHead(reply.raw, new ReplyFields(reply))
  Object.defineProperty(reply, 'sent', { value: true, configurable: true })
  try {
    return await over
  } finally {
    Reflect.deleteProperty(reply, 'sent')
    putBack()
  }
}
