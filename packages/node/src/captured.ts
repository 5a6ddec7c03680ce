import type { FieldMap, Verdict } from '@stowage/core'

/**
 * What an adapter can do about a handler whose response is captured.
 *
 * @example
 * const captured: Captured = capture(response, forward, () => undefined)
 */
export interface Captured {
  /**
   * For a framework whose response is captured from its first hook on: what others have set on it by now belongs to the
   * exchange, and what is set from here on is the handler's.
   */
  begin(): void
  /**
   * The handler has thrown or rejected. True where a stale response stands in for it (RFC 5861 §4) and the error has
   * been reported; false leaves the response as it is, and the error to whoever takes errors.
   */
  fail(error: unknown): boolean
  /**
   * For a framework that keeps the body until outer layers have seen it: judges the head as it stands, before anything
   * is written, and edits it; where another response is to be sent, what the handler had set is gone. From here the
   * framework does what the verdict says and reports the body to the Forward itself: what is written is not recorded.
   * Undefined where the response has begun, and is captured as ever.
   */
  judge(body: UnsentBody): Verdict | undefined
  /** What was judged could not be sent: the head is as the handler left it, and nothing is stored. */
  retract(): void
}

/**
 * A body as a framework keeps it until outer layers have seen it.
 *
 * @example
 * const body: UnsentBody = { headers: {}, body: () => Buffer.from('hello'), isWhole: () => true }
 */
export interface UnsentBody {
  /** Fields that the framework will set, or remove, only as it sends. */
  readonly headers: FieldMap
  /** All of it, where it need not be read first. */
  readonly body?: () => Buffer
  /** Asked as the response ends: whether all of it was reported. */
  readonly isWhole: () => boolean
}
