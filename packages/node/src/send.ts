import type { ServerResponse } from 'node:http'
import type { FieldMap, SelectedResponse } from '@stowage/core'
import { clearReason, hasReasons } from './head.ts'
import { applyFields, type ResponseFields } from './headers.ts'
import { ServerResponse as Http1Response } from './http.ts'
import { hasTrailers, makeRoomForTrailers, putTrailers, type Trailers } from './trailers.ts'

/**
 * Whether nobody has had a hand in this response, or will look at it afterwards: no fields or trailers, no replaced
 * `writeHead`, and of the listeners that a log would have, Node's own and the framework's alone.
 */
const isUntouched = (response: ServerResponse, ownListeners: number): boolean =>
  response.writeHead === Http1Response.prototype.writeHead &&
  response.getHeaderNames().length === 0 &&
  !hasTrailers(response) &&
  response.listenerCount('finish') <= ownListeners &&
  response.listenerCount('close') <= ownListeners

const addFields = (list: (string | string[])[], fields: FieldMap, over: FieldMap): void => {
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined || Object.hasOwn(over, name)) continue
    // Node only reads it. Of an empty list it makes no line.
    list.push(name, value as string | string[])
  }
}

const nothing: FieldMap = {}

/** The whole head at once, past the table in which Node keeps what is set field by field. */
const sendHead = (response: ServerResponse, { status, reason, headers, added }: SelectedResponse): void => {
  const list: (string | string[])[] = []
  addFields(list, headers, added)
  addFields(list, added, nothing)
  if (reason === undefined) response.writeHead(status, list as string[])
  else response.writeHead(status, reason, list as string[])
}

/**
 * Several lines of a field as one, which means the same (RFC 9110 §5.3): of fields that have one value Node refuses several
 * in HTTP/2. Lines of `Set-Cookie`, which a 304 may have of its handler, are not one.
 */
const inOneLine = (fields: FieldMap): FieldMap =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'object' && value.length > 0 && name !== 'set-cookie' ? value.join(', ') : value,
    ]),
  )

/**
 * Puts the head of a selected response over what outer layers have set. `fields` is where a framework keeps them until it
 * sends, by default the response.
 *
 * @example
 * putHead(response, decision.response)
 */
export const putHead = (
  response: ServerResponse,
  selected: SelectedResponse,
  fields: ResponseFields = response,
): void => {
  const { status, reason, headers, added } = selected
  response.statusCode = status
  if (reason !== undefined && hasReasons(response)) response.statusMessage = reason
  applyFields(fields, response.req.httpVersionMajor < 2 ? headers : inOneLine(headers))
  applyFields(fields, added)
  makeRoomForTrailers(response, selected, fields)
}

/**
 * Sends a selected response over whatever fields the outer layers have set for this exchange. `layer` are the
 * methods to send it with: those of the response, where nothing inside the cache may have replaced them. `ownListeners`
 * is how many wait for the end of any response: Node's, and those of a framework.
 *
 * @example
 * if (decision.action === 'reuse') send(response, decision.response)
 */
export const send = (
  response: ServerResponse,
  selected: SelectedResponse,
  layer: Pick<ServerResponse, 'writeHead' | 'end'> = response,
  ownListeners = 1,
): void => {
  if (layer === response && selected.added.vary === undefined && isUntouched(response, ownListeners)) {
    sendHead(response, selected)
  } else {
    putHead(response, selected)
    // Where the head leaves with the body, Node damages a Content-Disposition that is not ASCII.
    layer.writeHead(selected.status)
  }
  if (selected.body === null) layer.end()
  else layer.end(selected.body)
}

/**
 * What stood on a response in front of the cache.
 *
 * @example
 * const outer: OuterHead = { fields: fieldsOf(response), trailers: trailersOf(response) }
 */
export interface OuterHead {
  readonly fields: FieldMap
  readonly trailers: Trailers
}

/** What the handler had set goes; what stood there before it stays. */
export const clearHandlerFields = (
  response: ServerResponse,
  outer: OuterHead,
  fields: ResponseFields = response,
): void => {
  for (const name of fields.getHeaderNames()) fields.removeHeader(name)
  applyFields(fields, outer.fields)
  clearReason(response)
  putTrailers(response, outer.trailers)
}
