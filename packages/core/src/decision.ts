import type { HandlerCache } from './handler.ts'
import type { ForwardedHead } from './head.ts'
import type { MaybePromise } from './message.ts'
import type { FieldEdits } from './response-edits.ts'
import type { SelectedResponse } from './select.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import type { CacheRequest } from './view.ts'

export type { FieldEdits } from './response-edits.ts'

/**
 * A request on its way to the handler: the adapter reports the response to it, from the head to the end, and does
 * what the verdict says.
 *
 * @example
 * const verdict = forward.respond({ status: 200, headers: { 'cache-control': 'max-age=60' } })
 * if (verdict.record) {
 *   forward.write(Buffer.from('hello'))
 *   forward.end()
 * }
 */
export interface Forward {
  readonly action: 'forward'
  /** Why the request goes forward (RFC 9211 §2.2). */
  readonly reason: ForwardReason
  /** The request; of a background revalidation only what is in the key. */
  readonly request: CacheRequest
  /** Whether no client waits for the response. */
  readonly background: boolean
  /** Becomes `req.cache`. */
  readonly handler: HandlerCache
  /**
   * The request fields that the handler should see otherwise: a value, or undefined for none. The client's
   * conditions are answered by the cache; those of the stored response are asked instead (RFC 9111 §4.3.1).
   */
  readonly requestEdits: Readonly<Record<string, string | undefined>>
  /** How the adapter ends the response with 304 when the handler says `notModified()`. */
  set onNotModified(send: () => void)
  /**
   * How the adapter sends a response at once, in the place of the one that the handler is still making; it answers false
   * where it is too late for that. The handler goes on and its response is reported as ever, but sent nowhere; and that
   * the connection has ended says nothing about it any more. Setting it starts the limits of the policy, `softTimeout`
   * and `hardTimeout`.
   */
  set onReplace(send: (response: SelectedResponse) => boolean)
  /** The request that the framework now has in hand: at a route, or of a replay, it knows more than before. */
  meet(known: Partial<Pick<CacheRequest, 'raw' | 'route' | 'headers' | 'rewritten'>>): void
  /** Judges the head before anything of it leaves. */
  respond(head: ForwardedHead): Verdict
  /** A piece of the body, while it is recorded. */
  write(chunk: Buffer): void
  /** The body is complete: it is stored, and whoever waits is answered. */
  end(): MaybePromise<void>
  /** An outer layer has set a cookie as the head left: the response is stored only where credentials permit it. */
  beginsSession(): void
  /**
   * The handler failed before it had a head, and nobody has answered in its place: the stale response that may stand in
   * (RFC 5861 §4), or undefined. Where one does, the failure is reported; otherwise this Forward stays open for whoever
   * answers, or is aborted.
   */
  fail(error: unknown): SelectedResponse | undefined
  /**
   * The response will not be completed: the client is gone, or the handler failed. Nothing of it is stored. A head that
   * the handler still makes is to be reported nevertheless: it may invalidate.
   */
  abort(cause?: unknown): void
}

/**
 * The answer is here: send `response`. Where there is a `revalidation`, replay it in the background, or abort it.
 *
 * @example
 * if (decision.action === 'reuse') send(res, decision.response)
 */
export interface Reuse {
  readonly action: 'reuse'
  readonly response: SelectedResponse
  readonly revalidation?: Forward
}

/**
 * What `cache.lookup` answers: a response to send, or a request to forward to the handler.
 *
 * @example
 * const decision: Decision = await cache.lookup(request)
 */
export type Decision = Reuse | Forward

/**
 * What to do with the handler's response. `edits` go onto its head; `response` is sent in its place; `record` asks
 * for its body, also where another response is sent; nothing leaves before `hold` resolves (it never rejects).
 *
 * @example
 * const verdict: Verdict = forward.respond({ status: res.statusCode, headers: res.getHeaders() })
 */
export interface Verdict {
  readonly record: boolean
  readonly edits: FieldEdits
  readonly response?: SelectedResponse
  readonly hold?: Promise<void>
}
