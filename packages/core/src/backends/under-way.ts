/** Operations that have not ended; those that were given up, and may still, are among them. */
const mostOperations = 10_000
/** Characters of the values among them: a store that hangs must not keep all that it was to take. */
const mostCharacters = 16 * 1024 * 1024
/** What has not ended after so long, and a recovery since, is written off: it may never end. */
const writtenOffMs = 60_000

interface Tally {
  operations: number
  characters: number
  readonly since: number
  /** Whether the store has answered again since. */
  isPast: boolean
}

/** What a store has been asked and has not answered yet: bounded, so that an outage costs no memory without end. */
export class UnderWay {
  readonly #now: () => number
  #tally: Tally

  constructor(now: () => number) {
    this.#now = now
    // The first recovery writes off whatever there is.
    this.#tally = { ...this.#begin(), since: Number.NEGATIVE_INFINITY }
  }

  get operations(): number {
    return this.#tally.operations
  }

  /** Whether one more would be too much; a single value of any size goes through. */
  isFull(characters: number): boolean {
    const { operations, characters: present } = this.#tally
    if (operations < mostOperations && (present === 0 || present + characters <= mostCharacters)) return false
    return !this.#writeOff()
  }

  watch(answer: Promise<unknown>, characters: number): void {
    const tally = this.#tally
    tally.operations++
    tally.characters += characters
    const ended = (): void => {
      tally.operations--
      tally.characters -= characters
    }
    Promise.resolve(answer).then(ended, ended)
  }

  /** The store answers again. */
  recovered(): void {
    this.#tally.isPast = true
    this.#writeOff()
  }

  #begin(): Tally {
    return { operations: 0, characters: 0, since: this.#now(), isPast: false }
  }

  #writeOff(): boolean {
    const { isPast, since } = this.#tally
    if (!isPast || this.#now() - since <= writtenOffMs) return false
    this.#tally = this.#begin()
    return true
  }
}
