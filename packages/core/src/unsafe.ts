import { tagOfUrl } from './entry-tags.ts'
import type { Exchange } from './exchange.ts'
import type { ForwardedHead } from './head.ts'
import { keyedQuery } from './keyed-query.ts'
import { type FieldMap, isPromise } from './message.ts'
import type { Policy } from './policy.ts'
import type { Invalidation } from './selector.ts'
import { invalidatedUris, isNonError } from './semantics/invalidate.ts'
import { type CacheRequest, splitTarget } from './view.ts'

const withoutOrigin = (uri: string): string => uri.slice(uri.indexOf('/', uri.indexOf('://') + 3))

/** The form in which entries know a URI: where the host is no part of the key, on any host. */
const entryUrl = (uri: string, policy: Policy): string => (policy.key.host ? uri : withoutOrigin(uri))

/** What an unsafe request has made out of date: the URIs of RFC 9111 §4.4, also without their ignored parameters. */
const invalidationOfTarget = (
  request: CacheRequest,
  policy: Policy,
  responseHeaders: FieldMap,
): Invalidation => {
  const { scheme, authority, url } = request
  const tags = new Set<string>()
  for (const uri of invalidatedUris({ scheme, authority, path: url }, responseHeaders)) {
    const { path, query } = splitTarget(uri)
    const kept = keyedQuery(query, policy.key.query)
    tags.add(tagOfUrl(entryUrl(uri, policy)))
    tags.add(tagOfUrl(entryUrl(kept === undefined ? path : `${path}?${kept}`, policy)))
  }
  return { selector: { url }, tags: [...tags], mode: 'remove', reason: request.method }
}

/** What a declaration says; one that throws is reported, and says nothing. */
const declaredBy = (exchange: Exchange, declaration: () => Invalidation): Invalidation | undefined => {
  try {
    return declaration()
  } catch (error) {
    exchange.engine.reports.error('POLICY_FUNCTION', 'invalidates', error)
    return undefined
  }
}

/**
 * Invalidates what a response that is no error has made out of date, before it leaves (RFC 9111 §4.4). The promise
 * never rejects; undefined where nothing has to be waited for.
 */
export const invalidateAfter = (
  exchange: Exchange,
  declarations: readonly (() => Invalidation)[],
  head: ForwardedHead,
): Promise<void> | undefined => {
  if (!isNonError(head.status)) return undefined
  const declared = declarations
    .map((declaration) => declaredBy(exchange, declaration))
    .filter((known) => known !== undefined)
  const { request, policy, invalidates } = exchange.plan
  const all = invalidates ? [invalidationOfTarget(request, policy, head.headers), ...declared] : declared
  const pending = all.map((invalidation) => exchange.engine.invalidate(invalidation)).filter(isPromise)
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined)
}
