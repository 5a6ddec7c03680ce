import { hash } from './builtin.ts'
import type { JudgedHead } from './head.ts'
import type { FieldMap } from './message.ts'
import type { Policy } from './policy.ts'
import { toldDownstream } from './precedence.ts'
import { fieldValue, hasField } from './semantics/fields.ts'
import { mergeVaryValue } from './semantics/vary.ts'

/** A weak tag: what stands in front of the cache may still encode the bytes differently (RFC 9110 §8.8.1). */
const makeEtag = (body: Buffer): string =>
  `W/"${body.length.toString(36)}-${hash('sha1', body, 'base64url')}"`

/** The declared key fields belong into `Vary` as well, for the caches behind this one. */
const varyOf = (own: FieldMap, deciding: FieldMap, policy: Policy): string | undefined => {
  const said = fieldValue(deciding, 'vary') ?? fieldValue(own, 'vary')
  const keyed = [...policy.key.headers, ...(policy.key.cookies.length > 0 ? ['cookie'] : [])]
  return keyed.length === 0 ? said : mergeVaryValue(said, keyed.join(', '))
}

/** Said by the handler, and at odds with or already as strict as `private`. */
const saysWho = /private|no-store|public|s-maxage/i

/**
 * What caches behind this one are told: where the handler said nothing, to ask again, for the ttl of a policy stays
 * here; and where the policy keeps one entry a user, or none, that it is for this one. Undefined: as it is.
 */
export const downstreamCacheControl = (
  said: string | undefined,
  declares: boolean,
  policy: Policy,
  stores: boolean,
): string | undefined => {
  const personal = policy.scope === 'private' || typeof policy.scope === 'function'
  if (!declares) return personal ? 'private, no-cache' : stores ? 'no-cache' : undefined
  if (!personal || (said !== undefined && saysWho.test(said))) return undefined
  return said === undefined ? 'private' : `private, ${said}`
}

/**
 * Changes to a response head: a value to set, or undefined to remove the field.
 *
 * @example
 * const edits: FieldEdits = { 'cache-control': 'no-cache', 'stowage-cache-control': undefined }
 */
export type FieldEdits = Record<string, string | readonly string[] | undefined>

/** What the cache adds to a response that comes from the handler. */
export const responseEdits = (
  judged: JudgedHead,
  policy: Policy,
  stores: boolean,
  body: Buffer | undefined,
): FieldEdits => {
  const edits: FieldEdits = {}
  const said = fieldValue(judged.deciding, 'cache-control')
  const told = stores ? toldDownstream(judged, policy) : undefined
  const cacheControl = told?.cacheControl ?? downstreamCacheControl(said, judged.declares, policy, stores)
  if (cacheControl !== undefined) edits['cache-control'] = cacheControl
  if (told?.cdn !== undefined) edits['cdn-cache-control'] = told.cdn
  const vary = varyOf(judged.own, judged.deciding, policy)
  if (vary !== undefined && vary !== fieldValue(judged.own, 'vary')) edits.vary = vary
  if (stores && body !== undefined && policy.etag && judged.status === 200 && !hasField(judged.own, 'etag'))
    edits.etag = makeEtag(body)
  return edits
}
