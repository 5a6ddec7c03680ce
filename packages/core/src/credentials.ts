import type { FieldMap } from './message.ts'
import type { StoreContext } from './semantics/storable.ts'

/**
 * Fields by which applications recognise a user, beside Authorization (RFC 9111 §3.5): Cookie (§7.3), other secrets, and
 * what proxies name the user by whom they have signed in (oauth2-proxy, Authelia, Grafana, Cloudflare Access, Google IAP,
 * Azure App Service, AWS ALB, Tailscale).
 */
const userFields: ReadonlySet<string> = new Set([
  'cookie',
  'x-api-key',
  'x-auth-token',
  'x-access-token',
  'proxy-authorization',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-auth-request-user',
  'x-auth-request-email',
  'remote-user',
  'x-remote-user',
  'x-webauth-user',
  'cf-access-jwt-assertion',
  'x-goog-iap-jwt-assertion',
  'x-ms-client-principal',
  'x-amzn-oidc-data',
  'tailscale-user-login',
])

/** Whether a field's value is that of one user. */
export const isCredentialField = (name: string): boolean => name === 'authorization' || userFields.has(name)

/** Whether a request carries credentials: what they make personal must not be shared unasked (RFC 9111 §3.5, §7.3). */
export const credentialsOf = (headers: FieldMap): StoreContext['credentials'] => {
  // Of what is there, not of what might be: to find that a field is missing takes longest.
  for (const name in headers) if (userFields.has(name) && headers[name] !== undefined) return 'other'
  return headers.authorization === undefined ? undefined : 'authorization'
}
