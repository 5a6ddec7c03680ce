import type { IncomingMessage, ServerResponse } from 'node:http'
import { type FieldMap, mergeVaryValue } from '@stowage/core'

/** The header fields of a response as they stand, in strings. */
export const fieldsOf = (response: ServerResponse): Record<string, string | readonly string[]> => {
  const fields: Record<string, string | readonly string[]> = Object.create(null)
  const headers = response.getHeaders()
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.map(String) : String(value)
  }
  return fields
}

/** Sets fields over those that stand there: an empty list removes one, `Vary` unites. */
export const applyFields = (response: ServerResponse, fields: FieldMap): void => {
  for (const name in fields) {
    const value = fields[name]
    if (typeof value === 'string')
      response.setHeader(name, name === 'vary' ? unitedVary(response, value) : value)
    else if (value !== undefined && value.length > 0) response.setHeader(name, value)
    else if (value !== undefined) response.removeHeader(name)
  }
}

const unitedVary = (response: ServerResponse, value: string): string => {
  const present = response.getHeader('vary')
  if (present === undefined) return value
  return mergeVaryValue(Array.isArray(present) ? present.join(', ') : String(present), value) ?? value
}

/** What the handler sees of the request header instead of what the client sent. */
export const editRequest = (
  request: IncomingMessage,
  original: FieldMap,
  edits: Readonly<Record<string, string | undefined>>,
): void => {
  const headers: Record<string, unknown> = { ...original }
  for (const name of Object.keys(edits)) {
    if (edits[name] === undefined) delete headers[name]
    else headers[name] = edits[name]
  }
  // The accessor of an HTTP/2 request has no setter.
  if (!Reflect.set(request, 'headers', headers))
    Object.defineProperty(request, 'headers', { value: headers, configurable: true, writable: true })
}
