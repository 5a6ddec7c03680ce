import { sfString, sfToken } from './structured-fields.ts'

/**
 * Why a request went forward, from most specific to least (RFC 9211 §2.2).
 *
 * @example
 * const fwd: ForwardReason = 'uri-miss'
 */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale'

/**
 * What one cache did with a request (RFC 9211 §2). `hit` and `fwd` exclude each other, and `fwdStatus`, `stored`
 * and `collapsed` mean nothing without `fwd`; `ttl` is in seconds, below zero for a stale response.
 *
 * @example
 * const status: CacheStatus = { fwd: 'uri-miss', fwdStatus: 200, stored: true }
 */
export interface CacheStatus {
  readonly hit?: true | undefined
  readonly fwd?: ForwardReason | undefined
  readonly fwdStatus?: number | undefined
  readonly ttl?: number | undefined
  readonly stored?: true | undefined
  readonly collapsed?: boolean | undefined
  readonly key?: string | undefined
  readonly detail?: string | undefined
}

const longestText = 1024
const longestInteger = 999_999_999_999_999

const percentEncoded = (part: string): string =>
  Array.from(new TextEncoder().encode(part), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

/** A String of any text: what is not printable ASCII is percent-encoded as UTF-8, and the rest cut off. */
const textAsString = (text: string): string => {
  const readable = text.slice(0, longestText).replace(/[^ -~]+/g, percentEncoded)
  return sfString(readable.slice(0, longestText)) ?? '""'
}

/** A Token where the text can be one, else a String (RFC 9211 §2, §2.8). */
const tokenOrString = (text: string): string =>
  text.length <= longestText ? (sfToken(text) ?? textAsString(text)) : textAsString(text)

const ttlParameter = (ttl: number | undefined): string =>
  ttl === undefined || Number.isNaN(ttl)
    ? ''
    : `; ttl=${Math.floor(Math.max(-longestInteger, Math.min(longestInteger, ttl)))}`

/** The parameters that describe how the request went forward (RFC 9211 §2.2, §2.3). */
const forwardParameters = (status: CacheStatus): string => {
  if (status.fwd === undefined) return status.hit === true ? '; hit' : ''
  const forward = `; fwd=${status.fwd}`
  const code = status.fwdStatus ?? 0
  return Number.isInteger(code) && code >= 100 && code <= 999 ? `${forward}; fwd-status=${code}` : forward
}

/** The parameters that say what became of the forwarded response (RFC 9211 §2.5, §2.6). */
const outcomeParameters = (status: CacheStatus): string => {
  if (status.fwd === undefined) return ''
  const stored = status.stored === true ? '; stored' : ''
  if (status.collapsed === undefined) return stored
  return stored + (status.collapsed ? '; collapsed' : '; collapsed=?0')
}

const isPlainHit = (status: CacheStatus): boolean =>
  status.hit === true && status.fwd === undefined && status.key === undefined && status.detail === undefined

/**
 * One member of a Cache-Status list (RFC 9211 §2). Where both `hit` and `fwd` are given, the request went forward.
 *
 * @example
 * formatCacheStatus('stowage', { hit: true, ttl: 271 }) // 'stowage; hit; ttl=271'
 */
export const formatCacheStatus = (name: string, status: CacheStatus): string => {
  const member = tokenOrString(name)
  const ttl = ttlParameter(status.ttl)
  if (isPlainHit(status)) return `${member}; hit${ttl}`
  const key = status.key === undefined ? '' : `; key=${textAsString(status.key)}`
  const detail = status.detail === undefined ? '' : `; detail=${tokenOrString(status.detail)}`
  return member + forwardParameters(status) + ttl + outcomeParameters(status) + key + detail
}

/** Where the list ends once trailing commas and whitespace are left off. */
const endOfList = (value: string): number => {
  let end = value.length
  while (end > 0 && ', \t'.includes(value.charAt(end - 1))) end -= 1
  return end
}

/**
 * Appends a member behind those of caches nearer to the origin, which are preserved (RFC 9211 §2).
 *
 * @example
 * appendCacheStatus('OriginCache; hit', 'stowage; fwd=uri-miss') // 'OriginCache; hit, stowage; fwd=uri-miss'
 */
export const appendCacheStatus = (existing: string | undefined, member: string): string => {
  if (existing === undefined) return member
  // An empty member would make the whole list unparsable (RFC 9651 §4.2.1).
  const end = endOfList(existing)
  return end === 0 ? member : `${existing.slice(0, end)}, ${member}`
}
