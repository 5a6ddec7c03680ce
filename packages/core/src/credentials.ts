import type { FieldMap } from './message.ts'
import type { StoreContext } from './semantics/storable.ts'

/** Secrets of one user, beside Authorization (RFC 9111 §3.5). */
const secrets = ['cookie', 'x-api-key', 'x-auth-token', 'x-access-token', 'proxy-authorization']

/** What proxies name the user by whom they have signed in; each of them may come alone. */
const namesOfUsers = [
  // oauth2-proxy
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-preferred-username',
  'x-auth-request-user',
  'x-auth-request-email',
  'x-auth-request-preferred-username',
  // Authelia, Grafana, and what web servers have set since CGI
  'remote-user',
  'remote-email',
  'x-remote-user',
  'x-webauth-user',
  // authentik, Vouch, Pomerium
  'x-authentik-username',
  'x-authentik-email',
  'x-vouch-user',
  'x-pomerium-jwt-assertion',
  'x-pomerium-claim-email',
  // Cloudflare Access, Google IAP, Azure App Service, AWS ALB, Tailscale
  'cf-access-jwt-assertion',
  'cf-access-authenticated-user-email',
  'x-goog-iap-jwt-assertion',
  'x-goog-authenticated-user-email',
  'x-goog-authenticated-user-id',
  'x-ms-client-principal',
  'x-ms-client-principal-name',
  'x-ms-client-principal-id',
  'x-amzn-oidc-data',
  'x-amzn-oidc-identity',
  'tailscale-user-login',
]

/** Applications recognise their users by them, so that they count like a cookie (RFC 9111 §7.3). */
const userFields: ReadonlySet<string> = new Set([...secrets, ...namesOfUsers])

/** Whether a field's value is that of one user. */
export const isCredentialField = (name: string): boolean => name === 'authorization' || userFields.has(name)

/** Whether a request carries credentials: what they make personal must not be shared unasked (RFC 9111 §3.5, §7.3). */
export const credentialsOf = (headers: FieldMap): StoreContext['credentials'] => {
  // Of what is there, not of what might be: to find that a field is missing takes longest.
  for (const name in headers) if (userFields.has(name) && headers[name] !== undefined) return 'other'
  return headers.authorization === undefined ? undefined : 'authorization'
}
