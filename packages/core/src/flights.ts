import type { StoredResponse } from './entry.ts'
import type { FieldMap } from './message.ts'
import { RecentMarks } from './recent-marks.ts'
import { selectingValues } from './semantics/vary.ts'
import type { Stamp } from './stamps.ts'

/**
 * What a waiting request learns of the forwarded one. `stored`: here is the response. `alone`: it cannot be shared,
 * run your own handler. `again`: look up again, the key has changed. `lead`: take the forwarded request's place.
 * `overdue`: it has run over a limit of its policy; at the soft one it goes on, and may still be waited for.
 */
export type Outcome =
  | { readonly kind: 'stored'; readonly stored: StoredResponse; readonly here: Stamp | undefined }
  | { readonly kind: 'alone' }
  | { readonly kind: 'again' }
  | { readonly kind: 'lead'; readonly flight: Flight }
  | { readonly kind: 'late' }
  | { readonly kind: 'overdue'; readonly limit: 'soft' | 'hard'; readonly flight: Flight }

interface Waiter {
  /** Request header fields, by which a varying response is selected. */
  readonly headers: FieldMap
  readonly settle: (outcome: Outcome) => void
  readonly deadline: number
}

/** Beyond this number of waiters a request goes to its own handler. */
const mostWaiters = 1000
/** How long nobody waits for a key whose last response could not be shared. */
const hitForMissMs = 10_000
/** How long a handler that has failed is not asked for the same key. */
const backOffMs = 1000
/** A client may force one refresh of a key in this time; request directives are advisory (RFC 9111 §5.2.1). */
const forcedMs = 1000
/** Between processes an invalidation takes so long at most; without the store it may take effect no later. */
const recentMs = 1000
/** Background revalidations at a time: what is stale stays servable while others run. */
const mostRevalidations = 64

/** One forwarded request that others may wait for. */
export class Flight {
  key: string
  /** By the clock of the cache. */
  readonly began: number
  readonly #flights: Flights
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined
  #landed: Extract<Outcome, { kind: 'stored' }> | undefined
  /** Who selects the response, once its head has said by what it varies. */
  #selecting:
    | { readonly fields: readonly string[]; readonly values: readonly (string | undefined)[] }
    | undefined
  /** `slow`: it goes on, and takes no more waiters. */
  #state: 'open' | 'slow' | 'closed' = 'open'
  #overSoftLimit = false

  constructor(key: string, flights: Flights, began: number) {
    this.key = key
    this.began = began
    this.#flights = flights
  }

  get waiters(): number {
    return this.#waiters.size
  }

  /**
   * A promise of what becomes of the forwarded request; undefined where it takes nobody any more. `patient`: it is
   * waited for although it has run over its soft limit.
   */
  join(headers: FieldMap, waitMs: number, patient = false): Promise<Outcome> | undefined {
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
    if (mark) this.#flights.markUncollapsible(this.key)
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
    const successor = this.#flights.open(this.key)
    if (successor === undefined) {
      // One that began later runs already.
      for (const waiter of [next, ...others]) waiter.settle({ kind: 'again' })
      return
    }
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

  #close(outcome: Outcome): void {
    this.#state = 'closed'
    this.#flights.remove(this)
    this.#release(outcome)
  }

  #release(outcome: Outcome): void {
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

/** The forwarded requests under way, by key: at most one a key is waited for. */
export class Flights {
  readonly #flights = new Map<string, Flight>()
  readonly #uncollapsible: RecentMarks
  readonly #failing: RecentMarks
  readonly #forced: RecentMarks
  readonly #clock: () => number
  #revalidations = 0

  constructor(clock: () => number) {
    this.#clock = clock
    this.#uncollapsible = new RecentMarks(hitForMissMs, clock)
    this.#failing = new RecentMarks(backOffMs, clock)
    this.#forced = new RecentMarks(forcedMs, clock)
  }

  get size(): number {
    return this.#flights.size
  }

  get(key: string): Flight | undefined {
    return this.#flights.get(key)
  }

  /** The flight for a key; undefined where one is under way already. */
  open(key: string): Flight | undefined {
    return this.#flights.has(key) ? undefined : this.replace(key)
  }

  /** A flight in the place of the one under way, which goes on for those who wait for it already. */
  replace(key: string): Flight {
    const flight = new Flight(key, this, this.#clock())
    this.#flights.set(key, flight)
    return flight
  }

  /** Whether it began so lately that it may be shared where nobody can say what others have invalidated since. */
  isRecent({ began }: Flight): boolean {
    return isRecentAt(this.#clock(), began)
  }

  /** The key under which a varying response is found: who selects the same variant waits for it there. */
  move(flight: Flight, key: string): void {
    if (this.#flights.get(flight.key) !== flight || this.#flights.has(key)) return
    this.#flights.delete(flight.key)
    flight.key = key
    this.#flights.set(key, flight)
  }

  remove(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  /** Hit-for-miss: the last response under this key could not be shared, so nobody waits for the next. */
  isUncollapsible(key: string): boolean {
    return this.#uncollapsible.has(key)
  }

  markUncollapsible(key: string): void {
    this.#uncollapsible.add(key)
  }

  /** A response that can be shared has come: neither mark of its key stands any longer. */
  markCollapsible(key: string, id: string): void {
    this.#uncollapsible.delete(key)
    this.#failing.delete(id)
  }

  /** Whether the handler failed for this key within the last second: it is not asked at each request. */
  isFailing(key: string): boolean {
    return this.#failing.has(key)
  }

  markFailing(key: string): void {
    this.#failing.add(key)
  }

  /** Whether a client may force a refresh of this key now; it is remembered that it did. */
  mayForce(key: string): boolean {
    if (this.#forced.has(key)) return false
    this.#forced.add(key)
    return true
  }

  /** A place among the background revalidations, to be given back; false where all are taken. */
  takeRevalidation(most = mostRevalidations): boolean {
    if (this.#revalidations >= most) return false
    this.#revalidations++
    return true
  }

  giveRevalidation(): void {
    this.#revalidations--
  }
}

/** A clock that was set back must not make anything recent. */
export const isRecentAt = (now: number, began: number): boolean => Math.abs(now - began) <= recentMs

/** Requests with credentials wait for each other alone: what answers them need not be for everybody, or the reverse. */
export const flightKey = (id: string, credentials: string | undefined): string =>
  credentials === undefined ? id : `${id} +${credentials}`
