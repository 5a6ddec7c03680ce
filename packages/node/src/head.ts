import type { ServerResponse } from 'node:http'
import type { FieldMap, ForwardedHead } from '@stowage/core'
import { fieldsOf, type ResponseFields } from './headers.ts'
import { STATUS_CODES } from './http.ts'

/** The arguments of `writeHead` in any of its forms. */
interface GivenHead {
  readonly status: number
  readonly reason: string | undefined
  readonly fields: unknown
}

const givenHead = ([status, reason, headers]: readonly unknown[]): GivenHead =>
  typeof reason === 'string'
    ? { status: Math.trunc(Number(status)), reason, fields: headers }
    : { status: Math.trunc(Number(status)), reason: undefined, fields: headers ?? reason }

/** A flat list of names and values, or a list of pairs. */
const flatFields = (list: readonly unknown[]): readonly unknown[] =>
  list.every(Array.isArray) ? list.flat() : list

/** Whether Node will refuse such a head, so that nothing comes of it. */
export const isRefusedHead = (given: readonly unknown[]): boolean => {
  const { status, fields } = givenHead(given)
  return !(status >= 100 && status <= 999) || (Array.isArray(fields) && flatFields(fields).length % 2 !== 0)
}

const setRawFields = (response: ServerResponse, list: readonly unknown[]): void => {
  const flat = flatFields(list)
  const pairs = Array.from(
    { length: flat.length / 2 },
    (_, i) => [String(flat[2 * i]), flat[2 * i + 1] as string] as const,
  )
  for (const [name] of pairs) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}

/** Moves what `writeHead` was given onto the response, where it can be read and edited. */
export const settleHead = (response: ServerResponse, given: readonly unknown[]): void => {
  const { status, reason, fields } = givenHead(given)
  if (reason !== undefined) response.statusMessage = reason
  response.statusCode = status
  if (Array.isArray(fields)) setRawFields(response, fields)
  else if (typeof fields === 'object' && fields !== null)
    for (const [name, value] of Object.entries(fields)) if (name !== '') response.setHeader(name, value)
}

/** HTTP/2 has no reason phrases, and Node warns where one is touched. */
export const hasReasons = (response: ServerResponse): boolean => response.req.httpVersionMajor < 2

/**
 * The reason phrase where it is not the standard one of the status.
 *
 * @example
 * forward.respond({ status: response.statusCode, ...customReason(response), headers: fieldsOf(response) })
 */
const customReason = (response: ServerResponse): { reason?: string } => {
  if (!hasReasons(response)) return {}
  const { statusMessage, statusCode } = response
  return statusMessage && statusMessage !== STATUS_CODES[statusCode] ? { reason: statusMessage } : {}
}

/** A head with what a framework will set as it sends; a body that nobody asks for is not made. */
export const unsentHead = (
  known: ForwardedHead,
  fields: FieldMap,
  body: (() => Buffer) | undefined,
): ForwardedHead => {
  const { headers, ...others } = known
  return { headers: { ...headers, ...fields }, ...others, ...(body && { body }) }
}

/** Whether the head has left: of a response others may say that it has not, as @fastify/express does of each. */
export const hasLeft = (response: ServerResponse & { readonly _header?: unknown }): boolean =>
  response.headersSent || Boolean(response._header)

/** The head of a response as it stands. */
export const headOf = (response: ServerResponse, fields: ResponseFields = response): ForwardedHead => ({
  status: response.statusCode,
  ...(response.req?.method === undefined ? {} : { method: response.req.method }),
  ...customReason(response),
  headers: fieldsOf(fields),
})

/**
 * Lets the response take the standard phrase again.
 *
 * @example
 * clearReason(response)
 */
export const clearReason = (response: ServerResponse): void => {
  // Node types it as a string; undefined is how it starts.
  if (hasReasons(response)) (response as { statusMessage?: string | undefined }).statusMessage = undefined
}

/**
 * Remembers a head as it stands; what is returned puts it back, whatever was set since, unless it has left. `fields` is
 * where a framework keeps the fields until it sends them, by default the response.
 *
 * @example
 * const putBack = keepHead(reply.raw, fields)
 */
export const keepHead = (response: ServerResponse, fields: ResponseFields = response): (() => void) => {
  const { statusCode } = response
  const reason = hasReasons(response) ? response.statusMessage : undefined
  const kept = new Map(
    fields.getHeaderNames().map((name) => {
      const value = fields.getHeader(name)
      return [name, Array.isArray(value) ? [...value] : value]
    }),
  )
  return () => {
    if (response.headersSent) return
    response.statusCode = statusCode
    if (reason === undefined) clearReason(response)
    else response.statusMessage = reason
    for (const name of fields.getHeaderNames()) if (!kept.has(name)) fields.removeHeader(name)
    for (const [name, value] of kept)
      if (value !== undefined && fields.getHeader(name) !== value)
        fields.setHeader(name, typeof value === 'number' ? String(value) : value)
  }
}
