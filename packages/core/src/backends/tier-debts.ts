import type { CacheBackend } from '../backend.ts'
import { deleteKeys } from './delete-keys.ts'
import type { Timers } from './timers.ts'

/** Keys remembered one by one; more of them are all. */
const mostKeys = 10_000
const keysOfOneCall = 500
/** From one attempt to make up for them to the next. */
const againMs = 500

export interface DebtsParts {
  readonly timers: Timers
  /** The longest that the tier keeps anything. */
  readonly longestMs: number
  /** Whether it is the last one: what others share must not be emptied. */
  readonly isLast: boolean
}

/**
 * What a tier has not taken, or may not have. It may hold what is older than what lies elsewhere, and is not asked for
 * that until it has been removed after all, or has been there for as long as the tier keeps anything.
 */
export class TierDebts {
  readonly #parts: DebtsParts
  /** With the number of the failure that was the last one. */
  readonly #keys = new Map<string, number>()
  #all = false
  #failures = 0
  #until = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined
  #closed = false

  constructor(parts: DebtsParts) {
    this.#parts = parts
  }

  /** Whether the tier may hold something older under this key. */
  covers(key: string): boolean {
    return this.#all || (this.#keys.size > 0 && this.#keys.has(key))
  }

  /** A change of these keys has failed; undefined: of any. */
  owe(store: CacheBackend, keys: readonly string[] | undefined): void {
    const { timers, longestMs, isLast } = this.#parts
    this.#failures++
    if (keys === undefined || this.#keys.size + keys.length > mostKeys) {
      if (isLast) return
      this.#all = true
      this.#keys.clear()
    } else if (!this.#all) for (const key of keys) this.#keys.set(key, this.#failures)
    this.#until = timers.now() + longestMs
    this.#wait(store)
  }

  /** Failures so far. */
  get failures(): number {
    return this.#failures
  }

  /** The tier has taken a change of these that began after so many failures. */
  settled(keys: readonly string[] | undefined, failures: number): void {
    if (keys === undefined && failures === this.#failures) this.#forget()
    if (this.#keys.size === 0) return
    for (const key of keys ?? []) if ((this.#keys.get(key) ?? 0) <= failures) this.#keys.delete(key)
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #forget(): void {
    this.#all = false
    this.#keys.clear()
  }

  #wait(store: CacheBackend): void {
    if (this.#closed) return
    this.#cancel ??= this.#parts.timers.after(againMs, () => void this.#pay(store))
  }

  async #pay(store: CacheBackend): Promise<void> {
    if (this.#parts.timers.now() >= this.#until) this.#forget()
    const failures = this.#failures
    try {
      if (!this.#all) await this.#removeEach(store)
      else if (store.clear !== undefined) {
        await store.clear()
        this.settled(undefined, failures)
      }
    } catch {
      // The next attempt comes.
    }
    this.#cancel = undefined
    if (this.#all || this.#keys.size > 0) this.#wait(store)
  }

  async #removeEach(store: CacheBackend): Promise<void> {
    const owed = [...this.#keys.keys()]
    for (let at = 0; at < owed.length; at += keysOfOneCall) {
      const failures = this.#failures
      const keys = owed.slice(at, at + keysOfOneCall)
      await deleteKeys(store, keys)
      this.settled(keys, failures)
    }
  }
}
