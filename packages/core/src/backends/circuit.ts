import type { CircuitState } from '../guarded.ts'
import type { Timers } from './timers.ts'

export interface CircuitParts {
  /** Failures in a row that open it. */
  readonly threshold: number
  /** From one probe to the next. */
  readonly timeoutMs: number
  /** Rejects where the store is still out of reach. */
  readonly probe: () => Promise<void>
  readonly changed: (state: CircuitState, previous: CircuitState, cause: unknown) => void
  readonly timers: Timers
}

/** A breaker whose trials cost no request: while it is open, one probe at a time asks in the background. */
export class Circuit {
  readonly #parts: CircuitParts
  #state: CircuitState = 'closed'
  #failures = 0
  #period = 0
  #trips = 0
  #cancel: () => void = () => undefined
  #stopped = false

  constructor(parts: CircuitParts) {
    this.#parts = parts
  }

  get state(): CircuitState {
    return this.#state
  }

  get trips(): number {
    return this.#trips
  }

  /** Changes when it opens and when it closes: how a call ends that began in another period says nothing of this one. */
  get period(): number {
    return this.#period
  }

  succeeded(period: number): void {
    if (period === this.#period) this.#failures = 0
  }

  failed(period: number, error: unknown): void {
    if (period !== this.#period || this.#state !== 'closed' || this.#stopped) return
    this.#failures++
    if (this.#failures < this.#parts.threshold) return
    this.#trips++
    this.#period++
    this.#change('open', error)
    this.#wait(this.#parts.timeoutMs)
  }

  /** Has the store asked now, and not when the time for that has come. */
  probe(): void {
    if (this.#state !== 'open' || this.#stopped) return
    this.#cancel()
    void this.#try()
  }

  /** No probe is made any more. */
  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  resetTrips(): void {
    this.#trips = 0
  }

  #wait(ms: number): void {
    this.#cancel = this.#parts.timers.after(Math.max(ms, 1), () => void this.#try())
  }

  async #try(): Promise<void> {
    const { probe, timers, timeoutMs } = this.#parts
    const began = timers.now()
    this.#change('half-open', undefined)
    try {
      await probe()
    } catch (error) {
      if (this.#stopped) return
      this.#change('open', error)
      this.#wait(timeoutMs - (timers.now() - began))
      return
    }
    if (this.#stopped) return
    this.#failures = 0
    this.#period++
    this.#change('closed', undefined)
  }

  #change(state: CircuitState, cause: unknown): void {
    const previous = this.#state
    this.#state = state
    this.#parts.changed(state, previous, cause)
  }
}
