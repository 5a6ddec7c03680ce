/**
 * A bare Item by its type. Dates are whole seconds since 1970, Byte Sequences are decoded (RFC 9651 §3.3).
 *
 * @example
 * const item: BareItem = { type: 'integer', value: 60 }
 */
export type BareItem =
  | { readonly type: 'integer' | 'decimal' | 'date'; readonly value: number }
  | { readonly type: 'string' | 'token' | 'display-string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'boolean'; readonly value: boolean }

/**
 * An Inner List; the parameters of its items are dropped (RFC 9651 §3.1.1).
 *
 * @example
 * const list: InnerList = { type: 'inner-list', items: [{ type: 'token', value: 'a' }] }
 */
export interface InnerList {
  readonly type: 'inner-list'
  readonly items: readonly BareItem[]
}

interface Cursor {
  readonly text: string
  at: number
}

// Every pattern is sticky and made of disjoint alternatives, so that each character is looked at once.
const keyPattern = /[a-z*][a-z0-9_.*-]*/y
const numberPattern = /-?[0-9]+(?:\.[0-9]*)?/y
const stringPattern = /"(?:[ !#-[\]-~]|\\["\\])*"/y
const tokenPattern = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y
const bytesPattern = /:[A-Za-z0-9+/]*={0,2}:/y
const booleanPattern = /\?[01]/y
const displayPattern = /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y
const spaces = / */y
const optionalWhitespace = /[ \t]*/y

const take = (cursor: Cursor, pattern: RegExp): string | undefined => {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.text)?.[0]
  if (found !== undefined) cursor.at += found.length
  return found
}

const takeChar = (cursor: Cursor, char: string): boolean => {
  if (cursor.text[cursor.at] !== char) return false
  cursor.at += 1
  return true
}

/** Parses an Integer or Decimal (RFC 9651 §4.2.4). */
const parseNumber = (cursor: Cursor): BareItem | undefined => {
  const found = take(cursor, numberPattern)
  if (found === undefined) return undefined
  const digits = found.startsWith('-') ? found.length - 1 : found.length
  const point = found.indexOf('.')
  // `-0` is the same number as `0`, and must not reach arithmetic as a negative zero.
  const value = Number(found) || 0
  if (point < 0) return digits > 15 ? undefined : { type: 'integer', value }
  const fraction = found.length - point - 1
  const whole = digits - fraction - 1
  return whole > 12 || fraction < 1 || fraction > 3 ? undefined : { type: 'decimal', value }
}

/** Parses a String (RFC 9651 §4.2.5). */
const parseString = (cursor: Cursor): BareItem | undefined => {
  const found = take(cursor, stringPattern)
  if (found === undefined) return undefined
  const inner = found.slice(1, -1)
  return { type: 'string', value: inner.includes('\\') ? inner.replace(/\\(.)/g, '$1') : inner }
}

/** Parses a Token (RFC 9651 §4.2.6). */
const parseToken = (cursor: Cursor): BareItem | undefined => {
  const value = take(cursor, tokenPattern)
  return value === undefined ? undefined : { type: 'token', value }
}

/** Parses a Byte Sequence; padding may be missing, never superfluous (RFC 9651 §4.2.7). */
const parseBytes = (cursor: Cursor): BareItem | undefined => {
  const encoded = take(cursor, bytesPattern)?.slice(1, -1)
  if (encoded === undefined) return undefined
  const end = encoded.indexOf('=')
  const content = end < 0 ? encoded : encoded.slice(0, end)
  const rest = content.length % 4
  if (rest === 1 || encoded.length > content.length + ((4 - rest) % 4)) return undefined
  return { type: 'bytes', value: new Uint8Array(Buffer.from(content, 'base64')) }
}

/** Parses a Boolean (RFC 9651 §4.2.8). */
const parseBoolean = (cursor: Cursor): BareItem | undefined => {
  const found = take(cursor, booleanPattern)
  return found === undefined ? undefined : { type: 'boolean', value: found === '?1' }
}

/** Parses a Date, which is an Integer behind an `@` (RFC 9651 §4.2.9). */
const parseDate = (cursor: Cursor): BareItem | undefined => {
  cursor.at += 1
  const seconds = parseNumber(cursor)
  return seconds?.type === 'integer' ? { type: 'date', value: seconds.value } : undefined
}

