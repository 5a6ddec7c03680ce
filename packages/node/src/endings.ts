import type { ServerResponse } from 'node:http'
import type { Forward, SelectedResponse } from '@stowage/core'
import { ServerResponse as Http1Response } from './http.ts'
import { pieceOf, swallowed } from './piece.ts'
import { whenTaken } from './taken.ts'

// Functions of their own, not of a constructor: closures made there hold on to everything that any of them uses, and
// those that are kept let each request live until the next full collection.

/** What may answer in the place of a handler that still runs. */
export interface Replaceable {
  readonly isSetAside: boolean
  /** Whether an answer has been judged, or is being sent. */
  readonly isAnswered: boolean
  replace(selected: SelectedResponse): boolean
}

/** Of all who wait for their turn on one connection. A symbol, so that no client can set it. */
const behind = Symbol('stowage.behind')

interface Shared {
  [behind]?: Set<() => void>
  once(event: 'close', listener: () => void): unknown
}

/** A connection that closes tells only the response whose turn it is: of those behind it Node knows nothing. */
const onCloseBefore = (response: ServerResponse, leave: () => void): void => {
  const socket: Shared | null | undefined = response.req?.socket
  if (!socket) return
  let leaving = socket[behind]
  if (leaving === undefined) {
    const all = new Set<() => void>()
    socket.once('close', () => {
      for (const each of all) each()
    })
    socket[behind] = all
    leaving = all
  }
  leaving.add(leave)
  response.once('socket', () => leaving.delete(leave))
}

/** The most that one layer of the cache adds for one event. */
const ownListeners = 3

/** Koa 3 alone has seven of them on a response: with those of two caches Node would take them for a leak. */
const makeRoom = (response: ServerResponse): void => {
  const most = response.getMaxListeners()
  if (most > 0) response.setMaxListeners(most + ownListeners)
}

const abortOnClose = (response: ServerResponse, forward: Forward, capture: Replaceable): void => {
  // A client that has been answered may leave; its handler goes on.
  const leave = (): void => {
    if (!capture.isSetAside) forward.abort()
  }
  makeRoom(response)
  response.on('close', leave)
  if (response.socket === null) onCloseBefore(response, leave)
}

/**
 * Ends a Forward of whose answer nobody tells: nothing is stored, and what its handler may have changed counts as changed
 * (RFC 9111 §4.4).
 *
 * @example
 * if (isGone(response)) endUntold(forward, response.req.method, error)
 */
export const endUntold = (forward: Forward, method: string | undefined, cause: unknown): void => {
  // First: of an open one the answer would be judged, and shared with who waits for it.
  forward.abort(cause)
  forward.respond({ status: 200, ...(method === undefined ? {} : { method }), headers: {} })
}

const abortOnTaken = (response: ServerResponse, forward: Forward, capture: Replaceable): void =>
  whenTaken(
    response,
    () => {
      if (!capture.isSetAside)
        endUntold(forward, response.req.method, new Error('the handler has taken the connection'))
    },
    () => capture.isAnswered,
  )

/** Tells a Forward where its response will not come to its end. */
export const abortOnLoss = (response: ServerResponse, forward: Forward, capture: Replaceable): void => {
  abortOnClose(response, forward, capture)
  abortOnTaken(response, forward, capture)
}

/** Who waits for the end of a response by way of `on-finished` is in a list on it: one, whoever began it. */
interface WithList {
  __onFinished?:
    | (((error?: unknown) => void) & { readonly queue: ((error: unknown, of: unknown) => void)[] })
    | undefined
}

/**
 * Gives the handler's side a list of its own. That of the layers outside is told what becomes of the connection, and
 * what the handler's side has said there, as Koa of each stream, would be let go with a client that has been answered.
 */
export const keepListApart = (response: ServerResponse): void => {
  const holder = response as WithList
  const tell = (): void => {
    if (holder.__onFinished === list) holder.__onFinished = undefined
    const error = response.req.httpVersionMajor < 2 ? response.socket?.errored : undefined
    for (const told of list.queue.splice(0)) told(error ?? null, response)
  }
  const list = Object.assign(tell, { queue: [] as ((error: unknown, of: unknown) => void)[] })
  holder.__onFinished = list
  response.on('finish', tell).on('close', tell)
}

/** Has another response sent in the place of one that is over its time. */
export const replaceInTime = (response: ServerResponse, forward: Forward, capture: Replaceable): void => {
  const replace = (selected: SelectedResponse): boolean => capture.replace(selected)
  forward.onReplace = replace
  if (response.socket !== null) return
  // Behind another one it has no connection yet: what is over its time by then is so when its turn comes.
  response.once('socket', () => {
    if (!response.writableEnded) forward.onReplace = replace
  })
}

export const endingWith304 = (response: ServerResponse) => (): void => {
  response.statusCode = 304
  response.end()
}

/** A head that waits counts as sent: who meets an error then cuts the connection, as without a cache. */
export const countAsSent = (response: ServerResponse, waits: () => boolean): void => {
  Object.defineProperty(response, 'headersSent', {
    configurable: true,
    get: () => waits() || Reflect.get(Object.getPrototypeOf(response), 'headersSent', response),
  })
}

/** Some only of later releases of Node. */
const besides = [
  'writeContinue',
  'writeProcessing',
  'writeEarlyHints',
  'writeInformation',
  'addTrailers',
] as const

const swallow = (...given: unknown[]): void => swallowed(pieceOf(given), undefined)

const silent = Object.fromEntries(
  besides.filter((name) => name in Http1Response.prototype).map((name) => [name, swallow]),
)

/**
 * Another response has left: what the handler still says in advance of its own (RFC 9110 §15.2) Node would write behind
 * that, where the client takes it for the next one's, and its trailers belong to another body.
 */
export const endBesides = (response: ServerResponse): void => void Object.assign(response, silent)
