import type { FieldMap, ResponseHead } from './message.ts'
import { type ResponseDirectives, responseDirectives } from './semantics/cache-control.ts'
import { fieldValue, hasField, listMembers, withoutConnectionFields } from './semantics/fields.ts'
import { targetedDirectives } from './semantics/targeted.ts'
import { mergeVaryValue } from './semantics/vary.ts'

/**
 * A response head as an adapter reports it, before anything of it has left.
 *
 * @example
 * forward.respond({ status: 200, headers: { etag: '"v1"' }, outer: { 'x-request-id': '7' } })
 */
export interface ForwardedHead extends ResponseHead {
  /**
   * The fields that were set when the request reached the cache: they belong to the exchange, not to the response.
   * An adapter takes `Vary` among them off the response until the head is judged, so that what the handler itself
   * says of it is told apart.
   */
  readonly outer?: FieldMap
  /** The whole body, where it is known together with the head, or what makes it: asked only where a tag is made of it. */
  readonly body?: Buffer | (() => Buffer)
  /** The method that the handler saw, which need not be the one that was looked up. */
  readonly method?: string
  /** The pattern of the route that answered. */
  readonly route?: string
}

/** The targeted field that addresses this cache; it is consumed and never reaches the client (RFC 9213 §2). */
export const ownTarget = 'stowage-cache-control'

const sameValue = (
  a: string | readonly string[] | undefined,
  b: string | readonly string[] | undefined,
): boolean =>
  a === b ||
  (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((line, i) => line === b[i]))

/** What the handler's side set or changed; an empty list for what it removed. */
const changedFields = (
  headers: FieldMap,
  outer: FieldMap | undefined,
): Record<string, string | readonly string[]> => {
  const changed: Record<string, string | readonly string[]> = Object.create(null)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) changed[name] = value
  }
  if (outer === undefined) return changed
  for (const name of Object.keys(outer)) {
    if (headers[name] === undefined) changed[name] = []
    else if (sameValue(headers[name], outer[name])) delete changed[name]
  }
  // Taken off the response while the handler runs: that it is not there says nothing.
  if (headers.vary === undefined) delete changed.vary
  return changed
}

/** A forwarded response as the cache sees it. */
export interface JudgedHead {
  readonly status: number
  readonly reason: string | undefined
  /** What may be stored: the fields that came from the handler's side. */
  readonly own: Record<string, string | readonly string[]>
  /** What decides: the same, with freshness as it will leave, and `Vary` completed. */
  readonly deciding: FieldMap
  readonly directives: ResponseDirectives
  /** Whether the handler's side said anything about freshness itself. */
  readonly declares: boolean
}

const hasOwnValue = (headers: FieldMap, name: string): boolean => fieldValue(headers, name) !== undefined

/** A coding or an origin that was chosen for this request varies by it, also where the handler forgot to say so. */
const impliedVary = (headers: FieldMap): readonly string[] => {
  const implied: string[] = []
  const coding = fieldValue(headers, 'content-encoding')
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') implied.push('accept-encoding')
  const origin = fieldValue(headers, 'access-control-allow-origin')
  if (origin !== undefined && origin.trim() !== '*') implied.push('origin')
  return implied
}

/**
 * What outer layers vary by counts as well: what they found out of the request, the handler may have used. Not so the
 * origin that they answer and the coding that they apply themselves, which they do anew for every exchange.
 */
const inheritedVary = (own: FieldMap, outer: FieldMap): readonly string[] => {
  const answersOrigin =
    hasField(outer, 'access-control-allow-origin') && !hasField(own, 'access-control-allow-origin')
  return listMembers(outer, 'vary').filter(
    (name) =>
      !(name === 'origin' && answersOrigin) &&
      !(name === 'accept-encoding' && !hasField(own, 'content-encoding')),
  )
}

const completeVary = (own: FieldMap, outer: FieldMap, added: readonly string[]): string | undefined => {
  const names = [...inheritedVary(own, outer), ...impliedVary(own), ...added]
  const said = fieldValue(own, 'vary')
  return names.length === 0 ? said : mergeVaryValue(said, names.join(', '))
}

const freshnessFields = ['cache-control', 'expires', 'date', 'age', 'last-modified', 'content-type'] as const

/**
 * Reads a head for the decision about it. Cache-Control and Expires count as they will leave, whoever set them; a
 * targeted field takes their place (RFC 9213 §2.2). `varyBy` are fields that the handler named for this response.
 */
export const judgeHead = (
  head: ForwardedHead,
  targets: readonly string[],
  varyBy: readonly string[],
): JudgedHead => {
  const changed = changedFields(head.headers, head.outer)
  const deciding: Record<string, string | readonly string[] | undefined> = { ...changed }
  for (const name of freshnessFields) deciding[name] = head.headers[name]
  const vary = completeVary(changed, head.outer ?? {}, varyBy)
  if (vary !== undefined) deciding.vary = vary
  const targeted = targetedDirectives(head.headers, targets)
  if (targeted !== undefined) deciding.expires = undefined
  // A field that Connection names is not stored, and decides all the same.
  const own = withoutConnectionFields(changed)
  delete own[ownTarget]
  return {
    status: head.status,
    reason: head.reason,
    own,
    deciding,
    directives: targeted?.directives ?? responseDirectives(fieldValue(head.headers, 'cache-control')),
    declares:
      targeted !== undefined ||
      hasOwnValue(head.headers, 'cache-control') ||
      hasOwnValue(head.headers, 'expires'),
  }
}
