import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type CacheOptions,
  type CacheRequest,
  createCache,
  type Decision,
  type FieldMap,
  type Forward,
  type HandlerCache,
  type InvalidateOptions,
  isPromise,
  type MaybePromise,
  type ResponseCache,
  type SelectedResponse,
  type Selector,
  type SelectorPlace,
} from '@stowage/core'
import { attach, attachedTo, isRevalidation, joinHandlers } from './attached.ts'
import { capture } from './capture.ts'
import type { Captured } from './captured.ts'
import { isGone } from './gone.ts'
import { currentFields, editRequest, type ResponseFields } from './headers.ts'
import { replay } from './replay.ts'

/**
 * How one framework does what every adapter has to do. `At` is what the framework hands to its middleware, `Done` what
 * that gives, now or later.
 *
 * @example
 * const express: Adapter<Response, void> = { responseOf: (res) => res, read, select: send, forward, entryOf }
 */
export interface Adapter<At, Done, Raw = unknown> {
  responseOf(at: At): ServerResponse
  /** The request as the cache reads it. */
  read(at: At): CacheRequest<Raw>
  /** Answers with a selected response. */
  select(at: At, response: SelectedResponse): void
  /** Opens a Forward and lets the request go on. */
  forward(at: At, forward: Forward, next: () => MaybePromise<Done>): MaybePromise<Done>
  /** Where a background revalidation enters the application. */
  entryOf(at: At): (request: IncomingMessage, response: ServerResponse) => unknown
}

type Known = Pick<ResponseCache<never>, 'lookup'>

/**
 * Carries out a decision: answers from the cache, or lets the request go on to its handler. Undefined where it is
 * answered, or nobody is there to be answered.
 *
 * @example
 * carryOut(cache, cache.lookup(request), response, adapter, next)
 */
export const carryOut = <At, Done>(
  cache: Known,
  decision: Decision,
  at: At,
  adapter: Adapter<At, Done>,
  next: () => MaybePromise<Done>,
): MaybePromise<Done | undefined> => {
  const response = adapter.responseOf(at)
  const gone = isGone(response)
  if (decision.action === 'reuse') {
    const { revalidation } = decision
    if (response.headersSent && !gone) {
      // An outer layer has begun the answer: another can no more be sent.
      revalidation?.abort(new Error('the head has left already'))
      return next()
    }
    // A cache further out asks for what is fresh, and nobody waits for it: this one asks by the same request.
    if (revalidation !== undefined && !gone && isRevalidation(response.req))
      return adapter.forward(at, revalidation, next)
    if (!gone) adapter.select(at, decision.response)
    if (revalidation !== undefined)
      replay(cache, revalidation, adapter.entryOf(at), response.req.httpVersionMajor > 1)
    return undefined
  }
  if (gone) {
    decision.abort(new Error('the client has gone'))
    return undefined
  }
  if (attachedTo(response.req, cache) !== decision) return adapter.forward(at, decision, next)
  editRequest(response.req, decision.request.headers, decision.requestEdits)
  return next()
}

/**
 * Carries out a decision now where it is there, or when it comes.
 *
 * @example
 * settle(cache, cache.lookup(request), response, adapter, next)
 */
export const settle = <At, Done>(
  cache: Known,
  decision: MaybePromise<Decision>,
  at: At,
  adapter: Adapter<At, Done>,
  next: () => MaybePromise<Done>,
): MaybePromise<Done | undefined> =>
  isPromise(decision)
    ? decision.then((settled) => carryOut(cache, settled, at, adapter, next))
    : carryOut(cache, decision, at, adapter, next)

/**
 * Attaches a Forward to its request, shows the handler what it may see, and captures the response. `owner` is the request
 * as the framework's handlers have it: where they find `cache` and read the header. One in front of the framework hears
 * there what they say as well. `route` is asked when the head is known; `fields` is where a framework keeps the head until
 * it sends it, by default the response.
 *
 * @example
 * openForward(cache, forward, response, request, () => request.route?.path)
 */
export const openForward = (
  cache: Known,
  forward: Forward,
  response: ServerResponse,
  owner: { cache?: HandlerCache | undefined; readonly headers: object },
  route: () => string | undefined,
  fields: ResponseFields = response,
): Captured => {
  const { req: request } = response
  attach(request, cache, forward)
  owner.cache = joinHandlers(owner.cache ?? request.cache, forward.handler)
  editRequest(request, request.headers as FieldMap, forward.requestEdits)
  return capture(
    response,
    forward,
    () => {
      // What the handler could read of the header is what the response may depend on.
      forward.meet({ headers: currentFields(owner, forward.request.headers) })
      return route()
    },
    fields,
  )
}

/**
 * Whether a value is a cache, or middleware that is one as well.
 *
 * @example
 * isCache(createCache()) // true
 */
export const isCache = <Raw>(value: unknown): value is ResponseCache<Raw> =>
  typeof (value as Partial<ResponseCache<Raw>> | null | undefined)?.lookup === 'function'

/**
 * The cache that was given, or a new one by the options that were; `site` names the function in errors.
 *
 * @throws `CacheConfigError` where an option cannot work.
 * @example
 * const cache = cacheFor(options, 'cacheMiddleware')
 */
export const cacheFor = <Raw>(
  options: CacheOptions<Raw> | ResponseCache<Raw> | undefined,
  site: string,
): ResponseCache<Raw> => (isCache<Raw>(options) ? options : createCache<Raw>(options, site))

/**
 * What a route invalidates, as a function of its request; `place` is where it is stated, for errors.
 *
 * @throws `CacheConfigError` where the selector or an option cannot work.
 * @example
 * const select = selectorFor(cache, { tags: ['items'] })
 */
export const selectorFor = <Raw>(
  cache: Pick<ResponseCache<never>, 'checkSelector'>,
  selector: Selector | ((raw: Raw) => Selector),
  options?: InvalidateOptions,
  place?: SelectorPlace,
): ((raw: Raw) => Selector) => {
  cache.checkSelector(typeof selector === 'function' ? { all: true } : selector, options, place)
  return typeof selector === 'function' ? selector : () => selector
}
