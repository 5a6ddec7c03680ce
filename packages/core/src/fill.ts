import { atOnce } from './at-once.ts'
import { type Duration, parseDuration } from './durations.ts'
import type { StoredResponse } from './entry.ts'
import { implicitTags, userTag } from './entry-tags.ts'
import type { Remarks } from './handler.ts'
import type { JudgedHead } from './head.ts'
import { keyedQuery } from './keyed-query.ts'
import type { FieldMap } from './message.ts'
import type { RequestView, ResponseView, TtlOption } from './options.ts'
import type { Policy } from './policy.ts'
import { toldDownstream } from './precedence.ts'
import { type FieldEdits, responseEdits } from './response-edits.ts'
import type { ResponseDirectives } from './semantics/cache-control.ts'
import { formatHttpDate } from './semantics/date.ts'
import { fieldValue } from './semantics/fields.ts'
import { correctedInitialAge } from './semantics/freshness.ts'
import { isStorable, type StoreContext, type StoreDecision } from './semantics/storable.ts'
import { hasValidator } from './semantics/validate.ts'
import type { Stamp } from './stamp.ts'
import { storedFields } from './stored-fields.ts'
import { type CacheRequest, createResponseView, createView, splitTarget } from './view.ts'
import { type Asked, isAnotherNow } from './who-asks.ts'

/** What a fill knows beside the response: the request, its policy, when it began, and what the handler said. */
export interface Fill {
  readonly request: CacheRequest
  readonly policy: Policy
  /** What the functions of the policy said at the lookup, where they are to say the same now. */
  readonly asked: Asked | undefined
  readonly credentials: StoreContext['credentials']
  readonly remarks: Remarks
  readonly requestTime: number
  readonly responseTime: number
  readonly stamp: Stamp
  /** Whether functions have decided the key that only the route may ask. */
  readonly atRoute: boolean
  /** Whether the policy is that of a route that was not reached: something in front of it has answered. */
  readonly unreached: boolean
  readonly route: string | undefined
}

/** More tags than this, and the response is not stored: to leave one out would lose an invalidation. */
export const mostTags = 1000
/** 2^31 s (RFC 9111 §1.2.2). */
const longestMs = 2 ** 31 * 1000

const millisecondsOf = (option: TtlOption | undefined): number | false | undefined => {
  if (option === undefined || option === false) return option
  const ms = parseDuration(option satisfies Duration)
  if (ms === undefined) throw new TypeError(`ttl function returned ${String(option)}`)
  return Math.min(ms, longestMs)
}

/** What the functions of a policy are asked with. */
const viewsOf = (judged: JudgedHead, fill: Fill): readonly [RequestView, ResponseView] => {
  const head = { status: judged.status, headers: judged.deciding }
  return [createView(fill.request), createResponseView(head, fill.responseTime - fill.requestTime)]
}

const policyTtl = (judged: JudgedHead, fill: Fill): number | false | undefined => {
  const { ttl } = fill.policy
  return typeof ttl === 'function' ? millisecondsOf(atOnce(ttl(...viewsOf(judged, fill)), 'ttl')) : ttl
}

/** The stale windows: what the response says outranks the policy (RFC 5861). */
const staleWindows = (directives: ResponseDirectives, policy: Policy): { swr: number; sie: number } => ({
  swr:
    directives.staleWhileRevalidate === undefined
      ? policy.staleWhileRevalidate
      : directives.staleWhileRevalidate * 1000,
  sie: directives.staleIfError === undefined ? policy.staleIfError : directives.staleIfError * 1000,
})

/** The key says for whom the response is, and it turned out to be for somebody else. */
const askedTooEarly: StoreDecision = {
  storable: false,
  reason: { code: 'key-changed', detail: 'a function says otherwise now', ref: 'RFC 9111 §2' },
}

/** Neither its policy nor its key are for what answers in its place. */
const routeNotReached: StoreDecision = {
  storable: false,
  reason: {
    code: 'key-changed',
    detail: 'the route that is remembered for the path was not reached',
    ref: 'RFC 9111 §2',
  },
}

/** What is fresh for ever is so for the longest time that can be told (RFC 9111 §1.2.2). */
const withTellableLifetime = (decision: StoreDecision): StoreDecision =>
  decision.storable && decision.lifetime > longestMs ? { ...decision, lifetime: longestMs } : decision

/** May it be stored, and for how long is it fresh? Throws what a policy function throws. */
export const decideStore = (judged: JudgedHead, fill: Fill): StoreDecision => {
  const { policy, remarks } = fill
  const refused = remarks.skipped ?? (remarks.ttl === false ? 'skip' : undefined)
  if (refused !== undefined)
    return { storable: false, reason: { code: 'skip', detail: refused, ref: 'RFC 9111 §2' } }
  if (fill.unreached) return routeNotReached
  if (policy.scope === 'private')
    return {
      storable: false,
      reason: { code: 'scope', detail: 'the policy says private', ref: 'RFC 9111 §5.2.2.7' },
    }
  if (fill.asked !== undefined && isAnotherNow(fill.request, policy, fill.asked)) return askedTooEarly
  const decision = isStorable(judged.status, judged.deciding, judged.directives, {
    credentials: fill.credentials,
    said: remarks.ttl === undefined || remarks.ttl === false ? undefined : remarks.ttl,
    ttl: policyTtl(judged, fill),
    statusTtl: policy.status.get(judged.status),
    heuristic: policy.heuristic,
    responseTime: fill.responseTime,
    keepsStale: hasValidator(judged.deciding) || staleWindows(judged.directives, policy).swr > 0,
  })
  return withTellableLifetime(decision)
}

