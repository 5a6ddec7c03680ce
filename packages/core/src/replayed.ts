import { isCredentialField } from './credentials.ts'
import type { Policy } from './policy.ts'
import { fieldLines } from './semantics/fields.ts'
import { type CacheRequest, cookieValues } from './view.ts'

/**
 * Whether a request can be made again of what is in its key alone: not where a function, a body or somebody's
 * credentials are part of it, and not where middleware has rewritten its target by it knows what.
 */
export const isReplayable = (request: CacheRequest, policy: Policy, fields: readonly string[]): boolean =>
  (request.method === 'GET' || request.method === 'HEAD') &&
  request.rewritten === undefined &&
  typeof policy.scope !== 'function' &&
  policy.key.by.length === 0 &&
  ![...fields, ...policy.key.headers].some(isCredentialField)

/**
 * A scheme that a proxy has told, as the framework has resolved it: middleware that sends clients of `http` elsewhere
 * may ask for the field itself.
 */
const toldScheme = ({ headers, scheme }: CacheRequest): string | undefined => {
  const [told] = fieldLines(headers, 'x-forwarded-proto')
  return told?.split(',', 1)[0]?.trim() === scheme ? scheme : undefined
}

/** The request of a background revalidation: what is in the key, and nobody's cookies or credentials beyond that. */
export const replayed = (request: CacheRequest, policy: Policy, fields: readonly string[]): CacheRequest => {
  const headers: Record<string, string | readonly string[] | undefined> = Object.create(null)
  const told = toldScheme(request)
  if (told !== undefined) headers['x-forwarded-proto'] = told
  if (policy.key.host) Object.assign(headers, request.forwarded)
  for (const name of [...fields, ...policy.key.headers]) {
    const lines = fieldLines(request.headers, name)
    const [only] = lines
    if (only !== undefined) headers[name] = lines.length === 1 ? only : lines
  }
  const cookies = policy.key.cookies.flatMap((name) =>
    cookieValues(request.headers, name).map((value) => `${name}=${value}`),
  )
  if (cookies.length > 0) headers.cookie = cookies.join('; ')
  const { url, authority, scheme, raw } = request
  // Also for HEAD: what is refreshed is the stored response to GET.
  return { method: 'GET', url, authority, scheme, headers, raw }
}
