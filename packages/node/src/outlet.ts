import type { ServerResponse } from 'node:http'
import type { SelectedResponse, Verdict } from '@stowage/core'
import type { Aside } from './aside.ts'
import { countAsSent, endBesides } from './endings.ts'
import type { HandlerHead } from './handler-head.ts'
import { Held } from './held.ts'
import { type Methods, OuterLayer } from './layer.ts'
import { send } from './send.ts'
import { type AsideRules, sendAside } from './send-aside.ts'

/** What leaves of a response: what its handler makes, now or later, or another in its place. */
export class Outlet {
  readonly #response: ServerResponse
  readonly #head: HandlerHead
  readonly #layer: OuterLayer
  readonly #held: Held
  /** The response that is sent, or was, or will be at the end, in the place of the handler's. */
  #selected: SelectedResponse | undefined
  #answered = false
  /** The client has been answered while the handler still runs. */
  #aside: Aside | undefined

  /** `refused` learns what Node would not send. */
  constructor(response: ServerResponse, head: HandlerHead, refused: (error: unknown) => void) {
    this.#response = response
    this.#head = head
    this.#held = new Held(response)
    this.#layer = new OuterLayer(response, refused)
  }

  get isSetAside(): boolean {
    return this.#aside !== undefined
  }

  /** Whether a method further out is being called. */
  get isSending(): boolean {
    return this.#layer.isCalling
  }

  /** Whether layers further out still wait with the answer that was sent in the place of the handler's. */
  get isLeaving(): boolean {
    return this.#aside?.isInstalled === false
  }

  /** Whether what the handler makes goes nowhere. */
  get discards(): boolean {
    return this.#selected !== undefined
  }

  /** Whether everything waits until an invalidation is acknowledged. */
  get isHeld(): boolean {
    return this.#held.waits
  }

  /** Whether a head that was judged has yet to leave. */
  get waits(): boolean {
    return this.#held.waits || (this.discards && !this.#answered)
  }

  /** Sends another response now, and sets aside what the handler still makes. */
  replace(selected: SelectedResponse, rules: AsideRules): boolean {
    if (this.#aside !== undefined) return false
    const { writeHead } = this.#response
    this.#aside = sendAside(this.#response, selected, this.#layer.sender(), rules)
    if (this.#aside === undefined) return false
    // A cache further out has judged this head, and put its own in the place of all inner ones.
    this.#response.writeHead = writeHead
    endBesides(this.#response)
    this.#selected = selected
    this.#answered = true
    return true
  }

  /** Does what the verdict says of the head. */
  follow({ response: selected, record, edits, hold }: Verdict): void {
    if (this.#aside === undefined) this.#selected = selected
    else this.#aside.headSent = true
    if (!this.discards) this.#head.edit(edits)
    if (hold !== undefined) this.#held.until(hold)
    // Where the handler's body is wanted, its end is waited for: until then the client may still leave, or it fail.
    if (this.discards && !record) this.#held.orLater(() => this.#answer(), undefined)
    if (this.waits) countAsSent(this.#response, () => this.waits)
  }

  /** The same for a framework, which sends or waits itself. */
  followUnsent({ response: selected, edits }: Verdict): void {
    if (this.#aside !== undefined) this.#aside.headSent = true
    if (selected === undefined) this.#head.edit(edits)
    else this.#head.clear()
  }

  /** Answers now with a response that stands in for the handler's. */
  answerWith(selected: SelectedResponse): void {
    this.#selected = selected
    this.#answer()
  }

  /** What is further out; once the client has been answered, nothing more leaves. */
  call(method: keyof Methods, given: readonly unknown[]): unknown {
    return this.#aside === undefined ? this.#layer.call(method, given) : this.#aside.refuse(method, given)
  }

  /** Lets something go now, or when what is waited for is over. */
  orLater<T>(act: () => unknown, result: T): T {
    return this.#held.orLater(act, result)
  }

  /** The handler's response is at its end: that is sent, or what takes its place. */
  end(given: readonly unknown[]): void {
    this.#held.orLater(() => (this.discards ? this.#answer() : this.call('end', given)), undefined)
  }

  /** The framework ends what it has sent. */
  endUnsent(given: readonly unknown[]): void {
    if (this.#aside === undefined) this.#layer.call('end', given)
    else this.#aside.swallow('end', given)
  }

  /** Whoever inside waits for the end of a response that was set aside is told. */
  tellEnd(): void {
    this.#aside?.end()
  }

  #answer(): void {
    if (this.#answered || this.#selected === undefined) return
    this.#answered = true
    this.#head.clear()
    send(this.#response, this.#selected, this.#layer.sender())
    endBesides(this.#response)
  }
}
