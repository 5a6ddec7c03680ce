import type { CacheRequest, MaybePromise, RequestBody } from '@stowage/core'
import { readBody } from '@stowage/node'
import type { FastifyRequest } from 'fastify'

/** Host and port as Fastify resolves them: in its version 4 `hostname` has the port as well. */
const authorityOf = (request: FastifyRequest): string =>
  (request as { readonly host?: string }).host ?? request.hostname

/**
 * The target as `rewriteUrl` has made it. Of several routes for one path their constraints choose, by what only they
 * know: as of a rewritten target, it cannot be told again what a request was that has come to one of them.
 */
const rewrittenOf = (
  { url, originalUrl }: FastifyRequest,
  constraints: string | undefined,
): string | undefined => {
  if (constraints !== undefined) return `${constraints} ${url}`
  return url === originalUrl ? undefined : url
}

/** The pattern of the route that Fastify has found. */
export const routeOf = ({ routeOptions: { url } }: FastifyRequest): string => url ?? ''

function body(this: CacheRequest<FastifyRequest>, limit: number): MaybePromise<RequestBody | undefined> {
  // Parsed already, where the cache stands at preHandler.
  return readBody(this.raw.raw, limit, this.raw)
}

/** A Fastify request as the cache reads it. */
export const asRead = (
  request: FastifyRequest,
  route = routeOf(request),
  constraints?: string,
): CacheRequest<FastifyRequest> => ({
  method: request.method,
  url: request.originalUrl,
  authority: authorityOf(request),
  scheme: request.protocol,
  headers: request.headers,
  raw: request,
  rewritten: rewrittenOf(request, constraints),
  route,
  body,
})
