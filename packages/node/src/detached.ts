import type http from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { FieldMap } from '@stowage/core'
import { withUnlisted } from './headers.ts'
import { IncomingMessage, ServerResponse } from './http.ts'

/** A socket that nobody is at the other end of: what is written to it is gone. */
class NowhereSocket extends Duplex {
  /** An address of nobody (RFC 5737): the loopback one would be trusted with more than any client is. */
  readonly remoteAddress = '192.0.2.1'
  readonly remoteFamily = 'IPv4'
  readonly remotePort = 0
  readonly localAddress = '192.0.2.1'
  readonly encrypted: boolean

  constructor(encrypted: boolean) {
    super()
    this.encrypted = encrypted
  }

  override _read(): void {
    // Nothing will ever come.
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done()
  }

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

/** A connection to nobody. */
export const createNowhere = (): Duplex => new NowhereSocket(false)

/** The request line and fields of a request that no client has sent. */
interface DetachedRequest {
  readonly method: string
  readonly url: string
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
}

const toIncoming = (headers: FieldMap): http.IncomingMessage['headers'] => {
  const incoming: http.IncomingMessage['headers'] = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) incoming[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return incoming
}

/** What a listener of HTTP/2 reads of a request in the place of `Host`. */
const pseudoFields = ({ method, url, authority, scheme }: DetachedRequest): Record<string, string> => ({
  ':method': method,
  ':scheme': scheme,
  ':authority': authority,
  ':path': url,
})

/** What the compatibility API of HTTP/2 has beside what `node:http` has; nobody is there who takes a push. */
const asOfHttp2 = (request: object, response: object, { authority, scheme }: DetachedRequest): void => {
  Object.assign(request, { authority, scheme })
  Object.assign(response, {
    createPushResponse: (_fields: unknown, done: (error: Error) => void) =>
      process.nextTick(done, new Error('nobody takes a push')),
  })
}

/**
 * A request and its response with no connection behind them, real enough for any framework, or listener of HTTP/2 where
 * they are to be `ofHttp2`.
 */
export const createDetached = (
  from: DetachedRequest,
  ofHttp2 = false,
): { readonly request: http.IncomingMessage; readonly response: http.ServerResponse; close(): void } => {
  const socket = new NowhereSocket(from.scheme === 'https')
  // IncomingMessage and ServerResponse use of a socket what NowhereSocket has.
  const connection = socket as unknown as Socket
  const request = new IncomingMessage(connection)
  request.method = from.method
  request.url = from.url
  request.httpVersion = '1.1'
  request.httpVersionMajor = 1
  request.httpVersionMinor = 1
  const headers = { host: from.authority, ...toIncoming(from.headers) }
  request.headers = ofHttp2 ? withUnlisted(headers, pseudoFields(from)) : headers
  request.rawHeaders = Object.entries(request.headers).flatMap(([name, value]) => [name, String(value)])
  request.complete = true
  request.push(null)
  const response = new ServerResponse(request)
  if (ofHttp2) asOfHttp2(request, response, from)
  response.assignSocket(connection)
  socket.on('drain', () => response.emit('drain'))
  socket.on('error', () => socket.destroy())
  response.on('finish', () => socket.destroy())
  return { request, response, close: () => void socket.destroy() }
}