/** Whether others than the one who asked may be answered with it at all. */
export const isShareable = (decision: StoreDecision, directives: ResponseDirectives): boolean =>
  decision.storable && decision.lifetime > 0 && directives.noCache !== true

const collectTags = (judged: JudgedHead, fill: Fill): readonly string[] => {
  const { policy } = fill
  const tags = new Set<string>(fill.remarks.tags)
  for (const layer of [...policy.inheritedTags, policy.tags])
    for (const tag of typeof layer === 'function' ? atOnce(layer(...viewsOf(judged, fill)), 'tags') : layer)
      tags.add(String(tag))
  return [...tags].map(userTag)
}

const implicit = (fill: Fill): readonly string[] => {
  const { url, scheme, authority } = fill.request
  const { path, query } = splitTarget(url)
  const kept = keyedQuery(query, fill.policy.key.query)
  const keyedUrl = kept === undefined ? path : `${path}?${kept}`
  return implicitTags({ scheme, authority, url, keyedUrl }, fill.route)
}

/** The tags of a response, its own and those of where it came from; undefined where there are too many to keep. */
export const tagsOfFill = (judged: JudgedHead, fill: Fill): readonly string[] | undefined => {
  const tags = [...implicit(fill), ...collectTags(judged, fill)]
  return tags.length <= mostTags ? tags : undefined
}

/** The header fields as hits will send them. */
const wireFields = (
  judged: JudgedHead,
  fill: Fill,
  body: Buffer,
  edits: FieldEdits,
): Record<string, string | readonly string[]> => {
  const fields = storedFields(judged.status, judged.own, judged.directives, fill.policy)
  for (const name of ['cache-control', 'cdn-cache-control', 'vary', 'etag']) {
    const value = edits[name]
    if (value !== undefined) fields[name] = value
  }
  // RFC 9110 §6.6.1, §8.6
  fields.date = fieldValue(judged.deciding, 'date') ?? formatHttpDate(fill.responseTime)
  if (judged.status !== 204) fields['content-length'] = String(body.length)
  return fields
}

/** The stored response that a fill makes. A body whose tag could not be made at its head gets it here. */
export const buildStored = (
  judged: JudgedHead,
  fill: Fill,
  key: string,
  lifetime: number,
  tags: readonly string[],
  body: Buffer,
  edits: FieldEdits,
): StoredResponse => {
  const lateEtag = responseEdits(judged, fill.policy, true, body).etag
  const etag = edits.etag ?? lateEtag
  const wire = wireFields(judged, fill, body, etag === undefined ? edits : { ...edits, etag })
  const { swr, sie } = staleWindows(judged.directives, fill.policy)
  const { scope } = fill.policy
  return Object.freeze({
    key,
    status: judged.status,
    ...(judged.reason === undefined ? {} : { reason: judged.reason }),
    headers: Object.freeze(wire),
    body,
    requestTime: fill.requestTime,
    responseTime: fill.responseTime,
    directives: judged.directives,
    freshnessLifetime: lifetime,
    correctedInitialAge: correctedInitialAge(judged.deciding, fill.requestTime, fill.responseTime),
    staleWhileRevalidate: Math.min(swr, longestMs),
    staleIfError: Math.min(sie, longestMs),
    policyFresh: !judged.declares,
    downstream: toldDownstream(judged, fill.policy) !== undefined,
    madeEtag: etag !== undefined,
    atRoute: fill.atRoute,
    scoped: scope === 'public' || typeof scope === 'function',
    tags,
    stamp: fill.stamp.seq,
    epoch: fill.stamp.epoch,
    run: fill.stamp.run,
    route: fill.route,
    handlerMs: Math.max(0, fill.responseTime - fill.requestTime),
  })
}

/** Seconds that the backend keeps it: its freshness, and the longest window in which it is of use after that. */
export const backendTtl = (stored: StoredResponse, keep: number): number => {
  const fresh = Math.max(0, stored.freshnessLifetime - stored.correctedInitialAge)
  const validated = hasValidator(stored.headers) ? keep : 0
  return (fresh + Math.max(stored.staleWhileRevalidate, stored.staleIfError, validated)) / 1000
}

/** Whether a body of this length is all of it (RFC 9111 §3.3). */
export const isComplete = (headers: FieldMap, length: number): boolean => {
  const declared = fieldValue(headers, 'content-length')
  return declared === undefined || declared.trim() === String(length)
}
