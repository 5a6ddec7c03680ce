import type { IncomingMessage } from 'node:http'
import type { RequestBody } from '@stowage/core'

/** Types of which a parser keeps everything in `req.body`; of a multipart body, say, files go elsewhere. */
const keptWhole = /^(?:application\/(?:[\w.+-]+\+)?json|application\/x-www-form-urlencoded)\s*(?:;|$)/i

/**
 * Where body parsers leave what they have made of a body.
 *
 * @example
 * const parsed: ParsedRequest = context.request
 */
export type ParsedRequest = Pick<IncomingMessage, 'headers'> & { readonly body?: unknown }

/** What a body parser in front of the cache has left, where that is all of it. */
const parsedBody = (request: ParsedRequest, limit: number): RequestBody | undefined => {
  const { body, file, files } = request as ParsedRequest & { file?: unknown; files?: unknown }
  if (body === undefined || file !== undefined || files !== undefined) return undefined
  const { 'content-type': type = '', 'content-length': length = 0 } = request.headers
  if ((Buffer.isBuffer(body) ? body.length : Number(length)) > limit) return undefined
  if (Buffer.isBuffer(body)) return { bytes: body }
  return keptWhole.test(type) ? { parsed: body } : undefined
}

/**
 * Reads a request body for the key and puts it back, so that whoever comes later reads it as if nothing had
 * happened. Undefined where it is larger than `limit` bytes, cut off, or consumed already; what was read of it is
 * put back in those cases as well. Of one that a parser has consumed it is what that has left on `parsed`, or on Node's
 * request.
 *
 * @example
 * const body = await readBody(request, 65_536)
 */
export const readBody = async (
  request: IncomingMessage,
  limit: number,
  parsed: ParsedRequest = request,
): Promise<RequestBody | undefined> => {
  if (request.readableEnded || request.destroyed || request.readableFlowing === true)
    return parsedBody(parsed, limit) ?? parsedBody(request, limit)
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limit) return undefined
  const chunks: Buffer[] = []
  const whole = await collect(request, limit, chunks)
  return whole ? { bytes: Buffer.concat(chunks) } : undefined
}

/**
 * Whether all of the body has come into `chunks`. It is listened to on its way into the stream and never read out of
 * it: a stream that is read to its end says so to nobody else.
 */
const collect = async (request: IncomingMessage, limit: number, chunks: Buffer[]): Promise<boolean> => {
  let size = 0
  const take = (chunk: unknown): void => {
    const piece = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    chunks.push(piece)
    size += piece.length
  }
  if (request.readableLength > 0) {
    const buffered: unknown = request.read()
    take(buffered)
    request.unshift(buffered)
  }
  if (request.complete || size > limit) return size <= limit
  return new Promise((resolve) => {
    const push = request.push.bind(request)
    let listening = true
    const settle = (complete: boolean): void => {
      listening = false
      request.off('error', fail)
      request.off('close', fail)
      request.push = push
      resolve(complete)
    }
    const fail = (): void => settle(false)
    request.on('error', fail)
    request.on('close', fail)
    const receive = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      const wantsMore = push(chunk, encoding)
      if (chunk === null) settle(true)
      else take(chunk)
      if (listening && size > limit) settle(false)
      // What is within the limit comes in whether or not somebody reads yet.
      return listening || wantsMore
    }
    request.push = receive
    // HTTP/2 sends nothing before it is asked.
    request.read(0)
  })
}
