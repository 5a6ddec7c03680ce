import type { JudgedHead } from './head.ts'
import type { Policy } from './policy.ts'
import { type ResponseDirectives, responseDirectives } from './semantics/cache-control.ts'
import { fieldValue, hasField } from './semantics/fields.ts'

/** What is limited to fields that it names is kept: those fields are not stored. */
const onlyQualified = (directives: ResponseDirectives): ResponseDirectives => {
  const { noStore, noCache, private: isPrivate, ...kept } = directives
  return {
    ...kept,
    ...(Array.isArray(noCache) ? { noCache } : {}),
    ...(Array.isArray(isPrivate) ? { private: isPrivate } : {}),
  }
}

/**
 * A head as it decides where the policy is stronger than the response: what forbids storing does not count, and neither
 * does its freshness where the policy states one. Only with a stated scope, for then the policy says who may have it.
 */
export const overruled = (judged: JudgedHead, policy: Policy): JudgedHead => {
  const { precedence, scope, ttl } = policy
  if (precedence !== 'policy' || scope === undefined || scope === 'private') return judged
  const deciding = { ...judged.deciding, 'set-cookie': undefined }
  if (ttl === undefined) return { ...judged, deciding, directives: onlyQualified(judged.directives) }
  const { maxAge, sMaxage, ...directives } = onlyQualified(judged.directives)
  return { ...judged, deciding: { ...deciding, expires: undefined }, directives }
}

/** What those behind this cache are told in the place of the handler's fields. */
export interface ToldDownstream {
  readonly cacheControl: string
  readonly cdn: string | undefined
}

const opensToAll = /public|s-maxage/i
const keepsToOne = /private|no-store/i

/** For one user alone: never for a cache that others share. */
const personal = ({ cacheControl, cdn }: ToldDownstream): ToldDownstream => ({
  cacheControl: opensToAll.test(cacheControl)
    ? 'private, no-cache'
    : keepsToOne.test(cacheControl)
      ? cacheControl
      : `private, ${cacheControl}`,
  cdn: cdn === 'no-store' ? cdn : undefined,
})

/** What a policy has sent of a response that is stored; undefined where the handler's own word stands. */
export const toldDownstream = ({ own, deciding }: JudgedHead, policy: Policy): ToldDownstream | undefined => {
  const { downstream, scope } = policy
  if (downstream === undefined || hasField(own, 'set-cookie')) return undefined
  const said = responseDirectives(fieldValue(deciding, 'cache-control'))
  if (said.private !== undefined || said.noStore === true) return undefined
  return scope === 'private' || typeof scope === 'function' ? personal(downstream) : downstream
}

const lifetimes = /\b(s-maxage|max-age)=(\d+)/gi

/**
 * The lifetimes that a policy grants downstream begin when a response is sent and not when it was made, and Age counts
 * from there.
 */
export const grantedFrom = (
  age: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> => {
  const granted: Record<string, string> = {}
  for (const name of ['cache-control', 'cdn-cache-control']) {
    const value = fieldValue(headers, name)
    if (value !== undefined)
      granted[name] = value.replace(
        lifetimes,
        (_, kind: string, seconds: string) => `${kind}=${Number(seconds) + age}`,
      )
  }
  return granted
}
