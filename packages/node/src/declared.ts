import type { FieldMap } from '@stowage/core'
import { fieldsOf, type ResponseFields } from './headers.ts'

/** By which a response says how long it is fresh (RFC 9111 §5.2, §5.3, RFC 9213). */
const declaring = /^(?:expires|surrogate-control|(?:.+-)?cache-control)$/

/**
 * What a response says by now of how long it is fresh.
 *
 * @example
 * const before = declaredOn(response) // { 'cache-control': 'max-age=60' }
 */
export const declaredOn = (fields: ResponseFields): FieldMap =>
  Object.fromEntries(Object.entries(fieldsOf(fields)).filter(([name]) => declaring.test(name)))

/**
 * Whether the answer to an error would be fresh by what is said of its handler's success: in the fields that stood there
 * `before`, or, where it does not look like an error, by a ttl. For frameworks that keep the fields when a handler fails.
 *
 * @example
 * if (passesForSuccess(response.statusCode, response, before)) forward.handler.skip('thrown')
 */
export const passesForSuccess = (status: number, fields: ResponseFields, before: FieldMap): boolean => {
  const now = declaredOn(fields)
  const names = Object.keys(now)
  if (names.length === 0) return status < 400
  return names.some((name) => String(now[name]) === String(before[name]))
}
