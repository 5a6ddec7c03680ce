import { keyedQuery } from './key.ts'
import type { FieldMap } from './message.ts'
import type { Policy } from './policy.ts'
import { type Invalidation, tagOfUrl } from './selector.ts'
import { invalidatedUris } from './semantics/invalidate.ts'
import { type CacheRequest, splitTarget } from './view.ts'

const withoutOrigin = (uri: string): string => uri.slice(uri.indexOf('/', uri.indexOf('://') + 3))

/** The form in which entries know a URI: where the host is no part of the key, on any host. */
const entryUrl = (uri: string, policy: Policy): string => (policy.key.host ? uri : withoutOrigin(uri))

/** What an unsafe request has made out of date: the URIs of §4.4, also without their ignored parameters. */
export const invalidationOfTarget = (
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
