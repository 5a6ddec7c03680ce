import type { CacheBackend } from './backend.ts'
import { checkWait } from './duration-check.ts'
import { nearest, refuseProblems, showValue } from './errors.ts'
import { backendMembers, lacking, loggerMembers } from './members.ts'
import { checkStated, choiceChecks, type NamedPolicies, resolveRules } from './named-check.ts'
import type { CacheOptions, CachePolicy, Logger, RequestView, StatusHeader } from './options.ts'
import type { PathRule } from './path-rules.ts'
import { type PolicyLayer, policyChecks } from './policy-check.ts'
import { checkLayers, checkRelations, noteFormerName, type WeakerLayers } from './relations-check.ts'
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
  const missing = lacking(value, backendMembers)
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
  const missing = lacking(value, loggerMembers)
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
  ...choiceChecks,
} satisfies Record<Exclude<keyof CacheOptions, keyof CachePolicy>, Check<unknown>>

const optionChecks = { ...policyChecks, ...cacheChecks }

/** The options that were stated, durations in milliseconds and sizes in bytes. */
export type OptionLayer = Checked<typeof optionChecks>

const keyMembers: ReadonlySet<string> = new Set(['query', 'headers', 'cookies', 'by', 'host', 'body'])

const adviseKey = (name: string): string | undefined =>
  keyMembers.has(name) ? `Did you mean "key.${name}"?` : undefined

const adviseRoute = (name: string): string | undefined =>
  Object.hasOwn(cacheChecks, name)
    ? 'It belongs to the whole cache: state it where the cache is made.'
    : adviseKey(name)

const plainObject = (value: unknown, rule: string, spot: Spot): object => {
  if (isPlain(value)) return value
  refuse(spot, 'CACHE_CONFIG_TYPE', value, `${rule}; received ${showReceived(value)}.`)
  return {}
}

/** Throws what was found wrong, all of it at once; warns only of options that will be in force. */
const settle = (spot: Spot, warn: Warn): void => {
  refuseProblems(spot.problems)
  for (const { code, message } of spot.warnings) {
    if (code === 'CACHE_CONFIG_DEPRECATED') noteFormerName()
    warn(code, message)
  }
}

const newSpot = (place: string): Spot => ({ place, path: '', problems: [], warnings: [] })

/** The options of a cache, with what they say by name and by path. */
export interface CheckedOptions {
  readonly layer: OptionLayer
  readonly named: NamedPolicies
  readonly rules: readonly PathRule[]
}

/** Validates the options of a cache; throws a `CacheConfigError` that names everything wrong with them. */
export const checkOptions = (
  options: unknown,
  place: string,
  warn: Warn,
  builtIn: WeakerLayers,
): CheckedOptions => {
  const spot = newSpot(place)
  const given = plainObject(options === undefined ? {} : options, 'options must be a plain object', spot)
  const layer = checkMembers(given, optionChecks, spot, adviseKey)
  const weaker = checkRelations(given, layer, builtIn, spot)
  const named: NamedPolicies = layer.policies ?? new Map()
  for (const [name, policy] of named)
    checkRelations(policy, policy, weaker, inside(inside(spot, 'policies'), name))
  const rules = resolveRules(layer.rules ?? [], named, inside(spot, 'rules'))
  for (const { glob, layers } of rules) checkLayers(layers, weaker, inside(inside(spot, 'rules'), glob.text))
  settle(spot, warn)
  return { layer, named, rules }
}

/** What a route's policy is laid over. */
export interface RouteSurroundings {
  readonly weaker: WeakerLayers
  readonly named: NamedPolicies
}

/** Validates the policy of a route; throws a `CacheConfigError` that names everything wrong with it. */
export const checkRoute = (
  route: unknown,
  overrides: unknown,
  place: string,
  warn: Warn,
  { weaker, named }: RouteSurroundings,
): readonly PolicyLayer[] => {
  const spot = newSpot(place)
  const layers = [
    ...checkStated(route, named, spot, adviseRoute),
    ...checkStated(overrides, named, spot, adviseRoute),
  ]
  checkLayers(layers, weaker, spot)
  settle(spot, warn)
  return layers
}
