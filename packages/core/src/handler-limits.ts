import type { Decoded } from './decoded.ts'
import { addedFields, countMiss, type Exchange, rejectResponse, replaceWith } from './exchange.ts'
import { factsOf } from './facts.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { ownResponse, type SelectedResponse } from './select.ts'
import { staleness } from './semantics/reuse.ts'
import { type Limit, staleInstead } from './stand-in.ts'

/** How long a handler may go on that nobody waits for any more: as long as a background revalidation. */
const longestAlone = 30_000
/** Handlers that go on alone at a time: their clients are answered, and may ask for more. */
const mostAlone = 1000

/** The stale response as it is sent in the handler's place. */
const staleResponse = (exchange: Exchange, entry: Decoded, detail: string): SelectedResponse | undefined => {
  const ttl = Math.floor(-staleness(factsOf(exchange.engine, entry)) / 1000)
  return replaceWith(exchange, entry.stored, { ttl, detail }).response
}

const gatewayTimeout = (exchange: Exchange): SelectedResponse =>
  ownResponse(504, { ...addedFields(exchange, { detail: 'hard-timeout' }, {}), 'retry-after': '1' })

/** A forwarded request, as its limits see it. */
export interface Limited {
  readonly exchange: Exchange
  /** Whether the head is still to come. */
  readonly isOpen: boolean
  /** The handler goes on for the cache alone. */
  goOnAlone(): void
  abort(cause: unknown): void
}

/** The time that a handler has: softTimeout, hardTimeout, and an end to what goes on alone. One timer for them all. */
export class HandlerLimits {
  readonly #forward: Limited
  /** Nobody waits for the handler's response any more. */
  isReplaced = false
  /** Whatever the handler still answers is for nobody. */
  isExpired = false
  #onReplace: ((response: SelectedResponse) => boolean) | undefined
  #aborter: AbortController | undefined
  #began: number | undefined
  #timer: NodeJS.Timeout | undefined
  #softOver = false
  #aloneUntil = Number.POSITIVE_INFINITY

  constructor(forward: Limited) {
    this.#forward = forward
  }

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    return this.#aborter.signal
  }

  /** How a response is sent in the place of the handler's; before it is known, nothing is limited. */
  start(onReplace: (response: SelectedResponse) => boolean): void {
    this.#onReplace = onReplace
    this.#softOver = false
    this.watch()
  }

  /**
   * The limits of the policy that counts now, measured from when the first of them began. What bypasses the cache is the
   * handler's alone, and may take as long as it likes.
   */
  watch(): void {
    const { policy, found } = this.#forward.exchange.plan
    this.stop()
    if (this.#onReplace === undefined || this.isExpired || found === undefined) return
    const soft = this.#softOver ? Number.POSITIVE_INFINITY : (policy.softTimeout ?? Number.POSITIVE_INFINITY)
    const hard = Math.min(policy.hardTimeout ?? Number.POSITIVE_INFINITY, this.#aloneUntil)
    const next = Math.min(soft, hard)
    if (next === Number.POSITIVE_INFINITY) return
    const over = (): void => (soft < hard ? this.#soft() : this.#hard())
    this.#timer = setTimeout(over, Math.max(0, next - this.#elapsed()))
    this.#timer.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Tells the handler that nobody wants its response. */
  abort(cause: unknown): void {
    this.#aborter ??= new AbortController()
    this.#aborter.abort(cause)
  }

  #elapsed(): number {
    const now = performance.now()
    this.#began ??= now
    return now - this.#began
  }

  get #isAwaited(): boolean {
    return this.#forward.isOpen && !this.isReplaced
  }

  #replace(response: SelectedResponse): boolean {
    try {
      this.isReplaced = this.#onReplace?.(response) === true
    } catch (error) {
      this.#forward.exchange.engine.reports.error('LISTENER', 'replace', error)
    }
    return this.isReplaced
  }

  /** What stands in for the handler; nothing may be thrown out of a timer. */
  #stale(limit: Limit): MaybePromise<Decoded | undefined> {
    const { engine, plan } = this.#forward.exchange
    try {
      return staleInstead(engine, plan.found, engine.directivesOf(plan.request), limit)
    } catch (error) {
      engine.reports.error('POLICY_FUNCTION', 'lookup', error)
      return undefined
    }
  }

  #soft(): void {
    this.#softOver = true
    const { plan } = this.#forward.exchange
    this.watch()
    if (!this.#isAwaited || plan.background) return
    plan.flight?.runOverSoftLimit()
    void whenReady(this.#stale('soft'), (entry) => {
      if (entry !== undefined && this.#isAwaited) this.#replaceAndGoOn(entry)
    })
  }

  #replaceAndGoOn(entry: Decoded): void {
    const forward = this.#forward
    const { engine } = forward.exchange
    const detail = 'soft-timeout'
    const response = staleResponse(forward.exchange, entry, detail)
    // Where too many go on alone already, this one is waited for.
    if (response === undefined || !engine.flights.takeRevalidation(mostAlone)) return
    if (!this.#replace(response)) {
      engine.flights.giveRevalidation()
      return
    }
    forward.goOnAlone()
    engine.reports.count('stale')
    this.#aloneUntil = this.#elapsed() + longestAlone
    this.watch()
  }

  #hard(): void {
    const forward = this.#forward
    const { plan } = forward.exchange
    const cause = new DOMException('the handler has run over its hardTimeout', 'TimeoutError')
    if (plan.background) forward.abort(cause)
    if (plan.background || !this.#isAwaited) return
    this.abort(cause)
    // The handler may have answered the signal: then its answer is what the client gets.
    void whenReady(this.#stale('hard'), (entry) => {
      if (this.#isAwaited) this.#replaceForGood(entry)
    })
  }

  #replaceForGood(entry: Decoded | undefined): void {
    const { exchange } = this.#forward
    const { engine, plan } = exchange
    const stale = entry === undefined ? undefined : staleResponse(exchange, entry, 'hard-timeout')
    if (!this.#replace(stale ?? gatewayTimeout(exchange))) return
    if (stale === undefined) countMiss(exchange, plan.request.route)
    else engine.reports.count('stale')
    if (plan.found !== undefined) engine.flights.markFailing(plan.found.key.id)
    rejectResponse(exchange, 'hard-timeout', 'the handler has run over its hardTimeout')
    this.isExpired = true
    this.stop()
    plan.flight?.runOverHardLimit()
  }
}
