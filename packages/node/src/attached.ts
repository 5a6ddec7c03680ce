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

/** A class, for V8 gives each literal with an accessor a hidden class of its own. */
class JoinedHandlers implements HandlerCache {
  readonly #outer: HandlerCache
  readonly #inner: HandlerCache
  #signal: AbortSignal | undefined

  constructor(outer: HandlerCache, inner: HandlerCache) {
    this.#outer = outer
    this.#inner = inner
  }

  get status(): HandlerCache['status'] {
    return this.#inner.status
  }

  get stale(): HandlerCache['stale'] {
    return this.#inner.stale
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#outer.signal, this.#inner.signal])
    return this.#signal
  }

  ttl(...given: Parameters<HandlerCache['ttl']>): this {
    return this.#both((handler) => handler.ttl(...given))
  }

  tag(...tags: string[]): this {
    return this.#both((handler) => handler.tag(...tags))
  }

  vary(...headers: string[]): this {
    return this.#both((handler) => handler.vary(...headers))
  }

  notModified(): void {
    this.#inner.notModified()
  }

  skip(reason?: string): void {
    this.#both((handler) => handler.skip(reason))
  }

  #both(say: (handler: HandlerCache) => unknown): this {
    say(this.#outer)
    say(this.#inner)
    return this
  }
}

/**
 * What the handler says to several caches at once: it counts for each of them, and the innermost answers.
 *
 * @example
 * request.cache = joinHandlers(request.cache, forward.handler)
 */
export const joinHandlers = (outer: HandlerCache | undefined, inner: HandlerCache): HandlerCache =>
  outer === undefined || outer === inner ? inner : new JoinedHandlers(outer, inner)

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
