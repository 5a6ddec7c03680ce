import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Forward, isPromise, type MaybePromise, type ResponseCache } from '@stowage/core'
import { markReplay } from './attached.ts'
import { createDetached } from './detached.ts'

/** A revalidation that takes longer than this is given up; the stale response stays as it was. */
const deadlineMs = 30_000

/** Made while no request is being served: what a client's request left in asynchronous context is not for others. */
const nobodysContext = new AsyncResource('StowageRevalidation')

/**
 * Makes a background revalidation through an application's own entry: a request that holds what is in the key, and
 * whose response goes nowhere but into the cache.
 *
 * @param ofHttp2 Whether the application's requests are those of the compatibility API of HTTP/2. Default: false.
 * @example
 * if (decision.revalidation) replay(cache, decision.revalidation, (request, response) => app(request, response))
 */
export const replay = (
  cache: Pick<ResponseCache<never>, 'lookup'>,
  forward: Forward,
  dispatch: (request: IncomingMessage, response: ServerResponse) => unknown,
  ofHttp2 = false,
): void => {
  const { request, response, close } = createDetached(forward.request, ofHttp2)
  markReplay(request, cache, forward)
  const giveUp = (cause: unknown): void => {
    forward.abort(cause)
    close()
  }
  const timer = setTimeout(() => giveUp(new Error(`no response within ${deadlineMs} ms`)), deadlineMs)
  timer.unref()
  response.on('close', () => {
    clearTimeout(timer)
    forward.abort(new Error('the revalidation did not reach the handler, or was cut off'))
  })
  try {
    const done = nobodysContext.runInAsyncScope(() => dispatch(request, response)) as MaybePromise<unknown>
    // What fails is reported as a failed revalidation.
    if (isPromise(done)) Promise.resolve(done).catch(giveUp)
  } catch (error) {
    giveUp(error)
  }
}
