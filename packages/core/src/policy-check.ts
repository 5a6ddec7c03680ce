import { checkByteSize, checkLifetime, checkWait, checkWindow } from './duration-check.ts'
import { nearest, showValue } from './errors.ts'
import { checkKey } from './key-check.ts'
import type { CachePolicy, RequestView, ResponseView, TtlOption } from './options.ts'
import {
  type Check,
  type Checked,
  checkBoolean,
  checkElement,
  checkFieldName,
  checkFunction,
  checkList,
  checkMembers,
  checkOneOf,
  inside,
  isFunction,
  isPlain,
  refuse,
  refuseNull,
  refuseType,
  type Spot,
} from './value-check.ts'

type TtlFunction = (request: RequestView, response: ResponseView) => TtlOption | undefined
type TagFunction = (request: RequestView, response: ResponseView) => readonly string[]
type ScopeFunction = (request: RequestView) => string | undefined
type Condition = (request: RequestView) => boolean

/** How followers of a fill wait for it. */
export interface Collapse {
  /** Milliseconds. */
  readonly wait: number
  readonly onTimeout: 'run' | 'stale' | 503
}

const checkTtl: Check<number | false | TtlFunction> = (value, spot) =>
  value === false || isFunction<TtlFunction>(value)
    ? value
    : checkLifetime(value, spot, 'a duration, false or a function')

const checkTimeout: Check<number> = (value, spot) => checkLifetime(value, spot, 'a duration')

const checkHeuristic: Check<number | false> = (value, spot) => {
  if (value === false || (typeof value === 'number' && value > 0 && value <= 1)) return value
  if (typeof value !== 'number')
    return refuseType(spot, value, 'a number above 0 and up to 1, or false', '0.1')
  const sentence = `${spot.path} must be above 0 and at most 1; received ${value}.`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence, value === 0 ? 'false' : '0.1')
}

const cacheable: readonly string[] = ['GET', 'HEAD', 'QUERY', 'POST']

const checkMethod: Check<string> = (value, spot) => {
  const method = checkElement('a method')(value, spot)
  if (method === undefined || cacheable.includes(method)) return method
  const meant = nearest(method, cacheable)
  const rule = 'only GET, HEAD, QUERY and POST can be cached.'
  const correction = meant === undefined ? '' : ` Did you mean "${meant}"?`
  const sentence = `${spot.path} contains ${showValue(method)}: ${rule}${correction}`
  return refuse(spot, 'CACHE_CONFIG_METHOD', value, sentence, meant)
}

/** HEAD is answered from a stored GET (RFC 9110 §9.3.2), so one is never there without the other. */
const checkMethods: Check<ReadonlySet<string>> = (value, spot) => {
  const methods = checkList(checkMethod, 'a list of methods')(value, spot)
  if (methods === undefined) return undefined
  if (Array.isArray(value) && value.length === 0) {
    const sentence = `${spot.path} is empty: nothing could be answered from the cache. Use ttl false instead.`
    return refuse(spot, 'CACHE_CONFIG_METHOD', value, sentence)
  }
  return new Set(methods.includes('GET') || methods.includes('HEAD') ? ['GET', 'HEAD', ...methods] : methods)
}

/** A final status that can be stored at all: 206 and 304 are parts of another response (RFC 9111 §3.3, §4.3.4). */
const checkStatusCode: Check<number> = (name, spot) => {
  const code = /^[2-5]\d\d$/.test(String(name)) ? Number(name) : 0
  if (code > 0 && code !== 206 && code !== 304) return code
  const sentence = `${spot.path} is for no status that can be stored: those are 200 to 599 without 206 and 304.`
  return refuse(spot, 'CACHE_CONFIG_RANGE', name, sentence)
}

const checkStatusLifetime: Check<number | false> = (value, spot) => {
  if (value === null) return refuseNull(spot)
  return value === false ? false : checkLifetime(value, spot, 'a duration or false')
}

const checkStatus: Check<ReadonlyMap<number, number | false>> = (value, spot) => {
  if (!isPlain(value)) return refuseType(spot, value, 'an object such as { 404: "10s" }')
  const lifetimes = new Map<number, number | false>()
  for (const [name, ttl] of Object.entries(value)) {
    const at = inside(spot, name)
    const code = checkStatusCode(name, at)
    if (code === undefined || ttl === undefined) continue
    const lifetime = checkStatusLifetime(ttl, at)
    if (lifetime !== undefined) lifetimes.set(code, lifetime)
  }
  return lifetimes
}

