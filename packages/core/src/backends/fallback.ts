import type { CacheBackend } from '../backend.ts'
import { isPromise, type MaybePromise } from '../message.ts'
import { memory } from './memory.ts'
import type { ResilientSettings } from './resilient-options.ts'

/** The fallback must stay far below what an outage may cost in memory. */
const ownSize = { maxEntries: 10_000, maxBytes: '16mb' } as const
/** It does not hear of the invalidations of other processes: so long, at most, it answers with what they have invalidated. */
const ownSeconds = 10

/** Where the methods that store have their ttl. */
const ttlAt: Readonly<Record<string, number>> = { set: 2, setMany: 1 }

/** What stands in for a store: empty whenever that begins, and emptied when it is over. */
export class Fallback {
  readonly #backend: CacheBackend
  readonly #maxTtl: number
  /** False while it is being emptied, and where that failed. */
  #ready = true
  #clearings = 0

  /** `maxTtl`: seconds that an entry lives, at most. */
  constructor(backend: CacheBackend, maxTtl: number) {
    this.#backend = backend
    this.#maxTtl = maxTtl
  }

  /** Undefined where it may still hold what it must not answer with, or has no such method. */
  method(name: string): ((...args: readonly unknown[]) => unknown) | undefined {
    if (!this.#ready) return undefined
    const method: unknown = (this.#backend as unknown as Record<string, unknown>)[name]
    if (typeof method !== 'function') return undefined
    const capped = this.#capped(name)
    return (...args) => Reflect.apply(method, this.#backend, capped(args))
  }

  #capped(name: string): (args: readonly unknown[]) => readonly unknown[] {
    const at = ttlAt[name]
    return at === undefined
      ? (args) => args
      : (args) => args.with(at, Math.min(Number(args[at]), this.#maxTtl))
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

/** Of another's entries only that other knows how long they may live. */
export const fallbackOf = ({ fallback }: ResilientSettings): Fallback | undefined => {
  if (fallback === false) return undefined
  return fallback === true
    ? new Fallback(memory(ownSize), ownSeconds)
    : new Fallback(fallback, Number.POSITIVE_INFINITY)
}
