import type { CacheBackend } from './backend.ts'
import { checkWait } from './duration-check.ts'
import { nearest, refuseProblems, showValue } from './errors.ts'
import type { CacheOptions, CachePolicy, Logger, RequestView, StatusHeader } from './options.ts'
import { type PolicyLayer, policyChecks } from './policy-check.ts'
import {
  type Check,
  type Checked,
  type ConfigCode,
  checkBoolean,
  checkElement,
  checkFieldName,
  checkFunction,
  checkList,
  checkMembers,
  checkOneOf,
  checkText,
  inside,
  isFunction,
  isPlain,
  refuse,
  refuseType,
  type Spot,
  showReceived,
} from './value-check.ts'

/** Where warnings about accepted options go. */
export type Warn = (code: ConfigCode, message: string) => void

/** Node's own channel, which its flags and its `warning` event govern. */
export const emitWarning: Warn = (code, message) => {
  const type = code === 'CACHE_CONFIG_DEPRECATED' ? 'DeprecationWarning' : 'StowageWarning'
  process.emitWarning(message, { type, code })
}

/** RFC 9211 §2: a member of Cache-Status is a String or a Token, thus printable ASCII. */
const checkName: Check<string> = (value, spot) => {
  const name = checkText(value, spot)
  if (name === undefined || /^[ -~]+$/.test(name)) return name
  const sentence = `${spot.path} must be printable ASCII, for it is sent in Cache-Status; received ${showValue(name)}.`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence)
}

const checkVersion: Check<string> = (value, spot) =>
  typeof value === 'string' ? value : refuseType(spot, value, 'a string')

const required = ['get', 'set', 'delete', 'close'] as const

const lacking = (value: object, names: readonly string[]): string[] =>
  names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function')

const listed = (names: readonly string[]): string => {
  const quoted = names.map((name) => `"${name}"`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

const nameOf = (backend: object): string => {
  const of = backend as { name?: unknown; constructor?: { name?: unknown } }
  const names = [of.name, isPlain(backend) ? undefined : of.constructor?.name]
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? 'the object given'
}

const checkBackend: Check<CacheBackend> = (value, spot) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return refuseType(spot, value, 'a backend such as memory()')
  const missing = lacking(value, required)
  if (missing.length === 0) return value as CacheBackend
  const verb = missing.length === 1 ? 'is' : 'are'
  const sentence =
    lacking(value, ['then']).length === 0
      ? `${spot.path} is a promise. Await it first.`
      : `${spot.path} must have get, set, delete and close; ${listed(missing)} ${verb} missing on ${nameOf(value)}.`
  return refuse(spot, 'CACHE_CONFIG_BACKEND', value, sentence)
}

const checkClientDirectives: Check<'rfc' | 'ignore' | ((request: RequestView) => boolean)> = (value, spot) =>
  isFunction<(request: RequestView) => boolean>(value)
    ? value
    : checkOneOf(['rfc', 'ignore'], '"rfc", "ignore" or a function')(value, spot)

const statusHeaders: readonly StatusHeader[] = [
  'Cache-Status',
  'X-Cache-Status',
  'X-Cache-Key',
  'X-Cache-Timeout',
  'X-Cache-Backend',
]

const checkStatusName: Check<StatusHeader> = (value, spot) => {
  const known = statusHeaders.find((name) => name === value)
  if (known !== undefined) return known
  const name = checkElement('a status field')(value, spot)
  if (name === undefined) return undefined
  const meant = nearest(name, statusHeaders)
  const correction = meant === undefined ? `Use ${listed(statusHeaders)}.` : `Did you mean "${meant}"?`
  const sentence = `${spot.path} ${showValue(name)} is not a status field. ${correction}`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence, meant)
}

const checkStatusHeader: Check<readonly StatusHeader[]> = (value, spot) => {
  if (value === false) return []
  const names = typeof value === 'string' ? [value] : value
  return checkList(checkStatusName, 'the name of a status field, a list of them or false')(names, spot)
}

const checkTarget: Check<string> = (value, spot) => {
  const name = checkFieldName(value, spot)
  if (name !== 'cache-control' && name !== 'expires') return name
  const sentence = `${spot.path} contains ${showValue(value)}, which counts anyway, after the targeted fields. Leave it out.`
  return refuse(spot, 'CACHE_CONFIG_RANGE', value, sentence)
}

const checkLogger: Check<Logger> = (value, spot) => {
  const expected = 'an object with debug, info, warn and error, such as console'
  if (typeof value !== 'object' || value === null) return refuseType(spot, value, expected, 'console')
  const missing = lacking(value, ['debug', 'info', 'warn', 'error'])
  if (missing.length === 0) return value as Logger
  const sentence = `${spot.path} must be ${expected}; ${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing.`
  return refuse(spot, 'CACHE_CONFIG_TYPE', value, sentence, 'console')
}

const cacheChecks = {
  name: checkName,
  backend: checkBackend,
  backendDeadline: checkWait({ zero: false, maxSeconds: 60 }),
  namespace: checkText,
  version: checkVersion,
  debug: checkBoolean,
  clientDirectives: checkClientDirectives,
  statusHeader: checkStatusHeader,
  targets: checkList(checkTarget, 'a list of field names'),
  logger: checkLogger,
  clock: checkFunction<() => number>('a function that returns milliseconds'),
} satisfies Record<Exclude<keyof CacheOptions, keyof CachePolicy>, Check<unknown>>

