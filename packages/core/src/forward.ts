import type { Decision, Forward, Verdict } from './decision.ts'
import type { Engine } from './engine.ts'
import { type Exchange, failRevalidation } from './exchange.ts'
import {
  type HandlerCache,
  HandlerContext,
  type HandlerSource,
  noRemarks,
  type Remarks,
  validatorsOf,
} from './handler.ts'
import type { ForwardedHead } from './head.ts'
import { dropRecording, endRecording, storeResponse, survivesSession } from './landing.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { isRewritten, type Met, metAs } from './met.ts'
import { judge } from './outcome.ts'
import { type Limited, Limits } from './overdue.ts'
import {
  afterMethodChange,
  countedFrom,
  type Plan,
  requestEditsOf,
  statusOf,
  switchedOff,
  validatedBy,
} from './plan.ts'
import type { Policy } from './policy.ts'
import type { Recording } from './recording.ts'
import type { SelectedResponse } from './select.ts'
import type { Invalidation } from './selector.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import type { Stamp } from './stamps.ts'
import { standIn } from './stand-in.ts'
import { invalidateAfter } from './unsafe.ts'
import type { CacheRequest } from './view.ts'

const untouched: Verdict = { record: false, edits: {} }

/** One request on its way to the handler: its plan, the head of its response, the body while it is recorded. */
export class ForwardedRequest implements Forward, HandlerSource, Limited {
  readonly action = 'forward'
  /** Becomes `req.cache`. */
  readonly handler: HandlerCache = new HandlerContext(this)
  readonly remarks: Remarks = noRemarks()
  readonly #engine: Engine
  /** It has ended before its handler had a head: what that one has changed is still to be invalidated. */
  #left = false
  readonly #invalidations: (() => Invalidation)[] = []
  #plan: Plan
  #requestTime: number
  #phase: 'open' | 'responded' | 'ended' = 'open'
  /** Another place answers this request: what is reported here is passed untouched. */
  #retired = false
  /** Its header or its target is another than the one that was looked up by. */
  #rewritten = false
  #recording: Recording | undefined
  #onNotModified: () => void = () => undefined
  readonly #limits = new Limits(this)

  constructor(engine: Engine, plan: Plan) {
    this.#engine = engine
    this.#plan = plan
    this.#requestTime = engine.clock()
  }

  /** Why the request goes forward (RFC 9211 §2.2). */
  get reason(): ForwardReason {
    return this.#plan.reason
  }

  /** The request; of a background revalidation only what is in the key. */
  get request(): CacheRequest {
    return this.#plan.request
  }

  /** Whether no client waits for the response. */
  get background(): boolean {
    return this.#plan.background === true
  }

