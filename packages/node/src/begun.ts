import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type Forward, isEndless } from '@stowage/core'
import { isGone } from './gone.ts'
import { fieldsOf, type ResponseFields } from './headers.ts'

const hasBegun = ({ readableLength, readableEnded, readableFlowing }: Readable): boolean =>
  readableLength > 0 || readableEnded || readableFlowing === true

/** Resolves with the first piece of a stream, or its end; rejects where it fails before, or its client leaves. */
const firstPiece = (source: Readable, response: ServerResponse): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      for (const event of ['readable', 'end'] as const) source.off(event, begin)
      for (const event of ['error', 'close'] as const) source.off(event, fail)
      response.off('close', leave)
    }
    const begin = (): void => {
      stop()
      resolve()
    }
    const fail = (error?: Error): void => {
      stop()
      reject(error ?? new Error('the stream was closed before it began'))
    }
    const leave = (): void => void source.destroy()
    source.on('error', fail).on('close', fail).on('end', begin).on('readable', begin)
    response.on('close', leave)
  })

/**
 * What is to be awaited before the head of a stream is judged: that it begins. Until then a stale response may still
 * stand in where it fails, or is overdue (RFC 5861 §4). Undefined where there is none to confirm, or nothing to await,
 * or nobody who waits; events have begun with their head, and may be long in coming.
 *
 * @param fields Where a framework keeps the head until it sends it. Default: the response.
 * @example
 * await begun(body, forward, response)
 */
export const begun = (
  source: unknown,
  forward: Forward,
  response: ServerResponse,
  fields: ResponseFields = response,
): Promise<void> | undefined => {
  if (forward.handler.status !== 'revalidate' || !(source instanceof Readable) || hasBegun(source))
    return undefined
  // Of a client that has left already nothing would tell the stream.
  if (isGone(response) || response.headersSent) return undefined
  if (!source.destroyed && isEndless(fieldsOf(fields))) return undefined
  return source.destroyed
    ? Promise.reject(source.errored ?? new Error('the stream was closed before it began'))
    : firstPiece(source, response)
}