/** Parses a Display String (RFC 9651 §4.2.10). */
const parseDisplayString = (cursor: Cursor): BareItem | undefined => {
  const found = take(cursor, displayPattern)
  if (found === undefined) return undefined
  try {
    return { type: 'display-string', value: decodeURIComponent(found.slice(2, -1)) }
  } catch {
    // The escapes are not valid UTF-8.
    return undefined
  }
}

const startsNumber = (char: string): boolean => char === '-' || (char >= '0' && char <= '9')

/** Parses a Bare Item by its first character (RFC 9651 §4.2.3.1). */
const parseBareItem = (cursor: Cursor): BareItem | undefined => {
  const first = cursor.text.charAt(cursor.at)
  switch (first) {
    case '"':
      return parseString(cursor)
    case ':':
      return parseBytes(cursor)
    case '?':
      return parseBoolean(cursor)
    case '@':
      return parseDate(cursor)
    case '%':
      return parseDisplayString(cursor)
    default:
      return startsNumber(first) ? parseNumber(cursor) : parseToken(cursor)
  }
}

/** Passes over the parameters; false where they do not parse (RFC 9651 §4.2.3.2). */
const skipParameters = (cursor: Cursor): boolean => {
  while (takeChar(cursor, ';')) {
    take(cursor, spaces)
    if (take(cursor, keyPattern) === undefined) return false
    if (takeChar(cursor, '=') && parseBareItem(cursor) === undefined) return false
  }
  return true
}

/** Parses an Inner List behind its opening parenthesis (RFC 9651 §4.2.1.2). */
const parseInnerList = (cursor: Cursor): InnerList | undefined => {
  const items: BareItem[] = []
  while (cursor.at < cursor.text.length) {
    take(cursor, spaces)
    if (takeChar(cursor, ')')) return { type: 'inner-list', items }
    const item = parseBareItem(cursor)
    if (item === undefined || !skipParameters(cursor)) return undefined
    items.push(item)
    const next = cursor.text[cursor.at]
    if (next !== ' ' && next !== ')') return undefined
  }
  return undefined
}

/** Parses what stands behind a key; a key alone is Boolean true (RFC 9651 §4.2.2). */
const parseMember = (cursor: Cursor): BareItem | InnerList | undefined => {
  if (!takeChar(cursor, '=')) return { type: 'boolean', value: true }
  return takeChar(cursor, '(') ? parseInnerList(cursor) : parseBareItem(cursor)
}

/**
 * Parses a Dictionary strictly; undefined where any part of it does not parse, an empty map for an empty field.
 * The last of several members with one key counts, and all parameters are dropped (RFC 9651 §4.2.2).
 *
 * @example
 * parseDictionary(['max-age=60', 'private'])?.get('max-age') // { type: 'integer', value: 60 }
 */
export const parseDictionary = (
  lines: readonly string[],
): ReadonlyMap<string, BareItem | InnerList> | undefined => {
  const cursor: Cursor = { text: lines.join(','), at: 0 }
  const dictionary = new Map<string, BareItem | InnerList>()
  take(cursor, spaces)
  if (cursor.at === cursor.text.length) return dictionary
  for (;;) {
    const key = take(cursor, keyPattern)
    if (key === undefined) return undefined
    const member = parseMember(cursor)
    if (member === undefined || !skipParameters(cursor)) return undefined
    dictionary.set(key, member)
    take(cursor, optionalWhitespace)
    if (cursor.at === cursor.text.length) return dictionary
    if (!takeChar(cursor, ',')) return undefined
    // A trailing comma leaves nothing that could be a key, and fails there.
    take(cursor, optionalWhitespace)
  }
}

const wholeToken = /^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*$/
const wholeString = /^[ -~]*$/

/**
 * Serialises a Token; undefined where the value cannot be one (RFC 9651 §4.1.7).
 *
 * @example
 * sfToken('uri-miss') // 'uri-miss'
 */
export const sfToken = (value: string): string | undefined => (wholeToken.test(value) ? value : undefined)

/**
 * Serialises a String; undefined where the value holds anything but printable ASCII (RFC 9651 §4.1.6).
 *
 * @example
 * sfString('say "hi"') // '"say \\"hi\\""'
 */
export const sfString = (value: string): string | undefined =>
  wholeString.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : undefined
