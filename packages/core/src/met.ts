import type { FieldMap } from './message.ts'
import type { CacheRequest } from './view.ts'

/** What a framework knows of a request later than at its lookup. */
export type Met = Partial<Pick<CacheRequest, 'raw' | 'route' | 'headers' | 'rewritten'>>

const differ = (a: FieldMap, b: FieldMap): boolean =>
  a !== b && [...Object.keys(a), ...Object.keys(b)].some((name) => a[name] !== b[name])

/** Whether its header or its target is another than the one that was looked up by. */
export const isRewritten = (request: CacheRequest, known: Met): boolean =>
  (known.headers !== undefined && differ(request.headers, known.headers)) ||
  ('rewritten' in known && known.rewritten !== request.rewritten)

/** The request with what is known of it now. */
export const metAs = (request: CacheRequest, known: Met): CacheRequest => {
  if (Object.keys(known).every((name) => known[name as keyof Met] === request[name as keyof Met]))
    return request
  // One by one, for the reason that `blankPlan` gives; a request may be an object of a class besides.
  const { method, url, rewritten, authority, scheme, headers, forwarded, raw, route } = request
  const body = request.body?.bind(request)
  return {
    method,
    url,
    rewritten,
    authority,
    scheme,
    headers,
    forwarded,
    raw,
    ...(route === undefined ? {} : { route }),
    ...(body === undefined ? {} : { body }),
    ...known,
  }
}
