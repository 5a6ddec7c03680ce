import type { ResponseCache } from '@stowage/core'
import { fieldsOf } from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ReplyFields } from './reply-fields.ts'
import { ForwardableRequest } from './request.ts'

/** Methods that change nothing; of every other one the response invalidates (RFC 9111 §4.4). */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])

/** Whether a request by this method may change something. */
export const isUnsafe = (method: string): boolean => !safe.has(method)

/**
 * An answer that no hook of a route has seen coming: of a handler for what is not found, or of a hook in front. What it
 * has changed is invalidated before it leaves, with what its route names; undefined where nothing has to be waited for.
 */
export const invalidateUnseen = (
  cache: ResponseCache<FastifyRequest>,
  reply: FastifyReply,
): Promise<void> | undefined => {
  const { request, raw } = reply
  const forward = cache.bypass(new ForwardableRequest(request, ''))
  const { cacheInvalidates: selector } = request.routeOptions.config
  if (selector !== undefined)
    cache.invalidateAfter(forward, () => (typeof selector === 'function' ? selector(request) : selector))
  const headers = fieldsOf(new ReplyFields(reply))
  const { hold } = forward.respond({ status: raw.statusCode, method: request.method, headers })
  void forward.end()
  return hold
}
