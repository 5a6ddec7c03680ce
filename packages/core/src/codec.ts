import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { crcInHex } from './checksum.ts'
import type { StoredResponse } from './entry.ts'
import { newFieldTable } from './field-table.ts'
import type { FieldMap } from './message.ts'
import type { ResponseDirectives } from './semantics/cache-control.ts'
import { isFieldValue, isToken } from './semantics/fields.ts'

/** The version of the format: an entry of another version is a miss. */
const version = 'c1'
const crcAt = version.length + 1
const headAt = crcAt + 9
/** Characters; far more than fields and tags come to. Reading a longer head would take a crafted value too long. */
const longestHead = 262_144

type Times = readonly [number, number, number, number, number, number, number]

/** The head of an entry as JSON; short names, for it is stored with every response. */
interface EntryHead {
  readonly k: string
  readonly s: number
  readonly r?: string | undefined
  readonly h: readonly (readonly [string, string | readonly string[]])[]
  readonly d: ResponseDirectives
  /** requestTime, responseTime, freshnessLifetime, correctedInitialAge, staleWhileRevalidate, staleIfError, handlerMs */
  readonly t: Times
  readonly g: readonly string[]
  readonly q: number
  readonly e: string
  readonly n: string
  readonly u?: string | undefined
  /** Flags: p policyFresh, m madeEtag, d downstream, s scoped, r atRoute. */
  readonly f: string
  readonly b: 'utf8' | 'base64'
}

/** Only ASCII in the head: no change of a character can leave its UTF-8 bytes, and so the checksum, as they were. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const flags = (stored: StoredResponse): string =>
  (stored.policyFresh ? 'p' : '') +
  (stored.madeEtag ? 'm' : '') +
  (stored.downstream ? 'd' : '') +
  (stored.scoped ? 's' : '') +
  (stored.atRoute ? 'r' : '')

const fieldList = (headers: FieldMap): EntryHead['h'] => {
  const list: (readonly [string, string | readonly string[]])[] = []
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) list.push([name, value])
  }
  return list
}

const fieldMap = (list: EntryHead['h']): FieldMap => {
  const headers = newFieldTable()
  for (const [name, value] of list) headers[name] = value
  return headers
}

/**
 * The same text in one piece. What was put together is a tree of its parts until somebody looks at a character: a store
 * in memory would keep the parts, and each entry would be copied into old memory at its first reading.
 */
const flat = (text: string): string => {
  text.charCodeAt(0)
  return text
}

/**
 * The string form of a stored response: version and checksum, JSON head, body as text or base64. Undefined where the
 * head is too long to be read again.
 */
export const encode = (stored: StoredResponse): string | undefined => {
  const text = isUtf8(stored.body)
  const head: EntryHead = {
    k: stored.key,
    s: stored.status,
    r: stored.reason,
    h: fieldList(stored.headers),
    d: stored.directives,
    t: [
      stored.requestTime,
      stored.responseTime,
      stored.freshnessLifetime,
      stored.correctedInitialAge,
      stored.staleWhileRevalidate,
      stored.staleIfError,
      stored.handlerMs,
    ],
    g: stored.tags,
    q: stored.stamp,
    e: stored.epoch,
    n: stored.run,
    u: stored.route,
    f: flags(stored),
    b: text ? 'utf8' : 'base64',
  }
  const json = asciiJson(head)
  if (json.length > longestHead) return undefined
  const start = `${json}\n`
  const body = stored.body.toString(text ? 'utf8' : 'base64')
  // As UTF-8 the text of the body has the body's own bytes.
  const checksum = crc32(text ? stored.body : body, crc32(start))
  return flat(`${version} ${crcInHex(checksum)}\n${start}${body}`)
}

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((member) => typeof member === 'string')

const isTimes = (value: unknown): value is Times =>
  Array.isArray(value) &&
  value.length === 7 &&
  value.every((n) => typeof n === 'number' && n >= 0 && n <= Number.MAX_SAFE_INTEGER)

