import { BoundedMap } from './bounded-map.ts'

const mostKnown = 10_000

/** When each of many things was first seen, though it may go and come again. */
export class FirstSeen {
  readonly #times = new BoundedMap<number>(mostKnown)

  /** That time; `now` where it was not seen before. */
  at(id: string, now: number): number {
    const known = this.#times.get(id) ?? now
    this.#times.set(id, known)
    return known
  }
}
