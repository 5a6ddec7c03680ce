import type { ServerResponse } from 'node:http'
import type { Forward, ForwardedHead, SelectedResponse, Verdict } from '@stowage/core'
import { type Aside, endListeners, sendAside } from './aside.ts'
import type { Captured, UnsentBody } from './captured.ts'
import { abortOnClose, countAsSent, endingWith304, type Replaceable, replacing } from './endings.ts'
import { isGone } from './gone.ts'
import { HandlerHead } from './handler-head.ts'
import { isRefusedHead, settleHead, unsentHead } from './head.ts'
import type { ResponseFields } from './headers.ts'
import { Held } from './held.ts'
import { type Methods, OuterLayer } from './layer.ts'
import { copied, isRefusedEnd, type Piece, pieceOf } from './piece.ts'
import { send } from './send.ts'

const untouched: Verdict = { record: false, edits: {} }

/**
 * Reports a handler's response to its Forward and does what the verdict says. It stands at the cache's own layer:
 * what later middleware puts in front of `writeHead`, `write` and `end` happens before, what earlier middleware did
 * happens after.
 */
export class ResponseCapture implements Captured, Replaceable {
  readonly #response: ServerResponse
  readonly #forward: Forward
  readonly #route: () => string | undefined
  readonly #head: HandlerHead
  readonly #listeners: ReadonlySet<unknown>
  readonly #layer: OuterLayer
  readonly #held: Held
  readonly #patched: Methods
  #verdict: Verdict | undefined
  /** The body, while `end` has the head judged. */
  #whole: Buffer | undefined
  /** The head is being judged on behalf of `write` or `end`, which let it go afterwards. */
  #deferring = false
  /** Another response is sent, or was, or will be at the end: the handler's goes nowhere. */
  #discarding = false
  #answered = false
  /** A stale response has taken the place of a handler that failed: whatever it still does goes nowhere. */
  #failed = false
  #ended = false
  /** The client has been answered while the handler still runs. */
  #aside: Aside | undefined
  /** The framework has had the head judged: asked whether it has reported all of the body. */
  #isWhole: (() => boolean) | undefined

