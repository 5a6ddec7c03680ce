import type { ServerResponse } from 'node:http'
import {
  type FieldMap,
  type Forward,
  type HandlerCache,
  isPromise,
  type MaybePromise,
  type ResponseCache,
  type SelectedResponse,
} from '@stowage/core'
import { openForward } from './adapter.ts'
import { readable } from './body-source.ts'
import type { Captured } from './captured.ts'
import { declaredOn, passesForSuccess } from './declared.ts'
import type { ResponseFields } from './headers.ts'
import { type Sendable, settleUnsent, unsentBody, withoutContent } from './unsent.ts'

/**
 * How a framework keeps one answer until it sends it.
 *
 * @example
 * const unsent: UnsentReply = { response: reply.raw, request, route, fields, begin, put, hold }
 */
export interface UnsentReply {
  readonly response: ServerResponse
  /** As the framework's handlers have it. */
  readonly request: { readonly headers: object }
  /** The pattern of the route, asked when the head is known. */
  route(): string | undefined
  /** Where the framework keeps the head. */
  readonly fields: ResponseFields
  /** What is on it by now was set in front of the cache. */
  begin(): void
  /** Puts a selected response in the place of the answer, and gives what the framework is to send for it. */
  put(response: SelectedResponse): unknown
  /** The answer counts as sent, until what is returned is called. */
  hold(): () => void
}

/** One cache that the answer leaves. */
interface Left {
  readonly captured: Captured
  readonly forward: Forward
}

/**
 * Captures an answer that its framework keeps until hooks have seen it, for each cache that it leaves. Opened when a
 * request goes on, and asked when the framework is about to send.
 *
 * @example
 * const capture = new UnsentCapture(unsent)
 * capture.open(cache, forward)
 */
export class UnsentCapture {
  /** What the handler can say to the caches. */
  cache: HandlerCache | undefined
  readonly #reply: UnsentReply
  /** The innermost is the last. */
  readonly #caches: Left[] = []
  /** One answer is on its way, and waits. */
  #waits = false
  /** What the handler had said of its success when it failed. */
  #declared: FieldMap | undefined

  constructor(reply: UnsentReply) {
    this.#reply = reply
  }

  /** What the handler reads of the request header. */
  get headers(): object {
    return this.#reply.request.headers
  }

  /**
   * The answer will leave this cache before those that are open already.
   *
   * @example
   * capture.open(cache, forward)
   */
  open(cache: Pick<ResponseCache<never>, 'lookup'>, forward: Forward): void {
    const { response, fields } = this.#reply
    const route = (): string | undefined => this.#reply.route()
    this.#caches.push({ captured: openForward(cache, forward, response, this, route, fields), forward })
  }

  /**
   * What is in front of the cache has run: what is set from here on is the handler's.
   *
   * @example
   * capture.begin()
   */
  begin(): void {
    this.#reply.begin()
    for (const { captured } of this.#caches) captured.begin()
  }

  /**
   * The answer is no handler's, but was stored: by whichever method it was asked for, it changes nothing.
   *
   * @example
   * capture.stop()
   */
  stop(): void {
    this.#caches.length = 0
  }

  /**
   * The handler has failed: the fields that are kept are no word about the answer to its error.
   *
   * @example
   * app.addHook('onError', async (request) => captureOf(request)?.fail())
   */
  fail(): void {
    this.#declared ??= declaredOn(this.#reply.fields)
  }

  /**
   * The handler has ended without an answer, since its client had gone: what it has changed still counts.
   *
   * @example
   * if (isGone(reply.raw)) capture.leave()
   */
  leave(): void {
    this.#settle(undefined)
  }

  /**
   * Judges and records an answer, and goes on with what is to be sent when that may leave; with an error where a body
   * fails before it begins. Nothing comes of another answer than the one that waits already.
   *
   * @example
   * capture.send(payload, (sent) => done(null, sent), done)
   */
  send(given: unknown, goOn: (sent: unknown) => void, failed: (error: Error) => void): void {
    // A handler that does not return its reply has its framework send another.
    if (this.#waits) return
    this.#refuseDeclared()
    const settled = this.#settle(readable(given, this.#reply.response.req.method !== 'HEAD'))
    if (isPromise(settled)) this.#goOnLater(settled, goOn, failed)
    else goOn(settled)
  }

  /** It counts as sent to the very turn in which it goes on. */
  #goOnLater(settled: Promise<unknown>, goOn: (sent: unknown) => void, failed: (error: Error) => void): void {
    const { response } = this.#reply
    const release = this.#reply.hold()
    this.#waits = true
    const over =
      <T>(act: (value: T) => void) =>
      (value: T): void => {
        this.#waits = false
        release()
        act(value)
      }
    settled
      .then(over(goOn), over(failed))
      // What a framework refuses to send, it refuses as ever.
      .catch((error) => (response.headersSent ? Promise.reject(error) : failed(error)))
      .catch(() => void response.destroy())
  }

  #refuseDeclared(): void {
    const { response, fields } = this.#reply
    if (this.#declared === undefined || !passesForSuccess(response.statusCode, fields, this.#declared)) return
    for (const { forward } of this.#caches) forward.handler.skip('thrown')
  }

  /** What leaves one cache meets the one around it. */
  #settle(given: unknown, left = this.#caches.length): MaybePromise<unknown> {
    const innermost = this.#caches[left - 1]
    if (innermost === undefined) return given
    const sent = this.#leave(innermost, given)
    return isPromise(sent) ? sent.then((put) => this.#settle(put, left - 1)) : this.#settle(sent, left - 1)
  }

  #leave({ captured, forward }: Left, given: unknown): MaybePromise<unknown> {
    const { response, fields } = this.#reply
    const exchange = { captured, forward, response, fields }
    const settled = settleUnsent(exchange, given, () =>
      response.statusCode === 204 ? withoutContent : unsentBody(given),
    )
    const put = (sendable: Sendable | undefined): unknown => {
      // What was judged could not be sent: an error is.
      if (sendable === undefined) captured.retract()
      const { response: selected, stream = given } = sendable ?? {}
      return selected === undefined ? stream : this.#reply.put(selected)
    }
    return isPromise(settled) ? settled.then(put) : put(settled)
  }
}
