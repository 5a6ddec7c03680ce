import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import {
  type FieldMap,
  type Forward,
  isPromise,
  type MaybePromise,
  type SelectedResponse,
  type Verdict,
} from '@stowage/core'
import { begun } from './begun.ts'
import { drained, letGo, sourceOf } from './body-source.ts'
import type { Captured } from './captured.ts'
import { isGone } from './gone.ts'
import { keepHead } from './head.ts'
import type { ResponseFields } from './headers.ts'
import { tee } from './tee.ts'

/**
 * A body as a framework keeps it until it sends: all of it, or what it is read from.
 *
 * @example
 * const text: Unsent = { body: () => Buffer.from('hello') }
 * const file: Unsent = { read: () => createReadStream('page.html') }
 */
export type Unsent = {
  /** Fields that the framework will set, or remove, only as it sends. Default: none. */
  readonly headers?: FieldMap
} & ({ readonly body: () => Buffer } | { readonly read: () => Readable })

const nothing = Buffer.alloc(0)

/**
 * What frameworks make of an answer whose status takes no content, whatever it was given (RFC 9110 §15.3.5).
 *
 * @example
 * const unsent = response.statusCode === 204 ? withoutContent : unsentBody(body)
 */
export const withoutContent: Unsent = {
  headers: { 'content-type': undefined, 'content-length': undefined, 'transfer-encoding': undefined },
  body: () => nothing,
}

/** A body as most frameworks send it: text and bytes are there, anything else is read. */
export const unsentBody = (body: unknown): Unsent => {
  if (body === undefined || body === null) return { body: () => nothing }
  if (typeof body === 'string') return { body: () => Buffer.from(body) }
  if (Buffer.isBuffer(body)) return { body: () => Buffer.from(body) }
  return { read: sourceOf(body) ?? (() => body as Readable) }
}

interface JudgedBody {
  readonly verdict: Verdict
  /** Records the body where it is wanted. A stream is recorded while it is read: that is the one to send, or to drain. */
  record(): Readable | undefined
}

/** Its head asks for a body more than once, and then it is recorded. */
const once = (make: () => Buffer): (() => Buffer) => {
  let made: Buffer | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Judges a head before its framework sends it, and leaves recording the body to when that may be read. */
const judgeUnsent = (captured: Captured, forward: Forward, unsent: Unsent): JudgedBody | undefined => {
  let whole = false
  const complete = (): void => {
    whole = true
  }
  const body = 'body' in unsent ? once(unsent.body) : undefined
  const headers = unsent.headers ?? {}
  const verdict = captured.judge({ headers, ...(body && { body }), isWhole: () => whole })
  if (verdict === undefined) return undefined
  whole = !verdict.record
  const record = (): Readable | undefined => {
    if (!verdict.record) return undefined
    if ('read' in unsent) return tee(unsent.read(), forward, complete)
    if (body !== undefined) forward.write(body())
    complete()
    return undefined
  }
  return { verdict, record }
}

/**
 * What is to be sent: a selected response, or a stream in the place of the body; with neither, what is there.
 *
 * @example
 * const sendable: Sendable = { stream }
 */
export interface Sendable {
  readonly response?: SelectedResponse
  readonly stream?: Readable
}

/** Judges and records; resolves when the response may leave, rejects where a body breaks off that is read first. */
const settleJudged = (
  { captured, forward }: UnsentExchange,
  given: unknown,
  unsent: Unsent,
): MaybePromise<Sendable | undefined> => {
  const judged = judgeUnsent(captured, forward, unsent)
  if (judged === undefined) return undefined
  const { hold, response } = judged.verdict
  const stream = judged.record()
  if (response === undefined) {
    const sendable: Sendable = stream === undefined ? {} : { stream }
    return hold === undefined ? sendable : hold.then(() => sendable)
  }
  if (stream === undefined) letGo(given)
  const over = stream === undefined ? undefined : drained(stream)
  if (hold === undefined && over === undefined) return { response }
  return Promise.all([hold, over]).then(() => ({ response }))
}

/** Waits with the head that a framework keeps as it is. */
const withHead = async <T>(
  response: ServerResponse,
  fields: ResponseFields | undefined,
  over: Promise<T>,
): Promise<T> => {
  const putBack = fields && keepHead(response, fields)
  try {
    return await over
  } finally {
    putBack?.()
  }
}

/** A framework lets a stream go with its client, once it has it. */
const withClient = async <T>(response: ServerResponse, given: unknown, over: Promise<T>): Promise<T> => {
  const leave = (): void => letGo(given)
  response.once('close', leave)
  try {
    return await over
  } finally {
    response.off('close', leave)
  }
}

/**
 * A response that its framework keeps until outer layers have seen it.
 *
 * @example
 * const exchange: UnsentExchange = { captured, forward, response }
 */
export interface UnsentExchange {
  readonly captured: Captured
  readonly forward: Forward
  readonly response: ServerResponse
  /**
   * Where a framework keeps the head once it has been asked to send: nothing that is set there while its answer waits
   * counts. Default: the response, of which all does.
   */
  readonly fields?: ResponseFields
  /** A body that was read first has broken off: its client was cut off, as it would have been. */
  cutOff?(error: Error): void
}

/**
 * Judges and records a response before its framework sends it. Resolves when it may leave: in the place of a stale
 * response a stream has begun, an invalidation is done, and a body that is recorded though another response is sent has
 * come to its end. Rejects where a stream ends before it begins. Undefined where the response has begun, and is
 * captured as ever.
 *
 * @param given The body as it was given: where nobody will read it, what it holds on to is let go.
 * @param unsentOf What of it will be sent, asked when it has begun.
 * @example
 * const sendable = await settleUnsent({ captured, forward, response }, text, () => ({ body: () => Buffer.from(text) }))
 */
export const settleUnsent = (
  exchange: UnsentExchange,
  given: unknown,
  unsentOf: () => Unsent,
): MaybePromise<Sendable | undefined> => {
  const { forward, response, fields, cutOff } = exchange
  const wait = <T>(over: Promise<T>): Promise<T> => withHead(response, fields, over)
  const settle = (): MaybePromise<Sendable | undefined> => {
    const settled = settleJudged(exchange, given, unsentOf())
    if (!isPromise(settled)) return settled
    return wait(withClient(response, given, settled)).catch((error) => {
      response.destroy()
      cutOff?.(error)
      return undefined
    })
  }
  const ready = begun(given, forward, response, fields)
  // A stream that ends with its client has not failed: what its handler has changed counts.
  return ready === undefined
    ? settle()
    : wait(ready).then(settle, (error) => (isGone(response) ? settle() : Promise.reject(error)))
}
