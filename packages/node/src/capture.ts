import type { ServerResponse } from 'node:http'
import type { FieldMap, Forward, ForwardedHead, Verdict } from '@stowage/core'
import type { Captured, UnsentBody } from './captured.ts'
import { isGone } from './gone.ts'
import { clearReason, headOf, isRefusedHead, mayHaveGainedCookie, settleHead } from './head.ts'
import { applyEdits, applyFields, fieldsOf, takeBackEdits, takeVary } from './headers.ts'
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
class Capture implements Captured {
  readonly #response: ServerResponse
  readonly #forward: Forward
  readonly #route: () => string | undefined
  readonly #outer: FieldMap
  readonly #layer: OuterLayer
  readonly #held: Held
  readonly #patched: Methods
  #verdict: Verdict | undefined
  /** The head as the handler's side left it. */
  #before: FieldMap = {}
  #status = 0
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
  /** The framework has had the head judged: asked whether it has reported all of the body. */
  #isWhole: (() => boolean) | undefined

  constructor(response: ServerResponse, forward: Forward, route: () => string | undefined) {
    this.#response = response
    this.#forward = forward
    this.#route = route
    const vary = response.headersSent ? undefined : takeVary(response)
    this.#outer = { ...fieldsOf(response), ...(vary === undefined ? {} : { vary }) }
    this.#held = new Held(response)
    this.#layer = new OuterLayer(response, (error) => this.#refused(error))
    this.#patched = this.#methods()
    Object.assign(response, this.#patched)
    abortOnClose(response, forward)
    forward.onNotModified = endingWith304(response)
  }

  judge({ headers, body, isWhole }: UnsentBody): Verdict | undefined {
    const response = this.#response
    if (this.#verdict !== undefined || response.headersSent || isGone(response)) return undefined
    this.#isWhole = isWhole
    const known = this.#head()
    const head = { ...known, headers: { ...known.headers, ...headers } }
    // A body that nobody asks for is not made.
    const whole = body && {
      ...head,
      get body() {
        return body()
      },
    }
    const verdict = this.#forward.respond(whole ?? head)
    this.#verdict = verdict
    if (verdict.response === undefined) applyEdits(response, verdict.edits, this.#outer.vary)
    else this.#clear()
    return verdict
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
      return this.#waits ? response : (this.#layer.call('writeHead', given) as ServerResponse)
    }
    if (response.headersSent || isRefusedHead(given))
      return this.#layer.call('writeHead', given) as ServerResponse
    settleHead(response, given)
    this.#judge()
    if (this.#deferring || this.#discarding) return response
    return this.#held.orLater(() => this.#layer.call('writeHead', [response.statusCode]), response)
  }

  #write(given: readonly unknown[]): boolean {
    const piece = pieceOf(given)
    if (this.#ended && this.#waits) return this.#swallow(piece, false)
    // What is no chunk is for the original method to refuse.
    if (piece.chunk === undefined) return this.#layer.call('write', given) as boolean
    this.#judgeFirst(undefined)
    this.#record(piece)
    if (this.#discarding) return this.#swallow(piece, true)
    if (!this.#held.waits) return this.#layer.call('write', given) as boolean
    return this.#held.orLater(() => this.#layer.call('write', copied(piece)), false)
  }

  #end(given: readonly unknown[]): ServerResponse {
    const piece = pieceOf(given)
    // A second end of what waits to leave would be one too many when it does.
    if (this.#ended && this.#waits) return this.#swallow(piece, this.#response)
    if (isRefusedEnd(piece)) return this.#layer.call('end', given) as ServerResponse
    if (this.#isWhole !== undefined) return this.#endReported(given, this.#isWhole)
    this.#judgeFirst(piece.chunk ?? Buffer.alloc(0))
    this.#ended = true
    // An error page is not the rest of the body that was begun.
    if (this.#waits && this.#response.statusCode !== this.#status) this.#forward.abort()
    this.#record(piece)
    const last = this.#held.waits ? copied(piece) : given
    this.#held.orLater(() => (this.#discarding ? this.#answer() : this.#layer.call('end', last)), undefined)
    if (
      this.#verdict?.record === true &&
      (this.#held.waits || mayHaveGainedCookie(this.#response, this.#before))
    )
      this.#forward.beginsSession()
    // In the same turn as the last byte leaves, so that whoever has the answer finds it stored.
    void this.#forward.end()
    return this.#discarding ? this.#swallow(piece, this.#response) : this.#response
  }

  #endReported(given: readonly unknown[], isWhole: () => boolean): ServerResponse {
    const response = this.#response
    this.#layer.call('end', given)
    if (this.#verdict?.record === true && mayHaveGainedCookie(response, this.#before))
      this.#forward.beginsSession()
    if (isWhole()) void this.#forward.end()
    else this.#forward.abort(new Error('the response was ended before its body'))
    return response
  }

  #flushHeaders(): void {
    if (!this.#discarding) this.#judgeFirst(undefined)
    if (!this.#discarding) this.#held.orLater(() => this.#layer.call('flushHeaders', []), undefined)
  }

  /** What is cut off before it has a head has failed: a stale response may stand in for it (RFC 5861 §4). */
  #destroy(error: Error | undefined): ServerResponse {
    const cause = error ?? new Error('the response was destroyed before its head')
    if (this.#failed || this.fail(cause)) return this.#response
    return this.#layer.call('destroy', [error]) as ServerResponse
  }

  /** Answers with a stale response, where one may stand in for what has failed; says whether it does. */
  fail(error: unknown): boolean {
    const response = this.#response
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
    if (response.headersSent) {
      // An outer layer has let the head go: it counts for invalidation, and nothing else can be done about it.
      this.#forward.respond(this.#head())
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

  #head(): ForwardedHead {
    const route = this.#route()
    const head = headOf(this.#response)
    this.#before = head.headers
    this.#status = head.status
    return {
      ...head,
      outer: this.#outer,
      ...(this.#whole === undefined ? {} : { body: this.#whole }),
      ...(route === undefined ? {} : { route }),
    }
  }

  #judge(): void {
    const response = this.#response
    const verdict = this.#forward.respond(this.#head())
    this.#verdict = verdict
    // Inner layers have seen their head; what Node calls for it is not for them.
    response.writeHead = this.#patched.writeHead
    this.#discarding = verdict.response !== undefined
    if (!this.#discarding) applyEdits(response, verdict.edits, this.#outer.vary)
    if (verdict.hold !== undefined) this.#held.until(verdict.hold)
    // Where the handler's body is wanted, its end is waited for: until then the client may still leave, or it fail.
    if (this.#discarding && !verdict.record) this.#held.orLater(() => this.#answer(), undefined)
    if (this.#waits) this.#countAsSent()
  }

  /** Whether a head that was judged has yet to leave. */
  get #waits(): boolean {
    return this.#held.waits || (this.#discarding && !this.#answered)
  }

  /** A head that waits counts as sent: who meets an error then cuts the connection, as without a cache. */
  #countAsSent(): void {
    const response = this.#response
    Object.defineProperty(response, 'headersSent', {
      configurable: true,
      get: () => this.#waits || Reflect.get(Object.getPrototypeOf(response), 'headersSent', response),
    })
  }

  /** What the handler had set goes; what stood there before it stays. */
  #clear(): void {
    const response = this.#response
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    applyFields(response, this.#outer)
    clearReason(response)
  }

  #answer(): void {
    const response = this.#response
    const selected = this.#verdict?.response
    if (this.#answered || selected === undefined) return
    this.#answered = true
    this.#clear()
    send(response, selected, {
      writeHead: ((...given: unknown[]) => this.#layer.call('writeHead', given)) as Methods['writeHead'],
      end: ((...given: unknown[]) => this.#layer.call('end', given)) as Methods['end'],
    })
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
    takeBackEdits(response, edits, this.#before)
  }
}

// Functions of their own, not of the constructor: closures made there hold on to everything that any of them uses, and
// those that are kept let each request live until the next full collection.

const abortOnClose = (response: ServerResponse, forward: Forward): void => {
  response.on('close', () => forward.abort())
}

const endingWith304 = (response: ServerResponse) => (): void => {
  response.statusCode = 304
  response.end()
}

/**
 * Patches a response so that its Forward is told of it. `route` is asked when the head is known.
 *
 * @example
 * capture(response, forward, () => undefined)
 * listener(request, response)
 */
export const capture = (
  response: ServerResponse,
  forward: Forward,
  route: () => string | undefined,
): Captured => new Capture(response, forward, route)
