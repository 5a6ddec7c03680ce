import type { FieldMap } from './message.ts'
import type { StoreContext } from './semantics/storable.ts'

/** Fields by which applications recognise a user, beside Authorization (RFC 9111 §3.5) and Cookie (§7.3). */
const credentialFields = ['x-api-key', 'x-auth-token', 'x-access-token', 'proxy-authorization'] as const

/** Whether a field's value is a secret of one user. */
export const isCredentialField = (name: string): boolean =>
  name === 'cookie' || name === 'authorization' || credentialFields.some((credential) => credential === name)

/** Whether a request carries credentials: what they make personal must not be shared unasked (RFC 9111 §3.5, §7.3). */
export const credentialsOf = (headers: FieldMap): StoreContext['credentials'] => {
  if (headers.cookie !== undefined) return 'other'
  for (const name of credentialFields) if (headers[name] !== undefined) return 'other'
  return headers.authorization === undefined ? undefined : 'authorization'
}
