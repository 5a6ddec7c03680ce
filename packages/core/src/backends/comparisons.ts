import type { Timers } from './timers.ts'

/** How old the knowledge of a process that hears nothing of the others may be. */
const boundMs = 1000
/** From one comparison with the store to the next while there is traffic: well within the bound. */
const comparedEveryMs = { deaf: 400, listening: 800 } as const
/** Rounds of one comparison: each means that something was in doubt anew. */
const mostRounds = 3

interface ComparisonParts {
  readonly timers: Timers
  /** Whether messages tell of every invalidation meanwhile. */
  readonly isSound: () => boolean
  /** Asks the store; whether it has answered. Never rejects. */
  readonly ask: () => Promise<boolean>
}

/** When what is known of a store is compared with it: where it is in doubt, and from time to time while somebody asks. */
export class Comparisons {
  readonly #parts: ComparisonParts
  /** Somebody has asked since the last comparison began. */
  isWanted = false
  /** Nothing was in doubt when this was last looked at. */
  isSteady = false
  #doubts = 1
  #settled = 0
  /** The doubts that an answer of the store has ended. */
  #answered = 0
  /** When the last comparison that has ended began, and a second. */
  #until = Number.NEGATIVE_INFINITY
  #running: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #closed = false

  constructor(parts: ComparisonParts) {
    this.#parts = parts
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Whether the last comparison is too long ago for what nobody tells. */
  get isLate(): boolean {
    return this.#parts.timers.now() >= this.#until
  }

  /** Whether every doubt has had its comparison, whatever that brought. */
  get isSettled(): boolean {
    return this.#doubts === this.#settled
  }

  /** The store is asked before the next answer. The number of this doubt. */
  doubt(): number {
    this.isSteady = false
    this.#doubts++
    return this.#doubts
  }

  /** Whether the store has answered since that doubt. */
  isAnswered(doubt: number): boolean {
    return this.#answered >= doubt
  }

  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Ends with a comparison that is young enough for who asks now: one under way may have begun too long ago. */
  catchUp(): Promise<void> {
    const asked = this.#parts.timers.now()
    return this.run().then(() => (this.#until > asked ? undefined : this.run()))
  }

  /** Compares again and again while there is traffic. */
  keepUp(): void {
    if (this.#cancel !== undefined || this.#closed) return
    const { timers, isSound } = this.#parts
    const ms = isSound() ? comparedEveryMs.listening : comparedEveryMs.deaf
    this.#cancel = timers.after(ms, () => {
      this.#cancel = undefined
      if (!this.isWanted) {
        this.isSteady = false
        return
      }
      this.isWanted = false
      this.keepUp()
      void this.run()
    })
  }

  close(): void {
    this.#closed = true
    this.isSteady = false
    this.#cancel?.()
  }

  async #run(): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      const doubts = this.#doubts
      const began = this.#parts.timers.now()
      if (await this.#parts.ask()) this.#answered = doubts
      this.#until = began + boundMs
      this.#settled = doubts
      if (doubts === this.#doubts) return
    }
  }
}
