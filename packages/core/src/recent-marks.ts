import { BoundedMap } from './bounded-map.ts'

/** A client can bring any key: beyond this number the oldest mark goes. */
const mostMarks = 10_000

/** Keys that were marked within the last `ms` milliseconds. */
export class RecentMarks {
  readonly #ms: number
  readonly #clock: () => number
  readonly #marked = new BoundedMap<number>(mostMarks)

  constructor(ms: number, clock: () => number) {
    this.#ms = ms
    this.#clock = clock
  }

  has(key: string): boolean {
    const since = this.#marked.get(key)
    if (since === undefined) return false
    const passed = this.#clock() - since
    // A clock that was set back must not prolong the mark.
    if (passed >= 0 && passed < this.#ms) return true
    this.#marked.delete(key)
    return false
  }

  add(key: string): void {
    this.#marked.set(key, this.#clock())
  }

  delete(key: string): void {
    this.#marked.delete(key)
  }
}
