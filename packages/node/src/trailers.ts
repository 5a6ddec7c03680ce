import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { SelectedResponse } from '@stowage/core'
import type { ResponseFields } from './headers.ts'

/** Trailer fields as Node keeps them until it sends them: of HTTP/1.1 the lines, of HTTP/2 a table. */
export type Trailers = string | Readonly<Record<string, unknown>> | undefined

/** Node has no public way to read them, nor to take one back. */
interface Holder {
  _trailer?: unknown
  [name: symbol]: unknown
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const tableOf = (holder: Holder): Record<string, unknown> | undefined => {
  const name = Object.getOwnPropertySymbols(holder).find(({ description }) => description === 'trailers')
  const table = name && holder[name]
  return isTable(table) ? table : undefined
}

/** The trailers that have been set by now. */
export const trailersOf = (response: ServerResponse): Trailers => {
  const holder = response as unknown as Holder
  if (typeof holder._trailer === 'string') return holder._trailer
  const table = tableOf(holder)
  return table && { ...table }
}

/** Where Node keeps them elsewhere: none are sent. */
const clear = (response: ServerResponse): void => {
  const { stream } = response as { stream?: EventEmitter }
  // Each of them takes the place of all before. HTTP/2 adds, and asks who listens for them.
  if (stream === undefined) response.addTrailers({})
  else stream.removeAllListeners('wantTrailers')
}

/** Trailers belong to the body that they were made for: those that were set since go, the others are put back. */
export const putTrailers = (response: ServerResponse, trailers: Trailers): void => {
  const holder = response as unknown as Holder
  const table = tableOf(holder)
  if (typeof holder._trailer === 'string') holder._trailer = typeof trailers === 'string' ? trailers : ''
  else if (table === undefined) clear(response)
  else {
    for (const name of Object.keys(table)) delete table[name]
    if (typeof trailers === 'object') Object.assign(table, trailers)
  }
}

/** Whether trailers that HTTP/1.1 sends behind the last chunk have been set. */
export const hasTrailers = (response: ServerResponse): boolean =>
  Boolean((response as unknown as Holder)._trailer)

/**
 * Makes room for trailers of layers in front of the cache: only chunks have any, and Node throws where some are announced
 * and the length is said, or there is no body (RFC 9112 §7.1.2).
 *
 * @example
 * makeRoomForTrailers(response, decision.response)
 */
export const makeRoomForTrailers = (
  response: ServerResponse,
  { body }: SelectedResponse,
  fields: ResponseFields = response,
): void => {
  if (response.req.httpVersionMajor > 1) return
  const isAnnounced = fields.getHeader('trailer') !== undefined
  if (!isAnnounced && !hasTrailers(response)) return
  const takesAny = body !== null && response.useChunkedEncodingByDefault
  if (takesAny) fields.removeHeader('content-length')
  else if (isAnnounced) fields.removeHeader('trailer')
}
