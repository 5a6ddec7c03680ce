import type { FieldMap } from '../message.ts'
import { fieldLines } from './fields.ts'

/**
 * The target URI of a request in its parts; `path` is the request target as received, with its query.
 *
 * @example
 * const target: RequestTarget = { scheme: 'https', authority: 'example.com', path: '/items?page=2' }
 */
export interface RequestTarget {
  readonly scheme: string
  readonly authority: string
  readonly path: string
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])

/**
 * Whether a method may change state; so may every unknown one (RFC 9110 §9.2.1, RFC 10008 §2, RFC 9111 §4.4).
 *
 * @example
 * isUnsafe('PATCH') // true
 */
export const isUnsafe = (method: string): boolean => !safeMethods.has(method)

/**
 * Whether a response to an unsafe request invalidates: 2xx and 3xx do (RFC 9111 §4.4).
 *
 * @example
 * isNonError(303) // true
 */
export const isNonError = (status: number): boolean => status >= 200 && status < 400

const absoluteForm = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is

/** An absolute-form request target overrides scheme and authority (RFC 9110 §7.1). */
const withoutAbsoluteForm = (target: RequestTarget): RequestTarget => {
  const [, scheme, authority, path] = absoluteForm.exec(target.path) ?? []
  return scheme !== undefined && authority !== undefined && path !== undefined
    ? { scheme, authority, path }
    : target
}

const defaultPort = (scheme: string): string | undefined =>
  scheme === 'http' ? '80' : scheme === 'https' ? '443' : undefined

/**
 * Host and port in their normal form, without userinfo, for a scheme in lower case (RFC 9110 §4.2.3, §4.2.4, §4.3.1).
 *
 * @example
 * normalAuthority('http', 'A.example:80') // 'a.example'
 */
export const normalAuthority = (scheme: string, authority: string): string => {
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase()
  const colon = host.lastIndexOf(':')
  const port = host.slice(colon + 1)
  // An IPv6 address ends in a bracket, so that no group of it is taken for a port.
  if (colon < 0 || !/^[0-9]*$/.test(port)) return host
  const significant = port.replace(/^0+(?=[0-9])/, '')
  return significant === '' || significant === defaultPort(scheme)
    ? host.slice(0, colon)
    : `${host.slice(0, colon)}:${significant}`
}

/** The path and query, which are kept as received: a stored response is found under nothing else. */
const withoutFragment = (path: string): string => {
  const hash = path.indexOf('#')
  const rest = hash < 0 ? path : path.slice(0, hash)
  return rest.startsWith('/') ? rest : `/${rest}`
}

const parseUrl = (reference: string, base?: URL): URL | undefined => {
  try {
    return new URL(reference, base)
  } catch {
    return undefined
  }
}

/** Path and query of a reference of the same origin; another origin's must not be invalidated (RFC 9111 §4.4). */
const sameOriginPath = (reference: string, base: URL): string | undefined => {
  const resolved = parseUrl(reference, base)
  if (resolved === undefined || resolved.protocol !== base.protocol || resolved.host !== base.host)
    return undefined
  resolved.hash = ''
  resolved.username = ''
  resolved.password = ''
  return resolved.href.slice(resolved.origin.length)
}

const plainAuthority = /^[^\s/?#@\\]+$/

/**
 * The URIs that a non-error response to an unsafe request invalidates: the target, and Location and
 * Content-Location where they are of the same origin (RFC 9111 §4.4). Scheme and host are lower-case, default
 * ports and fragments are dropped; the path of the target stays as received, references are resolved against it.
 *
 * @example
 * invalidatedUris({ scheme: 'http', authority: 'a.example', path: '/items' }, { location: '/items/7' })
 * // ['http://a.example/items', 'http://a.example/items/7']
 */
export const invalidatedUris = (target: RequestTarget, responseHeaders: FieldMap): readonly string[] => {
  // The asterisk-form names the server, under which nothing is stored.
  if (target.path === '*') return []
  const effective = withoutAbsoluteForm(target)
  const scheme = effective.scheme.toLowerCase()
  const authority = normalAuthority(scheme, effective.authority)
  const origin = `${scheme}://${authority}`
  const uri = origin + withoutFragment(effective.path)
  const base = defaultPort(scheme) !== undefined && plainAuthority.test(authority) ? parseUrl(uri) : undefined
  if (base === undefined) return [uri]
  const uris = new Set([uri])
  for (const name of ['location', 'content-location'])
    for (const reference of fieldLines(responseHeaders, name)) {
      const path = sameOriginPath(reference, base)
      if (path !== undefined) uris.add(origin + path)
    }
  return [...uris]
}
