import type { CacheBackend } from '../backend.ts'
import type { MaybePromise } from '../message.ts'
import { deleteKeys } from './delete-keys.ts'
import type { Guard } from './guard.ts'

const mostKeys = 10_000
const keysOfOneCall = 500
/** A key that cannot be deleted must not keep a store that is back from being used. */
const mostAttempts = 5

export interface OvertakenParts {
  readonly backend: CacheBackend
  readonly guard: Guard
  readonly deadlineMs: number
}

/**
 * Keys that were to be changed, and the store has not taken it: what it has of them is out of date. It is deleted before
 * the store is used again, as any backend does with the predecessor of what it cannot keep.
 */
export class Overtaken {
  readonly #parts: OvertakenParts
  readonly #keys = new Set<string>()
  #attempts = 0
  #making: Promise<void> | undefined

  constructor(parts: OvertakenParts) {
    this.#parts = parts
  }

  get owes(): boolean {
    return this.#keys.size > 0
  }

  note(keys: Iterable<string>): void {
    for (const key of keys) if (this.#keys.size < mostKeys) this.#keys.add(key)
    // While it is out of reach, the probe sees to it.
    if (this.owes && this.#parts.guard.isInReach) this.makeUp().catch(() => undefined)
  }

  makeUp(): Promise<void> {
    this.#making ??= this.#makeUp().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #makeUp(): Promise<void> {
    const { guard, deadlineMs } = this.#parts
    try {
      while (this.owes) {
        const batch = [...this.#keys].slice(0, keysOfOneCall)
        const run = (): MaybePromise<unknown> => deleteKeys(this.#parts.backend, batch)
        for (const key of batch) this.#keys.delete(key)
        try {
          await guard.call({ operation: 'delete', run, deadlineMs, repeatable: true, always: true })
        } catch (error) {
          for (const key of batch) this.#keys.add(key)
          throw error
        }
      }
      this.#attempts = 0
    } catch (error) {
      this.#attempts++
      if (this.#attempts < mostAttempts) throw error
      this.#attempts = 0
      this.#keys.clear()
    }
  }
}
