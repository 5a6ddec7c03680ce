import type { IncomingMessage } from 'node:http'
import type { RequestBody } from '@stowage/core'

/** Types of which a parser keeps everything in `req.body`; of a multipart body, say, files go elsewhere. */
const keptWhole = /^(?:application\/(?:[\w.+-]+\+)?json|application\/x-www-form-urlencoded)\s*(?:;|$)/i

/** What a body parser in front of the cache has left, where that is all of it. */
const parsedBody = (request: IncomingMessage): RequestBody | undefined => {
  const { body, file, files } = request as { body?: unknown; file?: unknown; files?: unknown }
  if (body === undefined || file !== undefined || files !== undefined) return undefined
  if (Buffer.isBuffer(body)) return { bytes: body }
  return keptWhole.test(request.headers['content-type'] ?? '') ? { parsed: body } : undefined
}

/**
 * Reads a request body for the key and puts it back, so that whoever comes later reads it as if nothing had
 * happened. Undefined where it is larger than `limit` bytes, cut off, or consumed already; what was read of it is
 * put back in those cases as well.
 *
 * @example
 * const body = await readBody(request, 65_536)
 */
export const readBody = async (request: IncomingMessage, limit: number): Promise<RequestBody | undefined> => {
  if (request.readableEnded || request.destroyed || request.readableFlowing === true)
    return parsedBody(request)
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limit) return undefined
  const chunks: Buffer[] = []
  const whole = await new Promise<boolean>((resolve) => {
    let size = 0
    const settle = (complete: boolean): void => {
      request.off('readable', read)
      request.off('error', fail)
      request.off('close', fail)
      // Before the end is announced: after that nothing can be put back.
      if (size > 0) request.unshift(Buffer.concat(chunks))
      resolve(complete)
    }
    const fail = (): void => settle(false)
    const read = (): void => {
      for (let chunk: unknown = request.read(); chunk !== null; chunk = request.read()) {
        const piece = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
        chunks.push(piece)
        size += piece.length
        if (size > limit) break
      }
      if (size > limit) settle(false)
      else if (request.complete) settle(true)
    }
    request.on('readable', read)
    request.on('error', fail)
    request.on('close', fail)
    if (request.complete && request.readableLength === 0) settle(true)
  })
  return whole ? { bytes: Buffer.concat(chunks) } : undefined
}
