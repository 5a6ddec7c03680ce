import type { ByteSize, Duration } from '../durations.ts'
import { showValue } from '../errors.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `httpApi()`.
 *
 * @example
 * const options: HttpApiOptions = { baseUrl: 'https://cache.internal', authToken: 'of the server', timeout: '2s' }
 */
export interface HttpApiOptions {
  /** Where the server is, http or https; what it has of a path goes before the paths of the protocol. */
  baseUrl: string
  /** Sent as a Bearer token (RFC 6750 §2.1). */
  authToken?: string
  /**
   * Of one call, its retries and the pauses between them included; above 0 and at most 60 s. An attempt may take half
   * of what is left of it, the last one all. Default 5 s.
   */
  timeout?: Duration
  /** After connection errors, time-outs, 429 and 5xx, and nothing else; from 0 to 10. Default 3. */
  maxRetries?: number
  /** Connections at once; further calls wait for one. Default 100. */
  maxConnections?: number
  /** Of one value, as UTF-8; a larger one is neither stored nor taken. Default `'16mb'`. */
  maxValueBytes?: ByteSize
}

export interface HttpApiSettings {
  readonly url: URL
  readonly prefix: string
  readonly authToken: string | undefined
  readonly timeoutMs: number
  readonly maxRetries: number
  readonly maxConnections: number
  readonly maxValueBytes: number
}

const known = ['baseUrl', 'authToken', 'timeout', 'maxRetries', 'maxConnections', 'maxValueBytes'] as const

const place = new URL('http://localhost')

const parsed = (value: unknown): URL | undefined =>
  typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined

const readUrl = (read: SettingsReader<HttpApiOptions>): URL => {
  const given = read.given('baseUrl')
  const url = parsed(given)
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    const rule = `baseUrl must be a URL such as "https://cache.internal"; received ${showValue(given)}`
    read.refuse('CACHE_CONFIG_RANGE', 'baseUrl', given, rule)
    return place
  }
  const secret = url.username !== '' || url.password !== ''
  if (secret || url.search !== '' || url.hash !== '') {
    const rule = 'baseUrl must have neither user, query nor fragment. A token is given as authToken'
    read.refuse('CACHE_CONFIG_RANGE', 'baseUrl', secret ? 'a URL with a user' : given, rule)
  }
  return url
}

/** A token as RFC 6750 has it may be sent as it is; what else is given is not shown. */
export const readToken = <O extends object>(
  read: SettingsReader<O>,
  name: keyof O & string,
): string | undefined => {
  const given = read.given(name)
  if (given === undefined) return undefined
  if (typeof given === 'string' && /^[\x21-\x7e]+$/.test(given)) return given
  const shown = given === '' ? 'an empty text' : `a ${typeof given}`
  const rule = `${name} must be printable ASCII without spaces, and not empty; received ${shown}`
  read.refuse(
    typeof given === 'string' ? 'CACHE_CONFIG_RANGE' : 'CACHE_CONFIG_TYPE',
    name,
    given === '' ? '' : shown,
    rule,
  )
  return undefined
}

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readHttpApiOptions = (options: HttpApiOptions): HttpApiSettings => {
  const read = new SettingsReader('httpApi', options, known)
  const url = readUrl(read)
  const settings: HttpApiSettings = {
    url,
    prefix: url.pathname.replace(/\/+$/, ''),
    authToken: readToken(read, 'authToken'),
    timeoutMs: read.duration('timeout', 5, { mostSeconds: 60 }),
    maxRetries: read.count('maxRetries', 3, { least: 0, most: 10 }),
    maxConnections: read.count('maxConnections', 100),
    maxValueBytes: read.bytes('maxValueBytes', '16mb'),
  }
  read.settle()
  return settings
}
