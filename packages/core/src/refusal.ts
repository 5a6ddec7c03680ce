import type { FieldMap } from './message.ts'
import type { Policy } from './policy.ts'
import type { RequestDirectives } from './semantics/cache-control.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { fieldValue, hasField, listMembers } from './semantics/fields.ts'
import { isUnsafe } from './semantics/invalidate.ts'
import { hasConditions, hasOriginPreconditions } from './semantics/validate.ts'
import type { CacheRequest } from './view.ts'

/** Why a request is not looked up. */
export interface Refusal {
  readonly reason: ForwardReason
  readonly detail?: string
  readonly invalidates?: boolean
}

/** Of a GET or HEAD no content is expected, and what it may mean is not defined (RFC 9110 §9.3.1, §9.3.2). */
const hasContent = (headers: FieldMap): boolean => {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = fieldValue(headers, 'content-length')
  return length !== undefined && length.trim() !== '0'
}

/** Which of two hosts counts, a framework may decide otherwise than its caches (RFC 9113 §8.3.1). */
const namesTwoHosts = (headers: FieldMap): boolean =>
  headers[':authority'] !== undefined && headers.host !== undefined && headers.host !== headers[':authority']

const bypass = (detail: string): Refusal => ({ reason: 'bypass', detail })

const takesBody = (method: string): boolean => method === 'POST' || method === 'QUERY'

/** What a policy or a request takes out of the cache's hands; undefined where a lookup may be made. */
export const refuseLookup = (
  request: CacheRequest,
  policy: Policy,
  directives: RequestDirectives,
): Refusal | undefined => {
  const { method, headers, url } = request
  if (!policy.methods.has(method)) return { reason: 'method', invalidates: isUnsafe(method) }
  if (policy.ttl === false) return bypass('policy')
  // Only the origin form names a path under the authority that the framework resolved (RFC 9112 §3.2).
  if (!url.startsWith('/') || namesTwoHosts(headers)) return bypass('target')
  // RFC 9111 §5.2.1.5: nothing of it, nor of its response, is to be stored.
  if (directives.noStore === true) return bypass('request-no-store')
  // RFC 9110 §7.8: whoever answers speaks another protocol from then on.
  if (hasField(headers, 'upgrade') && listMembers(headers, 'connection').includes('upgrade'))
    return bypass('upgrade')
  // If-Match and If-Unmodified-Since are the origin's to evaluate (RFC 9111 §4.3.2).
  if (hasOriginPreconditions(headers)) return bypass('precondition')
  // A 304 answers GET, HEAD and QUERY alone; of a POST its handler evaluates the conditions (RFC 9110 §13.1.2).
  if (method === 'POST' && hasConditions(headers)) return bypass('precondition')
  if (!takesBody(method) && hasContent(headers)) return bypass('request-body')
  return undefined
}