const checkScope: Check<'public' | 'private' | ScopeFunction> = (value, spot) =>
  isFunction<ScopeFunction>(value)
    ? value
    : checkOneOf(['public', 'private'], '"public", "private" or a function')(value, spot)

const checkTagList = checkList(checkElement('a tag'), 'a list of tags or a function')

const checkTags: Check<readonly string[] | TagFunction> = (value, spot) =>
  isFunction<TagFunction>(value) ? value : checkTagList(value, spot)

const collapseChecks = {
  wait: checkWait({ zero: true, maxSeconds: 3600 }),
  onTimeout: checkOneOf(['run', 'stale', 503], '"run", "stale" or 503'),
}

const checkCollapse: Check<Collapse | false> = (value, spot) => {
  if (value === false) return false
  if (value !== true && !isPlain(value)) return refuseType(spot, value, 'true, false or an object')
  const { wait = 5000, onTimeout = 'run' } = checkMembers(value === true ? {} : value, collapseChecks, spot)
  return { wait, onTimeout }
}

const checkFieldNames: Check<readonly string[]> = checkList(checkFieldName, 'a list of field names')

/** What is sent in the place of the handler's fields; undefined leaves theirs. */
export interface DownstreamFields {
  readonly cacheControl: string
  readonly cdn: string | undefined
}

const sentLifetime = (value: unknown, spot: Spot, words: readonly string[]): string | undefined => {
  if (words.some((word) => word === value)) return String(value)
  const ms = checkWindow(value, spot)
  if (ms === undefined) return undefined
  return ms < 1000
    ? words.includes('no-cache')
      ? 'no-cache'
      : 'no-store'
    : `max-age=${Math.floor(ms / 1000)}`
}

const downstreamChecks = {
  browser: (value: unknown, spot: Spot) => sentLifetime(value, spot, ['no-cache', 'no-store']),
  cdn: (value: unknown, spot: Spot) => sentLifetime(value, spot, ['no-store']),
}

/** `'handler'` is what is there without it. */
const checkDownstream: Check<DownstreamFields | 'handler'> = (value, spot) => {
  if (value === 'handler') return 'handler'
  if (typeof value === 'string') {
    if (value.length <= 256 && value.split(',').every((part) => /^\s*[\w-]+(?:=[\w" -]+)?$/.test(part)))
      return { cacheControl: value, cdn: undefined }
    const sentence = `${spot.path} ${showValue(value)} is no Cache-Control. Use directives such as "public, max-age=60".`
    return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence)
  }
  if (!isPlain(value))
    return refuseType(spot, value, 'an object such as { browser: 0, cdn: "1m" }, or a text')
  const { browser = 'no-cache', cdn } = checkMembers(value, downstreamChecks, spot)
  return { cacheControl: browser, cdn }
}

const checkTimeLimit = checkWait({ zero: false, maxSeconds: 3600 })

/** A check for every member of a policy. */
export const policyChecks = {
  ttl: checkTtl,
  staleWhileRevalidate: checkWindow,
  staleIfError: checkWindow,
  keep: checkWindow,
  heuristic: checkHeuristic,
  etag: checkBoolean,
  methods: checkMethods,
  status: checkStatus,
  key: checkKey,
  scope: checkScope,
  tags: checkTags,
  collapse: checkCollapse,
  precedence: checkOneOf(['handler', 'policy'], '"handler" or "policy"'),
  downstream: checkDownstream,
  softTimeout: checkTimeLimit,
  hardTimeout: checkTimeLimit,
  maxBodyBytes: checkByteSize('10mb'),
  includeHeaders: checkFieldNames,
  excludeHeaders: checkFieldNames,
  when: checkFunction<Condition>(),
  timeout: checkTimeout,
} satisfies Record<keyof CachePolicy, Check<unknown>>

/** The members of a policy that were stated, durations in milliseconds and sizes in bytes. */
export type PolicyLayer = Checked<typeof policyChecks>
