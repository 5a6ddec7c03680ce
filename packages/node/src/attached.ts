import type { Forward, HandlerCache, ResponseCache } from '@stowage/core'

/**
 * Where a request carries the Forward of each cache that it has passed. A symbol, so that no client can set it;
 * registered, so that the two builds of this package know each other's.
 */
const carried = Symbol.for('stowage.forwards')
const replaying = Symbol.for('stowage.revalidation')

interface Carrier {
  [carried]?: (readonly [cache: unknown, forward: Forward])[]
  [replaying]?: readonly [cache: unknown, forward: Forward]
}

/** A cache as one of its methods tells it apart from others: middleware and cache are different objects with one. */
const identityOf = (cache: Pick<ResponseCache<never>, 'lookup'>): unknown => cache.lookup

/**
 * Attaches a cache's Forward to the request that it is for.
 *
 * @example
 * attach(request, cache, forward)
 */
export const attach = (
  request: object,
  cache: Pick<ResponseCache<never>, 'lookup'>,
  forward: Forward,
): void => {
  const carrier = request as Carrier
  carrier[carried] ??= []
  carrier[carried].push([identityOf(cache), forward])
}

/**
 * The Forward of a request that has passed this cache already.
 *
 * @example
 * const forward = attachedTo(request, cache)
 */
export const attachedTo = (
  request: object,
  cache: Pick<ResponseCache<never>, 'lookup'>,
): Forward | undefined => (request as Carrier)[carried]?.find(([known]) => known === identityOf(cache))?.[1]

/**
 * What the handler says to several caches at once: it counts for each of them, and the innermost answers.
 *
 * @example
 * request.cache = joinHandlers(request.cache, forward.handler)
 */
export const joinHandlers = (outer: HandlerCache | undefined, inner: HandlerCache): HandlerCache => {
  if (outer === undefined || outer === inner) return inner
  let signal: AbortSignal | undefined
  const joined: HandlerCache = {
    get status() {
      return inner.status
    },
    get stale() {
      return inner.stale
    },
    get signal() {
      signal ??= AbortSignal.any([outer.signal, inner.signal])
      return signal
    },
    ttl: (duration) => {
      for (const handler of [outer, inner]) handler.ttl(duration)
      return joined
    },
    tag: (...tags) => {
      for (const handler of [outer, inner]) handler.tag(...tags)
      return joined
    },
    vary: (...headers) => {
      for (const handler of [outer, inner]) handler.vary(...headers)
      return joined
    },
    notModified: () => inner.notModified(),
    skip: (reason) => {
      for (const handler of [outer, inner]) handler.skip(reason)
    },
  }
  return joined
}

/** Marks a request as the revalidation of a cache. */
export const markReplay = (
  request: object,
  cache: Pick<ResponseCache<never>, 'lookup'>,
  forward: Forward,
): void => {
  ;(request as Carrier)[replaying] = [identityOf(cache), forward]
}

/**
 * The Forward that a revalidation of this cache is for.
 *
 * @example
 * const forward = replayOf(request, cache)
 */
export const replayOf = (
  request: object,
  cache: Pick<ResponseCache<never>, 'lookup'>,
): Forward | undefined => {
  const replay = (request as Carrier)[replaying]
  return replay !== undefined && replay[0] === identityOf(cache) ? replay[1] : undefined
}

/**
 * Whether a request is the revalidation of another cache, further inside than this one: what this one has stored is not
 * what that one asks for, and who waits here may be waiting for it.
 *
 * @example
 * if (isForInner(request, cache)) return next()
 */
export const isForInner = (request: object, cache: Pick<ResponseCache<never>, 'lookup'>): boolean => {
  const { [replaying]: replay, [carried]: passed = [] } = request as Carrier
  if (replay === undefined || replay[0] === identityOf(cache)) return false
  return !passed.some(([known]) => known === replay[0])
}

/**
 * Whether a request is a background revalidation: for access logs and rate limiters, which count clients. Takes Node's
 * request, or what a framework keeps it in as `req` or `raw`.
 *
 * @example
 * app.use(rateLimit({ skip: (req) => isRevalidation(req) }))
 */
export const isRevalidation = (request: object): boolean => {
  const { req, raw = req } = request as { readonly req?: Carrier; readonly raw?: Carrier }
  return (request as Carrier)[replaying] !== undefined || raw?.[replaying] !== undefined
}
