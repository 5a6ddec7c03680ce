import type { IncomingMessage } from 'node:http'
import type { CacheRequest, FieldMap, MaybePromise, RequestBody } from '@stowage/core'
import { readBody } from './body.ts'

const authorityOf = ({ headers }: IncomingMessage): string => {
  const authority = headers[':authority'] ?? headers.host
  return typeof authority === 'string' ? authority : ''
}

/** Of `Forwarded` what names a host or a scheme; who the client is, no response is stored by (RFC 7239 §4). */
const namingParts = (forwarded: string): string | undefined =>
  forwarded.match(/(?:host|proto)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,\s]*)/gi)?.join(';')

/**
 * Fields by which the application may resolve another host or scheme than the connection has: whether it believes them
 * is not for the cache to know, so that responses are told apart by them.
 */
const forwardedOf = ({ headers }: IncomingMessage): FieldMap | undefined => {
  const { forwarded } = headers
  const host = headers['x-forwarded-host']
  const proto = headers['x-forwarded-proto']
  if (host === undefined && proto === undefined && forwarded === undefined) return undefined
  const parts = forwarded === undefined ? undefined : namingParts(forwarded)
  const fields: Record<string, string | readonly string[]> = {}
  if (host !== undefined) fields['x-forwarded-host'] = host
  if (proto !== undefined) fields['x-forwarded-proto'] = proto
  if (parts !== undefined) fields.forwarded = parts
  return fields
}

/** A request of `node:http`, or of the compatibility API of `node:http2`, as the cache reads it. */
export class NodeRequest implements CacheRequest<IncomingMessage> {
  readonly method: string
  readonly url: string
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
  readonly forwarded: FieldMap | undefined
  readonly rewritten: string | undefined
  readonly raw: IncomingMessage

  constructor(request: IncomingMessage) {
    this.method = request.method ?? 'GET'
    const url = request.url ?? '/'
    // Where the listener is mounted in another framework, it sees what that one has left of the target.
    const { originalUrl = url } = request as { readonly originalUrl?: string }
    this.url = originalUrl
    this.rewritten = originalUrl === url ? undefined : url
    this.authority = authorityOf(request)
    // Of HTTP/2's :scheme the client says what it likes.
    this.scheme = (request.socket as { encrypted?: boolean }).encrypted === true ? 'https' : 'http'
    this.headers = request.headers as FieldMap
    this.forwarded = forwardedOf(request)
    this.raw = request
  }

  body(limit: number): MaybePromise<RequestBody | undefined> {
    return readBody(this.raw, limit)
  }
}