  get status(): HandlerCache['status'] {
    return statusOf(this.#plan)
  }

  get stale(): HandlerCache['stale'] {
    const stored = validatedBy(this.#plan)
    return stored === undefined ? undefined : validatorsOf(stored.headers)
  }

  /**
   * The request fields that the handler should see otherwise: a value, or undefined for none. The client's
   * conditions are answered by the cache; those of the stored response are asked instead (RFC 9111 §4.3.1).
   */
  get requestEdits(): Readonly<Record<string, string | undefined>> {
    return requestEditsOf(this.#plan)
  }

  /** How the adapter ends the response with 304 when the handler says `notModified()`. */
  set onNotModified(send: () => void) {
    this.#onNotModified = send
  }

  /** How the adapter sends a response in the place of the one that the handler is still making. */
  set onReplace(send: (response: SelectedResponse) => boolean) {
    this.#limits.start(send)
  }

  get signal(): AbortSignal {
    return this.#limits.signal
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.#retired
  }

  /** From now on it is a revalidation. */
  goOnAlone(): void {
    this.#plan = { ...this.#plan, background: true }
  }

  sendNotModified(): void {
    this.#onNotModified()
  }

  /** What to invalidate when the handler has answered with 2xx or 3xx, before the answer leaves. */
  invalidatesAfter(invalidation: () => Invalidation): void {
    this.#invalidations.push(invalidation)
  }

  /** The request that the framework now has in hand: at a route, or of a replay, it knows more than before. */
  meet(known: Met): void {
    const { request } = this.#plan
    if (!this.background && isRewritten(request, known)) this.#rewritten = true
    this.#plan = { ...this.#plan, request: metAs(request, known) }
  }

  /** Adds a route's policy: this Forward, or what the lookup by the route's own rules finds. */
  refine(policy: Policy): MaybePromise<Decision> {
    const plan = this.#plan
    if (this.#phase !== 'open' || this.#retired) return this
    if (plan.policy === policy && !this.#rewritten) return this
    // Functions may answer otherwise here than in front: a user may have been authenticated meanwhile.
    const same = plan.policy.lookupId === policy.lookupId && !policy.deferred && !this.#rewritten
    if (same && plan.found !== undefined) {
      if (policy.ttl === false) plan.flight?.refuse(true)
      this.#plan = policy.ttl === false ? switchedOff({ ...plan, policy }) : { ...plan, policy }
      this.#limits.watch()
      return this
    }
    plan.flight?.rekey()
    if (this.background) {
      this.#retired = true
      return this
    }
    // What stands in the key here may not be known in front: such a route is looked up where it is.
    this.#engine.learnRules(plan.request, this.#rewritten ? { ...policy, deferred: true } : policy)
    // What was loaded since the request met the cache may have been invalidated since: it counts from there.
    const met = plan.found === undefined ? plan.met : plan.found.stamp
    return whenReady(this.#engine.lookup(plan.request, policy), (decision) =>
      whenReady(met, (stamp) => this.#follow(decision, stamp)),
    )
  }

  /** Judges the head before anything of it leaves. */
  respond(head: ForwardedHead): Verdict {
    if ((this.#phase !== 'open' && !this.#left) || this.#retired) return untouched
    this.#plan = afterMethodChange(this.#plan, head.method)
    const hold = invalidateAfter(this.exchange, this.#invalidations, head)
    if (this.#left) {
      this.#left = false
      return untouched
    }
    if (!this.#limits.isReplaced) this.#limits.stop()
    const verdict = this.#limits.isExpired ? untouched : this.#judge(head)
    // No sooner: where a body cannot be made, of what is no JSON say, what answers instead is judged.
    if (this.#phase === 'open') this.#phase = 'responded'
    return hold === undefined ? verdict : { ...verdict, hold }
  }

  /** A piece of the body, while it is recorded. */
  write(chunk: Buffer): void {
    if (this.#recording === undefined || this.#recording.add(chunk)) return
    this.#recording = undefined
    dropRecording(this.exchange, 'too-large', `more than ${this.#plan.policy.maxBodyBytes} bytes`, true)
  }

  /** The body is complete: it is stored, and whoever waits is answered. */
  end(): MaybePromise<void> {
    const recording = this.#close()
    return recording === undefined ? undefined : endRecording(this.exchange, recording)
  }

  /** An outer layer has set a cookie as the head left: the handler may have begun a session. */
  beginsSession(): void {
    if (this.#recording === undefined || survivesSession(this.#recording, this.#plan.policy)) return
    this.#recording = undefined
    dropRecording(this.exchange, 'set-cookie', 'an outer layer has set a cookie', true)
  }

  /** The handler failed without a response: the stale one that may stand in, of which nobody else will be told. */
  fail(error: unknown): SelectedResponse | undefined {
    if (!this.isOpen || this.background || this.#limits.isExpired) return undefined
    const stale = standIn(this.exchange, undefined)
    if (stale === undefined) return undefined
    this.#phase = 'responded'
    this.#limits.stop()
    this.#engine.reports.error('HANDLER_FAILED', 'handler', error)
    return stale.response
  }

  /**
   * The response will not be completed: the client is gone, or the handler failed. Nothing of it is stored. A head that
   * the handler still makes is to be reported nevertheless: it may invalidate.
   */
  abort(cause?: unknown): void {
    if (this.#phase === 'ended') return
    this.#close()
    this.#plan.flight?.abandon()
    if (!this.background) return
    const reason = cause ?? new Error('the revalidation was given up')
    this.#limits.abort(reason)
    failRevalidation(this.exchange, reason)
  }

  #close(): Recording | undefined {
    if (this.#phase === 'ended') return undefined
    this.#left = this.#phase === 'open'
    this.#phase = 'ended'
    this.#limits.stop()
    if (this.background) this.#engine.flights.giveRevalidation()
    const recording = this.#recording
    this.#recording = undefined
    return recording
  }

  get exchange(): Exchange {
    return { engine: this.#engine, plan: this.#plan, remarks: this.remarks, requestTime: this.#requestTime }
  }

  /** The route's own lookup decides: a response to send from there, or another plan for this same request. */
  #follow(decision: Decision, met: Stamp | undefined): Decision {
    if (this.#phase === 'ended') {
      // The client left during the lookup: what it has found nobody will carry out.
      const unused = decision.action === 'forward' ? decision : decision.revalidation
      unused?.abort(new Error('the client has gone'))
      return this
    }
    if (decision.action === 'reuse') {
      this.#retired = true
      this.#limits.stop()
      return decision
    }
    // Every Forward of the engine is one.
    if (!(decision instanceof ForwardedRequest)) return decision
    this.#plan = countedFrom(this.#plan, decision.#plan, met)
    this.#limits.watch()
    return this
  }

  #judge(head: ForwardedHead): Verdict {
    const exchange = this.exchange
    const { verdict, recording, freshened } = judge(exchange, head)
    this.#recording = recording
    const { found } = exchange.plan
    if (freshened !== undefined && found !== undefined) void storeResponse(exchange, found, freshened)
    return verdict
  }
}
