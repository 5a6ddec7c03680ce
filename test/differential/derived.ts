import { STATUS_CODES } from 'node:http'
import type { Answer, Sent } from './client.ts'
import { fieldOf } from './client.ts'

/** What stands in for Last-Modified, in milliseconds: when the answer was made. */
export interface Made {
  readonly at: number
}

const dateForms = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]+, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

const dateOf = (value: string | undefined): number | undefined =>
  value !== undefined && dateForms.some((form) => form.test(value)) ? Date.parse(value) : undefined

const field = (sent: Sent, name: string): string | undefined => {
  const value = sent.headers[name]
  return value === undefined || typeof value === 'string' ? value : value.join(', ')
}

const opaque = (tag: string): string => (tag.startsWith('W/"') ? tag.slice(2) : tag)

/** Whether a list of tags names one. What is no tag is compared as it stands. */
const names = (list: string, tag: string): boolean =>
  list.trim() === '*' ||
  [...list.matchAll(/(?:W\/)?"[^"]*"|[^\s,]+/g)].some(([member]) => opaque(member) === opaque(tag))

/** Whether the condition of a request asks for 304 instead of this representation (RFC 9110 §13.1.2, §13.1.3). */
const conditionHolds = (sent: Sent, full: Answer, tag: string | undefined, made: Made): boolean => {
  const noneMatch = field(sent, 'if-none-match')
  if (noneMatch !== undefined) return tag === undefined ? noneMatch.trim() === '*' : names(noneMatch, tag)
  const since = dateOf(field(sent, 'if-modified-since'))
  if (since === undefined) return false
  // RFC 9111 §4.3.2: the time at which it was made stands in for Last-Modified.
  return (dateOf(fieldOf(full, 'last-modified')) ?? Math.floor(made.at / 1000) * 1000) <= since
}

/** RFC 9110 §13.1.5: only a strong validator lets the range apply. */
const ifRangeHolds = (sent: Sent, full: Answer, made: Made): boolean => {
  const condition = field(sent, 'if-range')?.trim()
  if (condition === undefined) return true
  if (condition.includes('"')) return !/^w\//i.test(condition) && condition === fieldOf(full, 'etag')
  const date = dateOf(condition)
  return date !== undefined && date === dateOf(fieldOf(full, 'last-modified')) && made.at - date >= 1000
}

/** The only range of a request, or undefined (RFC 9110 §14.1.2). */
const rangeOf = (sent: Sent, size: number): readonly [first: number, last: number] | 'none' | undefined => {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(field(sent, 'range') ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') return Number(to) === 0 ? 'none' : [Math.max(0, size - Number(to)), size - 1]
  if (to !== '' && Number(to) < Number(from)) return undefined
  return Number(from) >= size ? 'none' : [Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1)]
}

const describesContent = /^content-(?!location)|^trailer$/

const withStatus = (full: Answer, status: number, change: Partial<Answer>): Answer => ({
  ...full,
  status,
  reason: STATUS_CODES[status] ?? '',
  ...change,
})

const notModified = (full: Answer): Answer =>
  withStatus(full, 304, {
    headers: full.headers.filter(([name]) => !describesContent.test(name)),
    body: Buffer.alloc(0),
  })

const part = (full: Answer, [first, last]: readonly [number, number]): Answer => {
  const body = full.body.subarray(first, last + 1)
  const headers = full.headers.filter(([name]) => name !== 'content-length')
  return withStatus(full, 206, {
    body,
    headers: [
      ...headers,
      ['content-range', `bytes ${first}-${last}/${full.body.length}`],
      ['content-length', String(body.length)],
    ],
  })
}

/**
 * What may be answered out of a full representation: itself, its header section, a 304 or a part of it. `tag` is the
 * entity tag that the answer in question has, which a cache may have made.
 */
export const derivedFrom = (
  full: Answer,
  sent: Sent,
  tag: string | undefined,
  made: Made,
): readonly Answer[] => {
  const ofGet = sent.method === 'GET' || sent.method === 'HEAD' || sent.method === 'QUERY'
  if (full.status === 200 && ofGet && conditionHolds(sent, full, tag, made)) return [notModified(full)]
  if (sent.method === 'HEAD') return [{ ...full, body: Buffer.alloc(0) }]
  const range = full.status === 200 && sent.method === 'GET' ? rangeOf(sent, full.body.length) : undefined
  // A server may ignore Range (RFC 9110 §14.2).
  return range === undefined || range === 'none' || !ifRangeHolds(sent, full, made)
    ? [full]
    : [part(full, range), full]
}

const conditional = new Set(['if-none-match', 'if-modified-since', 'range', 'if-range'])

/** The request for the full representation that a request selects. */
export const unconditional = (sent: Sent): Sent => ({
  ...sent,
  method: sent.method === 'HEAD' ? 'GET' : sent.method,
  headers: Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !conditional.has(name))),
})

/** Whether a request asks for anything but the full representation. */
export const isConditional = (sent: Sent): boolean =>
  sent.method === 'HEAD' || Object.keys(sent.headers).some((name) => conditional.has(name))
