import { Flight } from './flight.ts'
import { RecentMarks } from './recent-marks.ts'

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
