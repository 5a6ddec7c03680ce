import type { StoredResponse } from './entry.ts'
import type { FieldMap, ResponseHead } from './message.ts'
import { fieldValue } from './semantics/fields.ts'
import { selectRange } from './semantics/range.ts'
import { clientConditionHolds, hasConditions, notModifiedFields } from './semantics/validate.ts'

/**
 * A response to send instead of running the handler, or instead of what the handler said. `headers` are shared
 * between requests and must not be changed; `added` belong to this one. A field whose value is an empty list is one
 * that the handler had removed.
 *
 * @example
 * response.statusCode = selected.status
 * response.end(selected.body ?? undefined)
 */
export interface SelectedResponse extends ResponseHead {
  readonly added: FieldMap
  /** Null where the response has no content: an answer to HEAD, a 204 or a 304, or one of the cache's own. */
  readonly body: Buffer | null
}

/** A 304 made of a full response (RFC 9110 §15.4.5). */
export const notModified = (headers: FieldMap, added: FieldMap): SelectedResponse => ({
  status: 304,
  headers: notModifiedFields(headers),
  added,
  body: null,
})

/** A part is one of the bytes as they are stored: what encodes responses further out must leave it alone. */
const untransformed = (headers: FieldMap, requestHeaders: FieldMap): FieldMap => {
  const accepted = fieldValue(requestHeaders, 'accept-encoding')
  if (accepted === undefined || accepted.trim().toLowerCase() === 'identity') return {}
  const said = fieldValue(headers, 'cache-control')
  if (said !== undefined && /(?:^|,)\s*no-transform\s*(?:,|$)/i.test(said)) return {}
  return { 'cache-control': said === undefined ? 'no-transform' : `${said}, no-transform` }
}

const part = (
  stored: StoredResponse,
  requestHeaders: FieldMap,
  added: FieldMap,
): SelectedResponse | undefined => {
  const range = selectRange(requestHeaders, stored, stored.body.length)
  if (range.kind === 'whole') return undefined
  if (range.kind === 'unsatisfiable') {
    const headers = { 'content-range': range.contentRange, 'content-length': '0', date: stored.headers.date }
    return { status: 416, headers, added, body: null }
  }
  const body = stored.body.subarray(range.first, range.last + 1)
  const headers = {
    ...stored.headers,
    ...untransformed(stored.headers, requestHeaders),
    'content-range': range.contentRange,
    'content-length': String(body.length),
  }
  return { status: 206, headers, added, body }
}

/**
 * The response that a stored one gives to this request: the whole of it, a 304 for a condition that holds
 * (RFC 9111 §4.3.2), a part of it (RFC 9110 §14.2), or its header section alone for HEAD (§9.3.2).
 */
export const select = (
  stored: StoredResponse,
  method: string,
  requestHeaders: FieldMap,
  added: FieldMap,
): SelectedResponse => {
  if (hasConditions(requestHeaders) && clientConditionHolds(requestHeaders, stored))
    return notModified(stored.headers, added)
  if (method === 'GET' && requestHeaders.range !== undefined) {
    const selected = part(stored, requestHeaders, added)
    if (selected !== undefined) return selected
  }
  return {
    status: stored.status,
    reason: stored.reason,
    headers: stored.headers,
    added,
    body: method === 'HEAD' || stored.status === 204 ? null : stored.body,
  }
}

/** An answer of the cache's own, such as the 504 of only-if-cached (RFC 9111 §5.2.1.7). */
export const ownResponse = (status: number, added: FieldMap): SelectedResponse => ({
  status,
  headers: { 'content-length': '0', 'cache-control': 'no-store' },
  added,
  body: null,
})
