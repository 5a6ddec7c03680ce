import type { CacheBackend } from '../backend.ts'
import { isPromise, type MaybePromise } from '../message.ts'

/** What stands in for a store: empty whenever that begins, and emptied when it is over. */
export class Fallback {
  readonly #backend: CacheBackend
  /** False while it is being emptied, and where that failed. */
  #ready = true
  #clearings = 0

  constructor(backend: CacheBackend) {
    this.#backend = backend
  }

  /** Undefined where it may still hold what it must not answer with, or has no such method. */
  method(name: string): ((...args: readonly unknown[]) => unknown) | undefined {
    if (!this.#ready) return undefined
    const method: unknown = (this.#backend as unknown as Record<string, unknown>)[name]
    return typeof method === 'function' ? (...args) => Reflect.apply(method, this.#backend, args) : undefined
  }

  empty(): void {
    this.#ready = false
    this.#clearings++
    const clearing = this.#clearings
    const ready = (): void => {
      if (clearing === this.#clearings) this.#ready = true
    }
    try {
      const done = this.#backend.clear?.()
      if (isPromise(done)) done.then(ready, () => undefined)
      else ready()
    } catch {}
  }

  close(): MaybePromise<void> {
    return this.#backend.close()
  }
}