  constructor(
    response: ServerResponse,
    forward: Forward,
    route: () => string | undefined,
    fields: ResponseFields,
  ) {
    this.#response = response
    this.#forward = forward
    this.#route = route
    this.#head = new HandlerHead(response, fields)
    this.#held = new Held(response)
    this.#layer = new OuterLayer(response, (error) => this.#refused(error))
    this.#patched = this.#methods()
    Object.assign(response, this.#patched)
    abortOnClose(response, forward, this)
    this.#listeners = endListeners(response)
    forward.onNotModified = endingWith304(response)
    forward.onReplace = replacing(this)
  }

  get isSetAside(): boolean {
    return this.#aside !== undefined
  }

  /** Sends another response now; what the handler still makes is recorded, and goes nowhere. */
  replace(selected: SelectedResponse): boolean {
    if (this.#verdict !== undefined || this.#aside !== undefined) return false
    const rules = {
      outer: this.#head.outer,
      listeners: this.#listeners,
      onDestroy: (error: unknown) => this.#forward.abort(error),
    }
    const { writeHead } = this.#response
    this.#aside = sendAside(this.#response, selected, this.#layer.sender(), rules)
    // A cache further out has judged this head, and put its own in the place of all inner ones.
    if (this.#aside !== undefined) this.#response.writeHead = writeHead
    this.#discarding = this.#answered = this.#aside !== undefined
    return this.#discarding
  }

  judge({ headers, body, isWhole }: UnsentBody): Verdict | undefined {
    const response = this.#response
    if (this.#verdict !== undefined || response.headersSent) return undefined
    const verdict = this.#forward.respond(unsentHead(this.#readHead(), headers, body))
    this.#verdict = verdict
    // What it has changed is invalidated; sent it is to nobody.
    if (this.#aside === undefined && isGone(response)) return undefined
    this.#isWhole = isWhole
    if (this.#aside !== undefined) this.#aside.headSent = true
    if (verdict.response === undefined) this.#head.edit(verdict.edits)
    else this.#head.clear()
    return verdict
  }

  retract(): void {
    this.#forward.abort()
    this.#head.takeBack(this.#verdict?.edits ?? {})
    this.#verdict = untouched
  }

  #methods(): Methods {
    return {
      writeHead: ((...given: unknown[]) => this.#writeHead(given)) as Methods['writeHead'],
      write: ((...given: unknown[]) => this.#write(given)) as Methods['write'],
      end: ((...given: unknown[]) => this.#end(given)) as Methods['end'],
      flushHeaders: () => this.#flushHeaders(),
      destroy: (error) => this.#destroy(error),
    }
  }

  #writeHead(given: readonly unknown[]): ServerResponse {
    const response = this.#response
    if (this.#failed) return response
    if (this.#verdict !== undefined) {
      // Node's own call for the head that has been judged, or a second head, which Node refuses.
      return this.#waits ? response : (this.#call('writeHead', given) as ServerResponse)
    }
    if (response.headersSent || isRefusedHead(given)) return this.#call('writeHead', given) as ServerResponse
    this.#leaveFramework()
    settleHead(response, given)
    this.#judge()
    if (this.#deferring || this.#discarding) return response
    return this.#held.orLater(() => this.#call('writeHead', [response.statusCode]), response)
  }

  #write(given: readonly unknown[]): boolean {
    const piece = pieceOf(given)
    if (this.#ended && this.#waits) return this.#swallow(piece, false)
    // What is no chunk is for the original method to refuse.
    if (piece.chunk === undefined) return this.#call('write', given) as boolean
    this.#judgeFirst(undefined)
    this.#record(piece)
    if (this.#discarding) return this.#swallow(piece, true)
    if (!this.#held.waits) return this.#call('write', given) as boolean
    return this.#held.orLater(() => this.#call('write', copied(piece)), false)
  }

  #end(given: readonly unknown[]): ServerResponse {
    const piece = pieceOf(given)
    // A second end of what waits to leave would be one too many when it does.
    if (this.#ended && this.#waits) return this.#swallow(piece, this.#response)
    if (isRefusedEnd(piece)) return this.#call('end', given) as ServerResponse
    if (this.#isWhole !== undefined) return this.#endReported(given, this.#isWhole)
    this.#judgeFirst(piece.chunk ?? Buffer.alloc(0))
    this.#ended = true
    // An error page is not the rest of the body that was begun.
    const late = this.#waits || this.#aside !== undefined
    if (late && this.#head.hasOtherStatus) this.#forward.abort()
    this.#record(piece)
    const last = this.#held.waits ? copied(piece) : given
    this.#held.orLater(() => (this.#discarding ? this.#answer() : this.#call('end', last)), undefined)
    if (this.#verdict?.record === true && (this.#held.waits || this.#head.mayHaveGainedCookie()))
      this.#forward.beginsSession()
    // In the same turn as the last byte leaves, so that whoever has the answer finds it stored.
    void this.#forward.end()
    this.#aside?.end()
    return this.#discarding ? this.#swallow(piece, this.#response) : this.#response
  }

  #endReported(given: readonly unknown[], isWhole: () => boolean): ServerResponse {
    const response = this.#response
    if (this.#aside === undefined) this.#layer.call('end', given)
    else this.#aside.swallow('end', given)
    if (this.#verdict?.record === true && this.#head.mayHaveGainedCookie()) this.#forward.beginsSession()
    if (isWhole()) void this.#forward.end()
    else this.#forward.abort(new Error('the response was ended before its body'))
    return response
  }

  #flushHeaders(): void {
    if (!this.#discarding) this.#judgeFirst(undefined)
    if (!this.#discarding) this.#held.orLater(() => this.#call('flushHeaders', []), undefined)
  }

  /** What is cut off before it has a head has failed: a stale response may stand in for it (RFC 5861 §4). */
  #destroy(error: Error | undefined): ServerResponse {
    const cause = error ?? new Error('the response was destroyed before its head')
    if (this.#failed || this.fail(cause)) return this.#response
    return this.#call('destroy', [error]) as ServerResponse
  }

  /** Answers with a stale response, where one may stand in for what has failed; says whether it does. */
  fail(error: unknown): boolean {
    const response = this.#response
    if (this.#aside !== undefined) {
      // The client has its answer.
      this.#forward.abort(error)
      return true
    }
    if (this.#verdict !== undefined || response.headersSent || isGone(response)) return false
    const selected = this.#forward.fail(error)
    if (selected === undefined) return false
    this.#verdict = { ...untouched, response: selected }
    this.#discarding = true
    this.#failed = true
    this.#answer()
    return true
  }

  #record({ chunk }: Piece): void {
    const records = this.#isWhole === undefined && this.#verdict?.record === true
    if (records && chunk !== undefined) this.#forward.write(chunk)
  }

  /** Lets inner layers that act on the head act first, then judges it. */
  #judgeFirst(whole: Buffer | undefined): void {
    const response = this.#response
    if (this.#verdict !== undefined) return
    this.#leaveFramework()
    if (response.headersSent) {
      // An outer layer has let the head go: it counts for invalidation, and nothing else can be done about it.
      this.#forward.handler.skip('the head had left before the cache')
      this.#forward.respond(this.#readHead())
      this.#forward.abort()
      this.#verdict = untouched
      return
    }
    this.#deferring = true
    this.#whole = whole
    try {
      response.writeHead(response.statusCode)
      if (this.#verdict === undefined) this.#judge()
    } finally {
      this.#whole = undefined
      this.#deferring = false
    }
  }

  /** What a handler writes to Node's response itself, past its framework, is sent and not stored. */
  #leaveFramework(): void {
    if (this.#head.leaveFramework()) this.#forward.handler.skip('raw')
  }

  #readHead(): ForwardedHead {
    const route = this.#route()
    return {
      ...this.#head.read(),
      ...(this.#whole === undefined ? {} : { body: this.#whole }),
      ...(route === undefined ? {} : { route }),
    }
  }

  #judge(): void {
    const response = this.#response
    const verdict = this.#forward.respond(this.#readHead())
    this.#verdict = verdict
    // Inner layers have seen their head; what Node calls for it is not for them.
    response.writeHead = this.#patched.writeHead
    if (this.#aside === undefined) this.#discarding = verdict.response !== undefined
    else this.#aside.headSent = true
    if (!this.#discarding) this.#head.edit(verdict.edits)
    if (verdict.hold !== undefined) this.#held.until(verdict.hold)
    // Where the handler's body is wanted, its end is waited for: until then the client may still leave, or it fail.
    if (this.#discarding && !verdict.record) this.#held.orLater(() => this.#answer(), undefined)
    if (this.#waits) countAsSent(response, () => this.#waits)
  }

  /** Whether a head that was judged has yet to leave. */
  get #waits(): boolean {
    return this.#held.waits || (this.#discarding && !this.#answered)
  }

  #answer(): void {
    const response = this.#response
    const selected = this.#verdict?.response
    if (this.#answered || selected === undefined) return
    this.#answered = true
    this.#head.clear()
    send(response, selected, this.#layer.sender())
  }

  /** What is further out; once the client has been answered, nothing more leaves. */
  #call(method: keyof Methods, given: readonly unknown[]): unknown {
    return this.#aside === undefined ? this.#layer.call(method, given) : this.#aside.refuse(method, given)
  }

  #swallow<T>({ callback }: Piece, result: T): T {
    if (callback !== undefined) process.nextTick(callback)
    return result
  }

  /** Node would not send it: who answers instead finds the head as the handler left it, and nothing is stored. */
  #refused(error: unknown): void {
    const response = this.#response
    const edits = this.#verdict?.edits
    if (edits === undefined || response.headersSent) return
    this.#forward.abort(error)
    this.#verdict = untouched
    this.#head.takeBack(edits)
  }
}
