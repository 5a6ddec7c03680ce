import type { IncomingMessage } from 'node:http'
import { type FieldEdits, type FieldMap, mergeVaryValue } from '@stowage/core'

/**
 * The header fields of a response that has not left: Node's own, or what a framework keeps of them until then.
 *
 * @example
 * const fields: ResponseFields = response
 */
export interface ResponseFields {
  getHeaderNames(): string[]
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): void
}

/**
 * The header fields of a response as they stand, in strings.
 *
 * @example
 * const outer = fieldsOf(response)
 */
export const fieldsOf = (response: ResponseFields): Record<string, string | readonly string[]> => {
  const fields: Record<string, string | readonly string[]> = Object.create(null)
  for (const name of response.getHeaderNames()) {
    const value = response.getHeader(name)
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.map(String) : String(value)
  }
  return fields
}

/**
 * Sets fields over those that stand there: an empty list removes one, `Vary` unites.
 *
 * @example
 * applyFields(response, selected.headers)
 */
export const applyFields = (response: ResponseFields, fields: FieldMap): void => {
  for (const name in fields) {
    const value = fields[name]
    if (typeof value === 'string')
      response.setHeader(name, name === 'vary' ? unitedVary(response, value) : value)
    else if (value !== undefined && value.length > 0) response.setHeader(name, value)
    else if (value !== undefined) response.removeHeader(name)
  }
}

/**
 * Does what a verdict says of the head; `vary` is what outer layers had said of it.
 *
 * @example
 * applyEdits(response, verdict.edits, outer.vary)
 */
export const applyEdits = (
  response: ResponseFields,
  edits: FieldEdits,
  vary: string | readonly string[] | undefined,
): void => {
  if (vary !== undefined) applyFields(response, { vary })
  for (const name of Object.keys(edits)) if (edits[name] === undefined) response.removeHeader(name)
  applyFields(response, edits)
}

/**
 * Puts the head back to what it was `before` the edits.
 *
 * @example
 * takeBackEdits(response, verdict.edits, before)
 */
export const takeBackEdits = (response: ResponseFields, edits: FieldEdits, before: FieldMap): void => {
  for (const name of Object.keys(edits)) {
    const value = before[name]
    if (value === undefined) response.removeHeader(name)
    else response.setHeader(name, value)
  }
}

const unitedVary = (response: ResponseFields, value: string): string => {
  const present = response.getHeader('vary')
  if (present === undefined) return value
  return mergeVaryValue(Array.isArray(present) ? present.join(', ') : String(present), value) ?? value
}

/** The `Vary` of outer layers, while a handler runs that has one of its own to say. */
const taken = Symbol.for('stowage.vary')

/**
 * Takes `Vary` off a response, so that what the handler says of it is told apart; all that was taken so far.
 *
 * @example
 * const vary = takeVary(response)
 */
export const takeVary = (response: ResponseFields & { [taken]?: string }): string | undefined => {
  const present = response.getHeader('vary')
  if (present !== undefined) {
    const said = Array.isArray(present) ? present.join(', ') : String(present)
    response[taken] = mergeVaryValue(response[taken], said) ?? said
    response.removeHeader('vary')
  }
  return response[taken]
}

/** The request fields that a cache answers itself, and may hide from the handler or ask in its own way. */
const conditional: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'range', 'if-range'])

/** Removes only what is there: an object that has lost a property is a slow one. */
const setOrRemove = (headers: Record<string, unknown>, name: string, value: unknown): void => {
  if (value !== undefined) headers[name] = value
  else if (headers[name] !== undefined) delete headers[name]
}

/**
 * What a request of HTTP/2 has beside its fields, for a request that says it is one of HTTP/1.1: it is found by name and
 * not listed, for who hands the fields on takes it away in HTTP/2 alone.
 *
 * @example
 * request.headers = withUnlisted(fields, { ':path': '/items' })
 */
export const withUnlisted = <Fields extends object>(
  fields: Fields,
  unlisted: Readonly<Record<string, unknown>>,
): Fields => {
  for (const name of [':method', ':scheme', ':authority', ':path'])
    Object.defineProperty(fields, name, { value: unlisted[name], configurable: true, writable: true })
  return fields
}

/**
 * What the handler sees of the request header instead of what the client sent. `original` has what an earlier edit has
 * hidden; what others have changed since the request came stays as it is.
 *
 * @example
 * editRequest(request, forward.request.headers, forward.requestEdits)
 */
export const editRequest = (
  request: IncomingMessage,
  original: FieldMap,
  edits: Readonly<Record<string, string | undefined>>,
): void => {
  const present: Readonly<Record<string, unknown>> = request.headers
  const headers: Record<string, unknown> = { ...present }
  if (present[':path'] !== headers[':path']) withUnlisted(headers, present)
  for (const name of conditional) setOrRemove(headers, name, original[name])
  for (const name of Object.keys(edits)) setOrRemove(headers, name, edits[name])
  // The accessor of an HTTP/2 request has no setter.
  if (!Reflect.set(request, 'headers', headers))
    Object.defineProperty(request, 'headers', { value: headers, configurable: true, writable: true })
}

/**
 * Gives a request the client's own conditions back: once the head is judged, layers outside answer those.
 *
 * @example
 * restoreConditions(request, forward.request.headers)
 */
export const restoreConditions = (request: IncomingMessage, original: FieldMap): void => {
  const headers = request.headers as FieldMap
  if ([...conditional].some((name) => headers[name] !== original[name])) editRequest(request, original, {})
}

/**
 * The request header as it has become on the way to the handler, with the client's own conditions. What was taken away
 * on the way still counts: it may have been used before.
 *
 * @example
 * forward.meet({ headers: currentFields(request, forward.request.headers) })
 */
export const currentFields = (request: { readonly headers: object }, original: FieldMap): FieldMap => {
  const headers = request.headers as FieldMap
  const changed = Object.keys(headers).filter((name) => headers[name] !== original[name])
  if (changed.every((name) => conditional.has(name))) return original
  const current: Record<string, string | readonly string[] | undefined> = { ...original, ...headers }
  for (const name of conditional) current[name] = original[name]
  return current
}
