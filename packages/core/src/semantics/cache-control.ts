import type { FieldMap } from '../message.ts'
import {
  atLeast,
  atMost,
  type Draft,
  lifetime,
  permission,
  permittedSeconds,
  qualifiable,
  type RuleTable,
  readByRules,
  restriction,
  ruleTable,
} from './directive-rules.ts'
import { lettersOf } from './directives.ts'
import { fieldValue } from './fields.ts'
import { type MemoryLimits, remembering } from './remembering.ts'

export { parseDeltaSeconds } from './directives.ts'

/**
 * Directives of a response (RFC 9111 §5.2.2, RFC 5861). Absent means not set; times in seconds; a list holds the
 * lower-case field names of the qualified form.
 */
export interface ResponseDirectives {
  readonly noStore?: true
  readonly noCache?: true | readonly string[]
  readonly private?: true | readonly string[]
  readonly public?: true
  readonly mustRevalidate?: true
  readonly proxyRevalidate?: true
  readonly mustUnderstand?: true
  readonly noTransform?: true
  readonly maxAge?: number
  readonly sMaxage?: number
  readonly staleWhileRevalidate?: number
  readonly staleIfError?: number
  /**
   * Something in the value was damaged. must-revalidate and s-maxage are permissions too (§3.5); since they may be
   * here because of damage, they restrict then, and nothing more.
   */
  readonly damaged?: true
}

/** Directives of a request (RFC 9111 §5.2.1, RFC 5861 §4). Times in seconds; `maxStale` is Infinity without a value. */
export interface RequestDirectives {
  readonly noCache?: true
  readonly noStore?: true
  readonly noTransform?: true
  readonly onlyIfCached?: true
  readonly maxAge?: number
  readonly minFresh?: number
  readonly maxStale?: number
  readonly staleIfError?: number
}

const responseRules = ruleTable(
  restriction('no-store', 'noStore'),
  qualifiable('no-cache', 'noCache'),
  qualifiable('private', 'private'),
  permission('public', 'public'),
  restriction('must-revalidate', 'mustRevalidate'),
  restriction('proxy-revalidate', 'proxyRevalidate'),
  restriction('must-understand', 'mustUnderstand'),
  restriction('no-transform', 'noTransform'),
  lifetime('max-age', 'maxAge'),
  lifetime('s-maxage', 'sMaxage'),
  atMost('stale-while-revalidate', 'staleWhileRevalidate'),
  atMost('stale-if-error', 'staleIfError'),
)

const requestRules = ruleTable(
  restriction('no-cache', 'noCache'),
  restriction('no-store', 'noStore'),
  restriction('no-transform', 'noTransform'),
  permission('only-if-cached', 'onlyIfCached'),
  atMost('max-age', 'maxAge'),
  atLeast('min-fresh', 'minFresh'),
  permittedSeconds('max-stale', 'maxStale', Number.POSITIVE_INFINITY),
  permittedSeconds('stale-if-error', 'staleIfError', undefined),
)

/** The keys that are set, in the order of the rules: equal directives are then equal as JSON too. */
const inOrder = (draft: Draft, rules: RuleTable): Draft => {
  const entries: [string, unknown][] = []
  for (const { key } of rules.values()) {
    const value = draft[key]
    if (Array.isArray(value)) entries.push([key, Object.freeze([...new Set(value)])])
    else if (value !== undefined) entries.push([key, value])
  }
  return Object.fromEntries(entries)
}

/** Lifetimes under misspelt names only shorten: alone they leave nothing fresh. */
const boundLifetimes = (draft: Draft): void => {
  if (draft.bound === undefined) return
  if (draft.maxAge === undefined && draft.sMaxage === undefined) draft.maxAge = 0
  if (draft.maxAge !== undefined) draft.maxAge = Math.min(draft.maxAge, draft.bound)
  if (draft.sMaxage !== undefined) draft.sMaxage = Math.min(draft.sMaxage, draft.bound)
}

const readResponse = (value: string): ResponseDirectives => {
  const draft = readByRules(value, responseRules)
  boundLifetimes(draft)
  // §5.2.2.3 lets must-understand override no-store; beside damage it must not, for it permits there.
  if (draft.damaged === true && draft.noStore === true) delete draft.mustUnderstand
  const directives = inOrder(draft, responseRules) as ResponseDirectives
  return Object.freeze(draft.damaged === true ? { ...directives, damaged: true } : directives)
}

const readRequest = (value: string): RequestDirectives =>
  Object.freeze(inOrder(readByRules(value, requestRules), requestRules) as RequestDirectives)

const none: ResponseDirectives & RequestDirectives = Object.freeze({})

/** What a request says where its directives do not count. */
export const noDirectives: RequestDirectives = none

const limits: MemoryLimits = { values: 500, length: 256 }
const rememberedResponse = remembering(readResponse, limits)
const rememberedRequest = remembering(readRequest, limits)

/**
 * RFC 9111 §5.2.2: the directives of a response. A restriction counts in any spelling and with any damage, also where
 * §5.2.3 would have it ignored; a permission counts only when it is intact.
 */
export const responseDirectives = (value: string | undefined): ResponseDirectives =>
  value === undefined || value === '' ? none : rememberedResponse(value)

const pragmaNoCache: RequestDirectives = Object.freeze({ noCache: true })

/** RFC 9111 §5.2.1: the directives of a request; Pragma speaks only where there is no Cache-Control (§5.4). */
export const requestDirectives = (headers: FieldMap): RequestDirectives => {
  const value = fieldValue(headers, 'cache-control')
  if (value !== undefined && value !== '') return rememberedRequest(value)
  const pragma = fieldValue(headers, 'pragma')
  return pragma !== undefined && lettersOf(pragma).includes('nocache') ? pragmaNoCache : none
}
