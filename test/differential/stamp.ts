import type { IncomingHttpHeaders } from 'node:http'
import type { HandlerRequest, Shape } from './shape.ts'
import { targetOf } from './url.ts'

export const users: readonly string[] = ['alice', 'bob', 'carol', 'dave', 'erin']

/** Fields by which the handlers recognise a user. */
export const credentialFields: readonly string[] = [
  'cookie',
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'x-auth-token',
  'x-access-token',
]

const text = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' || value === undefined ? value : value.join(', ')

/** Everything in a request that may say who sends it. */
export const everyCredential = ({ headers }: Pick<HandlerRequest, 'headers'>): string =>
  credentialFields
    .map((name) => text(headers[name]))
    .filter((value) => value !== undefined)
    .join(' and ') || 'anonymous'

export const everybody = (): string => 'everybody'

/** The first cookie of that name. */
export const cookieNamed = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  for (const pair of (headers.cookie ?? '').split(/[;,]/)) {
    const at = pair.indexOf('=')
    if (at >= 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

interface Weighted {
  readonly name: string
  readonly weight: number
}

const weighted = (value: string): Weighted[] =>
  value.split(',').map((member) => {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    const weight = quality === undefined ? 1 : Number(quality)
    return { name, weight: Number.isFinite(weight) ? Math.min(Math.max(weight, 0), 1) : 0 }
  })

const byWeight = (a: Weighted, b: Weighted): number => b.weight - a.weight

/** The language that a request likes best, of those that the handlers speak. */
export const languageOf = (headers: IncomingHttpHeaders): string => {
  const spoken = ['en', 'de', 'fr']
  const liked = weighted(headers['accept-language'] ?? '')
    .filter(({ weight }) => weight > 0)
    .sort(byWeight)
  for (const { name } of liked) {
    const language = name === '*' ? 'en' : name.split('-')[0]
    if (language !== undefined && spoken.includes(language)) return language
  }
  return 'en'
}

/** The coding in which a request is answered: the handlers prefer gzip where it is accepted at all. */
export const codingOf = (headers: IncomingHttpHeaders): 'gzip' | 'identity' => {
  const accepted = weighted(text(headers['accept-encoding']) ?? '')
  const weightOf = (coding: string): number | undefined =>
    accepted.find(({ name }) => name === coding)?.weight
  return (weightOf('gzip') ?? weightOf('*') ?? 0) > 0 ? 'gzip' : 'identity'
}

/** A list, in which whitespace beside a comma means nothing. */
export const tenantOf = (headers: IncomingHttpHeaders): string | null =>
  text(headers['x-tenant'])
    ?.split(',')
    .map((member) => member.trim())
    .join(',') ?? null

/** Whether a request would rather have HTML than JSON. */
export const prefersHtml = (headers: IncomingHttpHeaders): boolean => {
  const accepted = weighted(headers.accept ?? '')
  const weightOf = (type: string): number =>
    Math.max(0, ...accepted.filter(({ name }) => name === type).map(({ weight }) => weight))
  return weightOf('text/html') > weightOf('application/json')
}

/** What an answer says about itself, so that a wrong one gives itself away. */
export interface Stamp {
  readonly shape: string
  readonly user: string
  readonly site: string
  readonly url: string
  readonly method: string
  readonly variant: Readonly<Record<string, unknown>>
  /** Of fixed width, so that all versions have one length. */
  readonly version: string
}

/** Text that fits into a header field whatever the request was. */
const ascii = (json: string): string =>
  json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

export const stampOf = (
  shape: Shape,
  request: Pick<HandlerRequest, 'method' | 'url' | 'site' | 'headers'>,
  version: number,
  variant: Readonly<Record<string, unknown>>,
): string => {
  const stamp: Stamp = {
    shape: shape.name,
    user: (shape.who ?? (shape.shares === 'everybody' ? everybody : everyCredential))(request),
    site: shape.hostless === true ? 'any' : request.site,
    url: targetOf(shape, request.url),
    // HEAD is answered like GET (RFC 9110 §9.3.2).
    method: request.method === 'HEAD' ? 'GET' : request.method,
    variant,
    version: String(version).padStart(6, '0'),
  }
  return ascii(JSON.stringify(stamp))
}

/** Reads a stamp back; undefined where the text is none. */
export const readStamp = (json: string | undefined): Stamp | undefined => {
  if (json?.startsWith('{"shape":') !== true) return undefined
  try {
    return JSON.parse(json.split('\n', 1)[0] ?? '') as Stamp
  } catch {
    return undefined
  }
}
