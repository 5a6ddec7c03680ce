import { type FieldTable, newFieldTable } from '../field-table.ts'
import type { FieldMap } from '../message.ts'
import { trimOws } from './whitespace.ts'

const isString = (value: unknown): value is string => typeof value === 'string'

/** RFC 9110 §5.2: the lines of a field, in order; `name` in lower case. Only what the map itself holds counts. */
export const fieldLines = (headers: FieldMap, name: string): readonly string[] => {
  const value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (isString(value)) return [value]
  return Array.isArray(value) ? value.filter(isString) : []
}

/** RFC 9110 §5.3: the lines of a field combined, or undefined where the field is absent. */
export const fieldValue = (headers: FieldMap, name: string): string | undefined => {
  const value: unknown = headers[name]
  // Asked second, because most fields that are asked for are not there.
  if (value === undefined || !Object.hasOwn(headers, name)) return undefined
  if (isString(value)) return value
  const lines = fieldLines(headers, name)
  return lines.length === 0 ? undefined : lines.join(', ')
}

/** RFC 9110 §5.2: whether the field has a line, be it an empty one. */
export const hasField = (headers: FieldMap, name: string): boolean => fieldValue(headers, name) !== undefined

/** The index after a quoted-string that opens at `start`; the end of the text where nothing closes it. */
const afterQuoted = (text: string, start: number): number => {
  let index = start + 1
  while (index < text.length) {
    const code = text.charCodeAt(index)
    if (code === 0x22) return index + 1
    index += code === 0x5c ? 2 : 1
  }
  return text.length
}

/** RFC 9110 §5.6.1.2: the elements of a list, empty ones left out; a comma within a quoted-string does not separate. */
export const splitList = (value: string): string[] => {
  const elements: string[] = []
  const add = (start: number, end: number): void => {
    const element = trimOws(value, start, end)
    if (element !== '') elements.push(element)
  }
  let start = 0
  let index = 0
  while (index < value.length) {
    const code = value.charCodeAt(index)
    if (code === 0x22) {
      index = afterQuoted(value, index)
      continue
    }
    if (code === 0x2c) {
      add(start, index)
      start = index + 1
    }
    index += 1
  }
  add(start, value.length)
  return elements
}

/**
 * RFC 9110 §5.6.1: the members of a list of tokens (Vary, Connection) in lower case. A quote has no meaning in such a
 * list, hence every comma separates, and what is no token is still a member: the caller must see the damage.
 */
export const listMembers = (headers: FieldMap, name: string): string[] => {
  const value = fieldValue(headers, name)
  if (value === undefined) return []
  const members: string[] = []
  for (const part of value.toLowerCase().split(',')) {
    const member = trimOws(part)
    if (member !== '') members.push(member)
  }
  return members
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** RFC 9110 §5.6.2. */
export const isToken = (value: string): boolean => token.test(value)

const fieldContent = /^[\t\x20-\x7e\x80-\xff]*$/

/** RFC 9110 §5.5: what may be sent as a field value; no control character but the tab, nothing beyond one octet. */
export const isFieldValue = (value: string): boolean => fieldContent.test(value)

/** Fields of one connection, whether Connection names them or not (RFC 9110 §7.6.1), and of one proxy (RFC 9111 §3.1). */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
])

/** RFC 9111 §3.1, RFC 9110 §7.6.1: a copy without the fields that concern this connection alone. */
export const withoutConnectionFields = (headers: FieldMap): FieldTable => {
  const named = new Set(listMembers(headers, 'connection'))
  const kept = newFieldTable()
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || connectionFields.has(name) || named.has(name)) continue
    kept[name] = value
  }
  return kept
}
