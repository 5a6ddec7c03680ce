import type { CacheRequest, FieldMap, MaybePromise, RequestBody } from '@stowage/core'
import { readBody } from '@stowage/node'
import type { Context } from 'koa'

/** What @koa/router and koa-mount leave on a context. */
interface Routed {
  readonly _matchedRoute?: unknown
  readonly mountPath?: string
}

/** Where the application or router that has the request is mounted: what is gone from the front of its path. */
const mountOf = (ctx: Context): string => {
  const { originalUrl, path } = ctx
  const { mountPath } = ctx as Routed
  const query = originalUrl.indexOf('?')
  const whole = query < 0 ? originalUrl : originalUrl.slice(0, query)
  if (mountPath === undefined || !whole.startsWith('/')) return ''
  if (whole !== path && whole.endsWith(path)) return whole.slice(0, -path.length)
  // On the way back the path is whole again.
  const at = whole.indexOf(mountPath)
  return at < 0 ? '' : whole.slice(0, at) + mountPath
}

/** The pattern of the route that the router has found, with the path that it is mounted at. */
export const routeOf = (ctx: Context): string | undefined => {
  const { _matchedRoute: pattern } = ctx as Routed
  return pattern === undefined ? undefined : mountOf(ctx) + String(pattern)
}

/** The target as middleware has rewritten it; a mount only takes something off its front. */
const rewrittenOf = (ctx: Context): string | undefined => {
  const { url, originalUrl } = ctx
  if (url === originalUrl) return undefined
  const { mountPath } = ctx as Routed
  const isMounted =
    mountPath !== undefined &&
    // Of a path that ends with the mount, koa-mount makes a slash.
    (originalUrl.endsWith(url) || originalUrl.endsWith(mountPath + url.slice(1)))
  return isMounted ? undefined : url
}

/** A Koa context as the cache reads it. */
export class KoaRequest implements CacheRequest<Context> {
  readonly method: string
  readonly url: string
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
  readonly raw: Context
  readonly rewritten: string | undefined
  declare readonly route?: string

  constructor(ctx: Context) {
    // What the context only hands through is asked for where it is.
    const { req, request } = ctx
    this.method = req.method ?? 'GET'
    this.url = ctx.originalUrl
    this.authority = request.host
    this.scheme = request.protocol
    this.headers = req.headers as FieldMap
    this.raw = ctx
    this.rewritten = rewrittenOf(ctx)
    const route = routeOf(ctx)
    if (route !== undefined) this.route = route
  }

  body(limit: number): MaybePromise<RequestBody | undefined> {
    // Body parsers for Koa leave what they have made of it on Koa's request.
    return readBody(this.raw.req, limit, this.raw.request)
  }
}
