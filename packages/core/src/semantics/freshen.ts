import { type FieldTable, newFieldTable } from '../field-table.ts'
import type { FieldMap } from '../message.ts'
import { hasField, withoutConnectionFields } from './fields.ts'

/**
 * What a 304 does not change in a stored response: its length, how the stored content is to be read, cookies, which
 * belong to one client, and Vary, by which the stored response is found (RFC 9111 §3.2).
 */
const keptWhenFreshened: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'set-cookie',
  'transfer-encoding',
  'vary',
])

/**
 * The header fields of a stored response once a 304 has updated it (RFC 9111 §3.2, §4.3.4). Age says how long ago the
 * response was last validated, and that is now: without one in the 304, it is dropped (§5.1).
 *
 * @example
 * freshenFields({ etag: '"v1"', age: '60' }, { 'cache-control': 'max-age=5' })
 * // { etag: '"v1"', 'cache-control': 'max-age=5' }
 */
export const freshenFields = (
  stored: FieldMap,
  notModified: FieldMap,
): Record<string, string | readonly string[]> => {
  const fields = withoutConnectionFields(stored)
  delete fields.age
  const update = withoutConnectionFields(notModified)
  for (const [name, value] of Object.entries(update)) {
    // An empty list has no field line, and so is no field of the 304.
    if (hasField(update, name) && !keptWhenFreshened.has(name)) fields[name] = value
  }
  return fields
}

/** What describes content, which a 304 does not have (RFC 9110 §15.4.5). */
const describesContent: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'trailer',
  'transfer-encoding',
])

/**
 * The header fields of a 304 made from a stored response (RFC 9110 §15.4.5).
 *
 * @example
 * notModifiedFields({ etag: '"v1"', 'content-type': 'text/html' }) // { etag: '"v1"' }
 */
export const notModifiedFields = (stored: FieldMap): FieldTable => {
  const fields = newFieldTable()
  for (const name of Object.keys(stored)) {
    const value = stored[name]
    if (value !== undefined && !describesContent.has(name)) fields[name] = value
  }
  return fields
}
