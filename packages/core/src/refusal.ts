import type { FieldMap } from './message.ts'
import type { Policy } from './policy.ts'
import type { RequestDirectives } from './semantics/cache-control.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import { fieldValue, hasField, listMembers } from './semantics/fields.ts'
import { isUnsafe } from './semantics/invalidate.ts'
import type { StoreContext } from './semantics/storable.ts'
import { hasConditions, hasOriginPreconditions } from './semantics/validate.ts'
import type { CacheRequest } from './view.ts'

/** Why a request is not looked up. */
export interface Refusal {
  readonly reason: ForwardReason
  readonly detail?: string
  readonly invalidates?: boolean
}

/** Fields by which applications recognise a user, beside Authorization and Cookie. */
const credentialFields = ['x-api-key', 'x-auth-token', 'x-access-token', 'proxy-authorization'] as const

/** Whether a field's value is a secret of one user. */
export const isCredentialField = (name: string): boolean =>
  name === 'cookie' || name === 'authorization' || credentialFields.some((credential) => credential === name)

/** Whether a request carries credentials: what they make personal must not be shared unasked (RFC 9111 §3.5). */
export const credentialsOf = (headers: FieldMap): StoreContext['credentials'] => {
  if (headers.cookie !== undefined) return 'other'
  for (const name of credentialFields) if (headers[name] !== undefined) return 'other'
  return headers.authorization === undefined ? undefined : 'authorization'
}

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
  if (directives.noStore === true) return bypass('request-no-store')
  if (hasField(headers, 'upgrade') && listMembers(headers, 'connection').includes('upgrade'))
    return bypass('upgrade')
  if (hasOriginPreconditions(headers)) return bypass('precondition')
  // A 304 answers GET, HEAD and QUERY alone; of a POST its handler evaluates the conditions (RFC 9110 §13.1.2).
  if (method === 'POST' && hasConditions(headers)) return bypass('precondition')
  if (!takesBody(method) && hasContent(headers)) return bypass('request-body')
  return undefined
}
