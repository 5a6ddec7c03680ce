import { BodyRecorder } from './body-recorder.ts'
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
import { HandlerLimits, type Limited } from './handler-limits.ts'
import type { ForwardedHead } from './head.ts'
import { storeResponse } from './landing.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { isRewritten, type Met, metAs } from './met.ts'
import { judge } from './outcome.ts'
import {
  afterMethodChange,
  countedFrom,
  holdsAlsoBy,
  type Plan,
  reached,
  requestEditsOf,
  statusOf,
  validatedBy,
} from './plan.ts'
import type { Policy } from './policy.ts'
import type { SelectedResponse } from './select.ts'
import type { Invalidation } from './selector.ts'
import type { ForwardReason } from './semantics/cache-status.ts'
import type { Stamp } from './stamp.ts'
import { standIn } from './stand-in.ts'
import { invalidateAfter } from './unsafe.ts'
import type { CacheRequest } from './view.ts'

const untouched: Verdict = { record: false, edits: {} }

/**
 * One request on its way to the handler: its plan, the head of its response, the body while it is recorded. What the
 * members of a `Forward` do is told there.
 */
export class ForwardedRequest implements Forward, HandlerSource, Limited {
  readonly action = 'forward'
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
  #onNotModified: () => void = () => undefined
  readonly #limits = new HandlerLimits(this)
  readonly #body = new BodyRecorder(this)

  constructor(engine: Engine, plan: Plan) {
    this.#engine = engine
    this.#plan = plan
    this.#requestTime = engine.clock()
  }

  get reason(): ForwardReason {
    return this.#plan.reason
  }

  get request(): CacheRequest {
    return this.#plan.request
  }

  get background(): boolean {
    return this.#plan.background
  }

  get status(): HandlerCache['status'] {
    return statusOf(this.#plan)
  }

  get stale(): HandlerCache['stale'] {
    const stored = validatedBy(this.#plan)
    return stored === undefined ? undefined : validatorsOf(stored.headers)
  }

  get requestEdits(): Readonly<Record<string, string | undefined>> {
    return requestEditsOf(this.#plan)
  }

  set onNotModified(send: () => void) {
    this.#onNotModified = send
  }

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

  meet(known: Met): void {
    const { request } = this.#plan
    if (!this.background && isRewritten(request, known)) this.#rewritten = true
    this.#plan = { ...this.#plan, request: metAs(request, known) }
  }

  /** Adds a route's policy: this Forward, or what the lookup by the route's own rules finds. */
  refine(policy: Policy): MaybePromise<Decision> {
    const plan = this.#plan
    if (this.#phase !== 'open' || this.#retired) return this
    if (plan.policy === policy && !plan.unreached && !this.#rewritten) return this
    if (!this.#rewritten && holdsAlsoBy(plan, policy)) {
      if (policy.ttl === false) plan.flight?.refuse(true)
      else if (policy.collapse !== plan.policy.collapse) plan.flight?.waitBy(policy.collapse)
      this.#plan = reached(plan, policy)
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
    const stamp = plan.found === undefined ? plan.stampAtArrival : plan.found.stamp
    return whenReady(this.#engine.lookup(plan.request, policy), (decision) =>
      whenReady(stamp, (known) => this.#follow(decision, known)),
    )
  }

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
    return hold === undefined ? verdict : { hold, ...verdict }
  }

  write(chunk: Buffer): void {
    this.#body.write(chunk)
  }

  end(): MaybePromise<void> {
    return this.#close() ? this.#body.end() : undefined
  }

  beginsSession(): void {
    this.#body.beginsSession()
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

  abort(cause?: unknown): void {
    if (!this.#close()) return
    this.#body.abandon()
    this.#plan.flight?.abandon()
    if (!this.background) return
    const reason = cause ?? new Error('the revalidation was given up')
    this.#limits.abort(reason)
    failRevalidation(this.exchange, reason)
  }

  /** False where it has ended before. */
  #close(): boolean {
    if (this.#phase === 'ended') return false
    this.#left = this.#phase === 'open'
    this.#phase = 'ended'
    this.#limits.stop()
    if (this.background) this.#engine.flights.giveRevalidation()
    return true
  }

  get exchange(): Exchange {
    return { engine: this.#engine, plan: this.#plan, remarks: this.remarks, requestTime: this.#requestTime }
  }

  /** The route's own lookup decides: a response to send from there, or another plan for this same request. */
  #follow(decision: Decision, stamp: Stamp | undefined): Decision {
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
    this.#plan = countedFrom(this.#plan, decision.#plan, stamp)
    this.#limits.watch()
    return this
  }

  #judge(head: ForwardedHead): Verdict {
    const exchange = this.exchange
    const { verdict, recording, freshened } = judge(exchange, head)
    this.#body.begin(recording)
    const { found } = exchange.plan
    if (freshened !== undefined && found !== undefined) void storeResponse(exchange, found, freshened)
    return verdict
  }
}