const isField = (field: unknown): field is readonly [string, string | readonly string[]] => {
  if (!Array.isArray(field) || field.length !== 2) return false
  const [name, value] = field as [unknown, unknown]
  if (typeof name !== 'string' || !isToken(name) || name !== name.toLowerCase()) return false
  return typeof value === 'string' ? isFieldValue(value) : isStrings(value) && value.every(isFieldValue)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value may come from a store that others write to: every member is checked before one is used. */
const isHead = (head: unknown): head is EntryHead =>
  isRecord(head) &&
  typeof head.k === 'string' &&
  typeof head.s === 'number' &&
  Number.isInteger(head.s) &&
  head.s >= 200 &&
  head.s <= 599 &&
  (head.r === undefined || (typeof head.r === 'string' && isFieldValue(head.r))) &&
  Array.isArray(head.h) &&
  head.h.every(isField) &&
  isRecord(head.d) &&
  isTimes(head.t) &&
  isStrings(head.g) &&
  typeof head.q === 'number' &&
  typeof head.e === 'string' &&
  typeof head.n === 'string' &&
  (head.u === undefined || typeof head.u === 'string') &&
  typeof head.f === 'string' &&
  (head.b === 'utf8' || head.b === 'base64')

const parseHead = (text: string): EntryHead | undefined => {
  try {
    const head: unknown = JSON.parse(text)
    return isHead(head) ? head : undefined
  } catch {
    return undefined
  }
}

/**
 * A stored response as it was read. A class, for V8 puts literals into old memory at once where most of their like have
 * grown old, and with them all that they hold; of entries read once that is garbage which only a full collection finds.
 */
class ReadResponse implements StoredResponse {
  readonly key: string
  readonly status: number
  readonly reason: string | undefined
  readonly headers: FieldMap
  readonly body: Buffer
  readonly requestTime: number
  readonly responseTime: number
  readonly directives: ResponseDirectives
  readonly freshnessLifetime: number
  readonly correctedInitialAge: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly policyFresh: boolean
  readonly downstream: boolean
  readonly madeEtag: boolean
  readonly scoped: boolean
  readonly atRoute: boolean
  readonly tags: readonly string[]
  readonly stamp: number
  readonly epoch: string
  readonly run: string
  readonly route: string | undefined
  readonly handlerMs: number

  constructor(head: EntryHead, body: Buffer) {
    const { t: times, f: flags } = head
    this.key = head.k
    this.status = head.s
    this.reason = head.r
    this.headers = fieldMap(head.h)
    this.body = body
    this.requestTime = times[0]
    this.responseTime = times[1]
    this.directives = head.d
    this.freshnessLifetime = times[2]
    this.correctedInitialAge = times[3]
    this.staleWhileRevalidate = times[4]
    this.staleIfError = times[5]
    this.policyFresh = flags.includes('p')
    this.downstream = flags.includes('d')
    this.madeEtag = flags.includes('m')
    this.scoped = flags.includes('s')
    this.atRoute = flags.includes('r')
    this.tags = head.g
    this.stamp = head.q
    this.epoch = head.e
    this.run = head.n
    this.route = head.u
    this.handlerMs = times[6]
  }
}

/** Whether its fields delimit the body that is there: any others would cut or lengthen it on the wire. */
const isFramed = ({ headers, body }: StoredResponse): boolean => {
  const length = headers['content-length']
  return (
    headers['transfer-encoding'] === undefined && (length === undefined || length === String(body.length))
  )
}

/**
 * The stored response, or undefined where the value is damaged, foreign, of another version, or stored under
 * another key: one lost reply of a store must not answer a request with somebody else's entry.
 */
export const decode = (value: string, key: string): StoredResponse | undefined => {
  if (!value.startsWith(`${version} `) || value.charCodeAt(headAt - 1) !== 10) return undefined
  // Before the checksum, which would go over all of a long value.
  const end = value.indexOf('\n', headAt)
  if (end < 0 || end - headAt > longestHead) return undefined
  const bytes = Buffer.from(value)
  // One byte a character up to here: the body begins at the same place in both.
  if (bytes.indexOf(10, headAt) !== end) return undefined
  if (value.slice(crcAt, crcAt + 8) !== crcInHex(crc32(bytes.subarray(headAt)))) return undefined
  const head = parseHead(value.slice(headAt, end))
  if (head === undefined || head.k !== key) return undefined
  const body = head.b === 'utf8' ? bytes.subarray(end + 1) : Buffer.from(value.slice(end + 1), 'base64')
  const stored = new ReadResponse(head, body)
  return isFramed(stored) ? stored : undefined
}
