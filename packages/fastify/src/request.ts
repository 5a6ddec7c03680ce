import type { CacheRequest, FieldMap, MaybePromise, RequestBody } from '@stowage/core'
import { parsedBody, readBody } from '@stowage/node'
import type { FastifyRequest } from 'fastify'

/** Host and port as Fastify resolves them: in its version 4 `hostname` has the port as well. */
const authorityOf = (request: FastifyRequest): string =>
  (request as { readonly host?: string }).host ?? request.hostname

/**
 * The target as `rewriteUrl` has made it. Of several routes for one path their constraints choose, by what only they
 * know: as of a rewritten target, it cannot be told again what a request was that has come to one of them.
 */
export const rewrittenOf = (
  { url, originalUrl }: FastifyRequest,
  constraints: string | undefined,
): string | undefined => {
  if (constraints !== undefined) return `${constraints} ${url}`
  return url === originalUrl ? undefined : url
}

/** A Fastify request as the cache reads it. */
export class ForwardableRequest implements CacheRequest<FastifyRequest> {
  readonly method: string
  readonly url: string
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
  readonly raw: FastifyRequest
  readonly rewritten: string | undefined
  readonly route: string

  constructor(request: FastifyRequest, route: string, constraints?: string) {
    this.method = request.method
    this.url = request.originalUrl
    this.authority = authorityOf(request)
    this.scheme = request.protocol
    this.headers = request.headers as FieldMap
    this.raw = request
    this.rewritten = rewrittenOf(request, constraints)
    this.route = route
  }

  body(limit: number): MaybePromise<RequestBody | undefined> {
    const { body, headers, raw } = this.raw
    if (body === undefined) return readBody(raw, limit)
    // Parsed already, where the cache stands at preHandler.
    const size = Buffer.isBuffer(body) ? body.length : Number(headers['content-length'] ?? 0)
    return size > limit ? undefined : parsedBody({ headers, body })
  }
}
