import type { CacheRequest, FieldMap, MaybePromise, RequestBody } from '@stowage/core'
import { readBody } from '@stowage/node'
import type { Request } from 'express'

/** The host as Express resolves it, with its port: X-Forwarded-Host only from a trusted proxy. */
const authorityOf = (request: Request): string => {
  const forwarded = request.get('x-forwarded-host')
  const trusts: unknown = request.app.get('trust proxy fn')
  // As in `req.hostname`, an empty field counts as none.
  if (forwarded && typeof trusts === 'function' && trusts(request.socket.remoteAddress, 0) === true)
    return forwarded.split(',', 1)[0]?.trim() ?? ''
  const authority = request.headers[':authority'] ?? request.headers.host
  return typeof authority === 'string' ? authority : ''
}

/** Whether the application that has the request now resolves forwarding fields to another host or scheme. */
export const isForwardedElsewhere = (
  request: Request,
  known: Pick<CacheRequest, 'authority' | 'scheme'>,
): boolean => {
  const { headers } = request
  if (headers['x-forwarded-host'] === undefined && headers['x-forwarded-proto'] === undefined) return false
  return authorityOf(request) !== known.authority || request.protocol !== known.scheme
}

/** The pattern of the route that Express has found, with the path that its router is mounted at. */
export const routeOf = (request: Request): string | undefined => {
  const route = request.route as { path?: unknown } | undefined
  return route === undefined ? undefined : `${request.baseUrl}${String(route.path)}`
}

/** The target as middleware has rewritten it; what a mount takes off its front is in `baseUrl`. */
const rewrittenOf = ({ url, baseUrl, originalUrl }: Request): string | undefined =>
  // Of a path that ends with the mount, Express makes a slash.
  originalUrl === baseUrl + url || (url.startsWith('/') && originalUrl === baseUrl + url.slice(1))
    ? undefined
    : baseUrl + url

/** An Express request as the cache reads it. */
export class ExpressRequest implements CacheRequest<Request> {
  readonly method: string
  readonly url: string
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
  readonly raw: Request
  readonly rewritten: string | undefined
  declare readonly route?: string

  constructor(request: Request) {
    this.method = request.method
    this.url = request.originalUrl
    this.authority = authorityOf(request)
    this.scheme = request.protocol
    this.headers = request.headers as FieldMap
    this.raw = request
    this.rewritten = rewrittenOf(request)
    const route = routeOf(request)
    if (route !== undefined) this.route = route
  }

  body(limit: number): MaybePromise<RequestBody | undefined> {
    return readBody(this.raw, limit)
  }
}
