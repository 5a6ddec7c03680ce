import type { ServerResponse } from 'node:http'
import type {
  FieldMap,
  Forward,
  InvalidateOptions,
  MaybePromise,
  ResponseCache,
  RouteRules,
  Selector,
} from '@stowage/core'
import { type Adapter, settle } from './adapter.ts'
import { attachedTo, isForInner, replayOf } from './attached.ts'
import { currentFields } from './headers.ts'

/**
 * A cache, and how a framework does what it decides.
 *
 * @example
 * const layer: Layer<Request, Response, void> = { cache, adapter }
 */
export interface Layer<Raw, At, Done> {
  readonly cache: ResponseCache<Raw>
  readonly adapter: Adapter<At, Done, Raw>
}

/** What is further inside. */
type Inside<Done> = () => MaybePromise<Done>

/** The Forward that a request already has, or the one that it was made for. */
export const knownAt = <Raw, At, Done>(
  { cache, adapter }: Layer<Raw, At, Done>,
  at: At,
  { req: request }: ServerResponse,
): Forward | undefined => {
  const attached = attachedTo(request, cache)
  if (attached !== undefined) return attached
  const replayed = replayOf(request, cache)
  replayed?.meet({ raw: adapter.read(at).raw, headers: request.headers as FieldMap })
  return replayed
}

/** Goes on with a Forward, which is opened once for each request. */
export const within = <Raw, At, Done>(
  { cache, adapter }: Layer<Raw, At, Done>,
  forward: Forward,
  at: At,
  inside: Inside<Done>,
): MaybePromise<Done> =>
  attachedTo(adapter.responseOf(at).req, cache) === forward ? inside() : adapter.forward(at, forward, inside)

/** Tells a Forward of what a request has become on its way to its route. */
const meetAtRoute = <Raw, At, Done>({ adapter }: Layer<Raw, At, Done>, forward: Forward, at: At): void => {
  const request = adapter.read(at)
  const { raw, rewritten, route } = request
  const headers = currentFields(request, forward.request.headers)
  forward.meet({ raw, headers, rewritten, ...(route === undefined ? {} : { route }) })
}

/**
 * What the cache does in front of the routes: answers, or lets the request go on. Undefined where it is answered.
 *
 * @example
 * app.use((request, response, next) => void inFront(layer, response, next))
 */
export const inFront = <Raw, At, Done>(
  layer: Layer<Raw, At, Done>,
  at: At,
  next: Inside<Done>,
): MaybePromise<Done | undefined> => {
  const { cache, adapter } = layer
  const response = adapter.responseOf(at)
  const forward = knownAt(layer, at, response)
  if (forward !== undefined) return within(layer, forward, at, next)
  if (isForInner(response.req, cache)) return next()
  return settle(cache, cache.lookup(adapter.read(at)), at, adapter, next)
}

/**
 * What the cache does at one route: a request that it knows already goes by the rules of the route from here on.
 *
 * @example
 * app.get('/items', (request, response, next) => void atRoute(layer, rules, response, next), listItems)
 */
export const atRoute = <Raw, At, Done>(
  layer: Layer<Raw, At, Done>,
  rules: RouteRules,
  at: At,
  next: Inside<Done>,
): MaybePromise<Done | undefined> => {
  const { cache, adapter } = layer
  const response = adapter.responseOf(at)
  const forward = knownAt(layer, at, response)
  if (forward === undefined) {
    if (isForInner(response.req, cache)) return next()
    return settle(cache, cache.lookup(adapter.read(at), rules), at, adapter, next)
  }
  return within(layer, forward, at, () => {
    meetAtRoute(layer, forward, at)
    return settle(cache, cache.refine(forward, rules), at, adapter, next) as MaybePromise<Done>
  })
}

/**
 * What the cache does where a request may change something: it sees the answer, whoever gives it. Without a selector what
 * an unsafe method changes by itself is invalidated (RFC 9111 §4.4).
 *
 * @example
 * app.post('/items', (request, response, next) => void invalidating(layer, () => selector, {}, response, next))
 */
export const invalidating = <Raw, At, Done>(
  layer: Layer<Raw, At, Done>,
  selector: (() => Selector) | undefined,
  options: InvalidateOptions | undefined,
  at: At,
  next: Inside<Done>,
): MaybePromise<Done> => {
  const { cache, adapter } = layer
  const forward = knownAt(layer, at, adapter.responseOf(at)) ?? cache.bypass(adapter.read(at))
  return within(layer, forward, at, () => {
    if (selector !== undefined) cache.invalidateAfter(forward, selector, options)
    return next()
  })
}
