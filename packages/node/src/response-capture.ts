import type { ServerResponse } from 'node:http'
import type { Forward, ForwardedHead, SelectedResponse, Verdict } from '@stowage/core'
import type { Captured, UnsentBody } from './captured.ts'
import { abortOnLoss, endingWith304, keepListApart, type Replaceable, replaceInTime } from './endings.ts'
import { isGone } from './gone.ts'
import { HandlerHead } from './handler-head.ts'
import { isRefusedHead, settleHead, unsentHead } from './head.ts'
import { type ResponseFields, restoreConditions } from './headers.ts'
import type { Methods } from './layer.ts'
import { Outlet } from './outlet.ts'
import { copied, isRefusedEnd, type Piece, pieceOf, swallowed } from './piece.ts'
import { endListeners } from './send-aside.ts'

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
  readonly #outlet: Outlet
  readonly #patched: Methods
  #verdict: Verdict | undefined
  /** The body, while `end` has the head judged. */
  #whole: Buffer | undefined
  /** The head is being judged on behalf of `write` or `end`, which let it go afterwards. */
  #deferring = false
  /** A stale response has taken the place of a handler that failed: whatever it still does goes nowhere. */
  #failed = false
  #ended = false
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
    this.#outlet = new Outlet(response, this.#head, (error) => this.#refused(error))
    this.#patched = this.#methods()
    Object.assign(response, this.#patched)
    abortOnLoss(response, forward, this)
    this.#listeners = endListeners(response)
    keepListApart(response)
    forward.onNotModified = endingWith304(response)
    replaceInTime(response, forward, this)
  }

  begin(): void {
    if (this.#verdict === undefined) this.#head.begin()
  }

  get isSetAside(): boolean {
    return this.#outlet.isSetAside
  }

  get isAnswered(): boolean {
    return this.#verdict !== undefined || this.isSetAside || this.#outlet.isSending
  }

  /** Sends another response now; what the handler still makes is recorded, and goes nowhere. */
  replace(selected: SelectedResponse): boolean {
    if (this.#verdict !== undefined) return false
    return this.#outlet.replace(selected, {
      outer: this.#head.outer,
      listeners: this.#listeners,
      signal: this.#forward.handler.signal,
      onDestroy: (error: unknown) => this.#forward.abort(error),
    })
  }

  judge({ headers, body, isWhole }: UnsentBody): Verdict | undefined {
    const response = this.#response
    if (this.#verdict !== undefined || response.headersSent) return undefined
    const verdict = this.#respond(unsentHead(this.#readHead(), headers, body))
    this.#verdict = verdict
    // What it has changed is invalidated; sent it is to nobody.
    if (!this.isSetAside && isGone(response)) return undefined
    this.#isWhole = isWhole
    this.#outlet.followUnsent(verdict)
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
      return this.#outlet.waits ? response : (this.#outlet.call('writeHead', given) as ServerResponse)
    }
    if (response.headersSent || isRefusedHead(given))
      return this.#outlet.call('writeHead', given) as ServerResponse
    this.#leaveFramework()
    settleHead(response, given)
    this.#judge()
    if (this.#deferring || this.#outlet.discards) return response
    return this.#outlet.orLater(() => this.#outlet.call('writeHead', [response.statusCode]), response)
  }

  #write(given: readonly unknown[]): boolean {
    const piece = pieceOf(given)
    if (this.#ended && this.#outlet.waits) return swallowed(piece, false)
    // What is no chunk is for the original method to refuse.
    if (piece.chunk === undefined) return this.#outlet.call('write', given) as boolean
    this.#judgeFirst(undefined)
    this.#record(piece)
    if (this.#outlet.discards) return swallowed(piece, true)
    if (!this.#outlet.isHeld) return this.#outlet.call('write', given) as boolean
    return this.#outlet.orLater(() => this.#outlet.call('write', copied(piece)), false)
  }

  #end(given: readonly unknown[]): ServerResponse {
    const piece = pieceOf(given)
    // A second end of what waits to leave would be one too many when it does.
    if (this.#ended && this.#outlet.waits) return swallowed(piece, this.#response)
    if (isRefusedEnd(piece)) return this.#outlet.call('end', given) as ServerResponse
    if (this.#isWhole !== undefined) return this.#endReported(given, this.#isWhole)
    const hadBegun = this.#verdict !== undefined
    this.#judgeFirst(piece.chunk ?? Buffer.alloc(0))
    this.#ended = true
    // An error page is not the rest of the body that was begun.
    const late = this.#outlet.waits || this.isSetAside
    if (late && this.#head.hasOtherStatus) this.#forward.abort()
    this.#record(piece)
    // What had begun may end with an error, said before the connection is cut in the same turn. Asked for before the last
    // byte leaves, so that it is stored before anybody learns of the end.
    if (hadBegun) process.nextTick(() => void this.#forward.end())
    this.#outlet.end(this.#outlet.isHeld ? copied(piece) : given)
    if (this.#verdict?.record === true && (this.#outlet.isHeld || this.#head.mayHaveGainedCookie()))
      this.#forward.beginsSession()
    // In the same turn as the last byte leaves, so that whoever has the answer finds it stored.
    if (!hadBegun) void this.#forward.end()
    this.#outlet.tellEnd()
    return this.#outlet.discards ? swallowed(piece, this.#response) : this.#response
  }

  #endReported(given: readonly unknown[], isWhole: () => boolean): ServerResponse {
    const response = this.#response
    this.#outlet.endUnsent(given)
    if (this.#verdict?.record === true && this.#head.mayHaveGainedCookie()) this.#forward.beginsSession()
    if (isWhole()) void this.#forward.end()
    else this.#forward.abort(new Error('the response was ended before its body'))
    return response
  }

  #flushHeaders(): void {
    if (!this.#outlet.discards) this.#judgeFirst(undefined)
    if (!this.#outlet.discards) this.#outlet.orLater(() => this.#outlet.call('flushHeaders', []), undefined)
  }

  /** What is cut off before it has a head has failed: a stale response may stand in for it (RFC 5861 §4). */
  #destroy(error: Error | undefined): ServerResponse {
    const cause = error ?? new Error('the response was destroyed before its head')
    if (this.#failed || this.fail(cause)) return this.#response
    if (this.#ended && error) this.#forward.abort(error)
    return this.#outlet.call('destroy', [error]) as ServerResponse
  }

  /** Answers with a stale response, where one may stand in for what has failed; says whether it does. */
  fail(error: unknown): boolean {
    const response = this.#response
    if (this.isSetAside) {
      // The client has its answer.
      this.#forward.abort(error)
      return true
    }
    if (this.#verdict !== undefined || response.headersSent || isGone(response)) return false
    const selected = this.#forward.fail(error)
    if (selected === undefined) return false
    restoreConditions(response.req, this.#forward.request.headers)
    this.#verdict = { ...untouched, response: selected }
    this.#failed = true
    this.#outlet.answerWith(selected)
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
    const known: { body?: Buffer; route?: string } = {}
    if (this.#whole !== undefined) known.body = this.#whole
    if (route !== undefined) known.route = route
    return this.#head.read(known)
  }

  #judge(): void {
    const response = this.#response
    const verdict = this.#respond(this.#readHead())
    this.#verdict = verdict
    // Inner layers have seen their head; what Node calls for it is not for them.
    response.writeHead = this.#patched.writeHead
    this.#outlet.follow(verdict)
  }

  #respond(head: ForwardedHead): Verdict {
    // Its status is still that of the answer.
    if (this.#outlet.isLeaving) this.#forward.abort(new Error('another answer has yet to leave'))
    const verdict = this.#forward.respond(head)
    if (!this.#forward.background) restoreConditions(this.#response.req, this.#forward.request.headers)
    return verdict
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
