import type { Exchange } from './exchange.ts'
import { dropRecording, endRecording, survivesSession } from './landing.ts'
import type { MaybePromise } from './message.ts'
import type { Recording } from './recording.ts'

/** The body of a handler's response while it passes, and what becomes of it: at most one recording at a time. */
export class BodyRecorder {
  readonly #forward: { readonly exchange: Exchange }
  #recording: Recording | undefined

  /** The exchange of `forward` is asked for when it is needed: the handler's remarks and the plan may change until then. */
  constructor(forward: { readonly exchange: Exchange }) {
    this.#forward = forward
  }

  /** What was judged at the head; undefined where the body is not wanted. */
  begin(recording: Recording | undefined): void {
    this.#recording = recording
  }

  /** A piece of the body. */
  write(chunk: Buffer): void {
    if (this.#recording === undefined || this.#recording.add(chunk)) return
    const { exchange } = this.#forward
    this.#drop('too-large', `more than ${exchange.plan.policy.maxBodyBytes} bytes`)
  }

  /** An outer layer has set a cookie as the head left: the handler may have begun a session (RFC 9111 §7.3). */
  beginsSession(): void {
    const { policy } = this.#forward.exchange.plan
    if (this.#recording === undefined || survivesSession(this.#recording, policy)) return
    this.#drop('set-cookie', 'an outer layer has set a cookie')
  }

  /** The body is complete: it is stored, and whoever waits is answered. */
  end(): MaybePromise<void> {
    const recording = this.#recording
    this.#recording = undefined
    return recording === undefined ? undefined : endRecording(this.#forward.exchange, recording)
  }

  /** The body will not be completed. */
  abandon(): void {
    this.#recording = undefined
  }

  #drop(code: string, detail: string): void {
    this.#recording = undefined
    dropRecording(this.#forward.exchange, code, detail, true)
  }
}
