import type { ServerResponse } from 'node:http'
import type { SelectedResponse } from '@stowage/core'
import { Aside } from './aside.ts'
import { keepHead } from './head.ts'
import type { Methods } from './layer.ts'
import { clearHandlerFields, type OuterHead, send } from './send.ts'

const ends = ['finish', 'close'] as const

/**
 * The listeners that wait for the end of a response now: asked before the handler runs, they are those of the layers
 * outside of the cache.
 *
 * @example
 * const listeners = endListeners(response)
 */
export const endListeners = (response: ServerResponse): ReadonlySet<unknown> =>
  new Set(ends.flatMap((event) => response.rawListeners(event)))

/**
 * What stands around a handler whose response is set aside.
 *
 * @example
 * const { signal } = forward.handler
 * const onDestroy = (error: unknown) => forward.abort(error)
 * const rules: AsideRules = { outer, listeners: endListeners(res), signal, onDestroy }
 */
export interface AsideRules {
  /** What was set in front of the cache. */
  readonly outer: OuterHead
  /** Who waits for the end of the response in front of the cache. */
  readonly listeners: ReadonlySet<unknown>
  /** Aborts when nobody wants the handler's response any more. */
  readonly signal: AbortSignal
  /** The handler's side destroys the response that it has not ended. */
  onDestroy(error: unknown): void
}

/** A response that can still be another one. A pipelined one has no connection yet, and Node keeps account of it. */
const isReplaceable = (response: ServerResponse): boolean =>
  !response.headersSent && !response.destroyed && !response.writableEnded && response.socket !== null

const closeOnAbort = (aside: Aside, signal: AbortSignal): void => {
  if (signal.aborted) aside.close()
  else signal.addEventListener('abort', () => aside.close(), { once: true })
}

/** A layer further out may wait with the end, say until it has saved a session: until then Node reads the response. */
const installOnceSent = (response: ServerResponse, aside: Aside): void => {
  if (response.writableEnded) {
    aside.install()
    return
  }
  aside.setApart()
  response.once(response.req.httpVersionMajor < 2 ? 'prefinish' : 'finish', () => aside.install())
}

/**
 * Sends `selected` over the fields that stood there in front of the cache, by the methods of `layer`, and sets aside
 * what the handler makes: it may set, write and end its response as if nothing had been sent. Undefined where it is too
 * late, or Node refuses it.
 *
 * @example
 * const rules = { outer, listeners, signal, onDestroy: (error: unknown) => forward.abort(error) }
 * forward.onReplace = (selected) => (aside = sendAside(response, selected, methods, rules)) !== undefined
 */
export const sendAside = (
  response: ServerResponse,
  selected: SelectedResponse,
  layer: Pick<Methods, 'writeHead' | 'end'>,
  { outer, listeners, signal, onDestroy }: AsideRules,
): Aside | undefined => {
  if (!isReplaceable(response)) return undefined
  const aside = new Aside(response, listeners, onDestroy)
  const putBack = keepHead(response)
  try {
    clearHandlerFields(response, outer)
    send(response, selected, layer)
  } catch {
    putBack()
    if (!response.headersSent) return undefined
  }
  installOnceSent(response, aside)
  closeOnAbort(aside, signal)
  return aside
}