const optionChecks = { ...policyChecks, ...cacheChecks }

/** The options that were stated, durations in milliseconds and sizes in bytes. */
export type OptionLayer = Checked<typeof optionChecks>

/** What decides whether a request body tells entries apart, as the weaker layers have it. */
interface BodyRules {
  readonly methods: ReadonlySet<string>
  readonly key: { readonly body: 'none' | 'bytes' | 'json' }
}

const keyMembers: ReadonlySet<string> = new Set(['query', 'headers', 'cookies', 'by', 'host', 'body'])

const adviseKey = (name: string): string | undefined =>
  keyMembers.has(name) ? `Did you mean "key.${name}"?` : undefined

const adviseRoute = (name: string): string | undefined =>
  Object.hasOwn(cacheChecks, name)
    ? 'It belongs to the whole cache: state it where the cache is made.'
    : adviseKey(name)

/** Undefined where what was stated is refused already: a second problem would only be its echo. */
const bodyRule = (layer: PolicyLayer, weaker: BodyRules): BodyRules['key']['body'] | undefined => {
  if (!('key' in layer)) return weaker.key.body
  return layer.key !== undefined && !('body' in layer.key) ? weaker.key.body : layer.key?.body
}

const checkBodies = (layer: PolicyLayer, weaker: BodyRules, spot: Spot): void => {
  const body = bodyRule(layer, weaker)
  if (body !== 'none') return
  const method = ['POST', 'QUERY'].find((name) => (layer.methods ?? weaker.methods).has(name))
  if (method === undefined) return
  const sentence = `methods contains "${method}" but key.body is "none": different bodies would share one response. Set key.body to "json" or "bytes".`
  const at = inside(spot, layer.methods === undefined ? 'key.body' : 'methods')
  refuse(at, 'CACHE_CONFIG_METHOD_BODY', layer.methods === undefined ? body : method, sentence, 'json')
}

let timeoutReported = false

const checkFormerName = (given: object, layer: PolicyLayer, spot: Spot): void => {
  if (!('timeout' in layer)) return
  if ('ttl' in layer) {
    const sentence = 'ttl and timeout are both given. timeout is the former name of ttl: keep ttl alone.'
    const received: unknown = Object.entries(given).find(([name]) => name === 'timeout')?.[1]
    refuse(inside(spot, 'timeout'), 'CACHE_CONFIG_TYPE', received, sentence, 'ttl')
  } else if (!timeoutReported) {
    const message = `${spot.place}: timeout is the former name of ttl. Use ttl.`
    spot.warnings.push({ code: 'CACHE_CONFIG_DEPRECATED', message })
  }
}

const checkLimits = ({ softTimeout, hardTimeout }: PolicyLayer, spot: Spot): void => {
  if (softTimeout === undefined || hardTimeout === undefined || softTimeout < hardTimeout) return
  const sentence = `softTimeout (${softTimeout} ms) must be below hardTimeout (${hardTimeout} ms): it would never act.`
  refuse(inside(spot, 'softTimeout'), 'CACHE_CONFIG_RANGE', softTimeout, sentence)
}

const checkRelations = (given: object, layer: PolicyLayer, weaker: BodyRules, spot: Spot): void => {
  checkFormerName(given, layer, spot)
  checkLimits(layer, spot)
  checkBodies(layer, weaker, spot)
}

const plainObject = (value: unknown, rule: string, spot: Spot): object => {
  if (isPlain(value)) return value
  refuse(spot, 'CACHE_CONFIG_TYPE', value, `${rule}; received ${showReceived(value)}.`)
  return {}
}

/** Throws what was found wrong, all of it at once; warns only of options that will be in force. */
const settle = (spot: Spot, warn: Warn): void => {
  refuseProblems(spot.problems)
  for (const { code, message } of spot.warnings) {
    if (code === 'CACHE_CONFIG_DEPRECATED') timeoutReported = true
    warn(code, message)
  }
}

const newSpot = (place: string): Spot => ({ place, path: '', problems: [], warnings: [] })

/** Validates the options of a cache; throws a `CacheConfigError` that names everything wrong with them. */
export const checkOptions = (options: unknown, place: string, warn: Warn, weaker: BodyRules): OptionLayer => {
  const spot = newSpot(place)
  const given = plainObject(options === undefined ? {} : options, 'options must be a plain object', spot)
  const layer = checkMembers(given, optionChecks, spot, adviseKey)
  checkRelations(given, layer, weaker, spot)
  settle(spot, warn)
  return layer
}

/** Validates the policy of a route; throws a `CacheConfigError` that names everything wrong with it. */
export const checkRoute = (route: unknown, place: string, warn: Warn, weaker: BodyRules): PolicyLayer => {
  const spot = newSpot(place)
  const bare = route === false || typeof route === 'number' || typeof route === 'string'
  const stated = bare ? { ttl: route } : route === undefined ? {} : route
  const given = plainObject(stated, 'a policy must be a plain object, a duration or false', spot)
  const layer = checkMembers(given, policyChecks, spot, adviseRoute)
  checkRelations(given, layer, weaker, spot)
  settle(spot, warn)
  return layer
}
