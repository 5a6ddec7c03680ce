import type { StoredResponse } from './entry.ts'
import type { FieldMap } from './message.ts'
import type { Collapse } from './policy-check.ts'
import { selectingValues } from './semantics/vary.ts'
import type { Stamp } from './stamp.ts'

/**
 * What a waiting request learns of the forwarded one. `stored`: here is the response. `alone`: it cannot be shared,
 * run your own handler. `again`: look up again, the key has changed. `lead`: take the forwarded request's place.
 * `terms`: wait on, in another way. `late`: your own patience has ended, the forwarded request goes on.
 * `overdue`: it has run over a limit of its policy; at the soft one it goes on, and may still be waited for.
 */
export type FlightOutcome =
  | { readonly kind: 'stored'; readonly stored: StoredResponse; readonly here: Stamp | undefined }
  | { readonly kind: 'alone' }
  | { readonly kind: 'again' }
  | { readonly kind: 'lead'; readonly flight: Flight }
  | { readonly kind: 'terms'; readonly terms: Collapse; readonly flight: Flight }
  | { readonly kind: 'late' }
  | { readonly kind: 'overdue'; readonly limit: 'soft' | 'hard'; readonly flight: Flight }

interface Waiter {
  /** Request header fields, by which a varying response is selected. */
  readonly headers: FieldMap
  readonly settle: (outcome: FlightOutcome) => void
  readonly deadline: number
}

/** Beyond this number of waiters a request goes to its own handler. */
const mostWaiters = 1000

/** What a flight needs of the others under way. */
interface FlightTable {
  open(key: string): Flight | undefined
  remove(flight: Flight): void
  markUncollapsible(key: string): void
}

/** One forwarded request that others may wait for. */
export class Flight {
  key: string
  /** By the clock of the cache. */
  readonly began: number
  /** How its route wants it to be waited for, where that is known and is not how those in front of it would. */
  terms: Collapse | undefined
  readonly #table: FlightTable
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined
  #landed: Extract<FlightOutcome, { kind: 'stored' }> | undefined
  /** Who selects the response, once its head has said by what it varies. */
  #selecting:
    | { readonly fields: readonly string[]; readonly values: readonly (string | undefined)[] }
    | undefined
  /** `slow`: it goes on, and takes no more waiters. */
  #state: 'open' | 'slow' | 'closed' = 'open'
  #overSoftLimit = false

  constructor(key: string, table: FlightTable, began: number) {
    this.key = key
    this.began = began
    this.#table = table
  }

  get waiters(): number {
    return this.#waiters.size
  }

  /**
   * A promise of what becomes of the forwarded request; undefined where it takes nobody any more. `patient`: it is
   * waited for although it has run over its soft limit.
   */
  join(headers: FieldMap, waitMs: number, patient = false): Promise<FlightOutcome> | undefined {
    // Who looked up before the head was there may have missed what it said.
    if (!this.#isSelectedBy(headers)) return Promise.resolve({ kind: 'again' })
    if (this.#landed !== undefined && this.#state !== 'closed') return Promise.resolve(this.#landed)
    if (this.#overSoftLimit && !patient && this.#state !== 'closed')
      return Promise.resolve({ kind: 'overdue', limit: 'soft', flight: this })
    if (this.#state !== 'open' || this.#waiters.size >= mostWaiters) return undefined
    return new Promise((settle) => {
      this.#waiters.add({ headers, settle, deadline: performance.now() + waitMs })
      this.#arm()
    })
  }

  /** The response is complete: the waiters have it, and whoever comes before the store has it too. */
  land(stored: StoredResponse, here?: Stamp): void {
    this.#landed = { kind: 'stored', stored, here }
    this.#release(this.#landed)
  }

  /** The waiters go to their own handlers at once, and later requests do not wait for a while. */
  refuse(mark: boolean): void {
    if (mark) this.#table.markUncollapsible(this.key)
    this.#close({ kind: 'alone' })
  }

  /** The waiters, and whoever comes later, may take a stale response instead. */
  runOverSoftLimit(): void {
    this.#overSoftLimit = true
    this.#release({ kind: 'overdue', limit: 'soft', flight: this })
  }

  /** Nothing will come of the forwarded request. */
  runOverHardLimit(): void {
    this.#close({ kind: 'overdue', limit: 'hard', flight: this })
  }

  /** A route has been found that states how it is waited for: who waits already goes on so. */
  waitBy(terms: Collapse | false): void {
    if (terms === false) this.refuse(false)
    else if (terms !== this.terms) {
      this.terms = terms
      this.#release({ kind: 'terms', terms, flight: this })
    }
  }

  /** Another key has been found for this request: every waiter looks up by itself. */
  rekey(): void {
    this.#close({ kind: 'again' })
  }

  /** The response varies: who would not select it looks up again, knowing by which fields. */
  narrow(fields: readonly string[], headers: FieldMap): void {
    this.#selecting = { fields, values: selectingValues(fields, headers) }
    for (const waiter of this.#waiters) {
      if (this.#isSelectedBy(waiter.headers)) continue
      this.#waiters.delete(waiter)
      waiter.settle({ kind: 'again' })
    }
  }

  /** The forwarded request is lost: the first waiter takes its place, the others go on waiting for that one. */
  abandon(): void {
    if (this.#state === 'closed') return
    const [next, ...others] = this.#waiters
    this.#waiters.clear()
    this.#close({ kind: 'alone' })
    if (next === undefined) return
    const successor = this.#table.open(this.key)
    if (successor === undefined) {
      // One that began later runs already.
      for (const waiter of [next, ...others]) waiter.settle({ kind: 'again' })
      return
    }
    successor.terms = this.terms
    for (const waiter of others) successor.#waiters.add(waiter)
    successor.#arm()
    next.settle({ kind: 'lead', flight: successor })
  }

  /** Nobody can join any more; the key is free for the next. */
  close(): void {
    this.#close({ kind: 'alone' })
  }

  #isSelectedBy(headers: FieldMap): boolean {
    if (this.#selecting === undefined) return true
    const { fields, values } = this.#selecting
    return selectingValues(fields, headers).every((value, index) => value === values[index])
  }

  #close(outcome: FlightOutcome): void {
    this.#state = 'closed'
    this.#table.remove(this)
    this.#release(outcome)
  }

  #release(outcome: FlightOutcome): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.settle(outcome)
  }

  /** One timer a flight, for the waiter whose patience ends first. */
  #arm(): void {
    if (this.#timer !== undefined || this.#waiters.size === 0) return
    const first = Math.min(...[...this.#waiters].map((waiter) => waiter.deadline))
    this.#timer = setTimeout(() => this.#expire(), Math.max(first - performance.now(), 1))
    this.#timer.unref()
  }

  /** A flight that outlasts somebody's patience takes no more waiters: who comes later need not wait in vain. */
  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const waiter of this.#waiters) {
      if (waiter.deadline > now) continue
      this.#state = 'slow'
      this.#waiters.delete(waiter)
      waiter.settle({ kind: 'late' })
    }
    this.#arm()
  }
}
