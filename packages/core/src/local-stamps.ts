import type { CacheBackend } from './backend.ts'
import { randomBytes } from './builtin.ts'
import { isPromise, type MaybePromise, whenReady } from './message.ts'
import { bump, checkTags, type Stamp, type Stamped, type StoreStamps, type Validity } from './stamp.ts'
import { createTagTable } from './tag-table.ts'

const longest = Number.POSITIVE_INFINITY
const createEpoch = (): string => randomBytes(9).toString('base64url')
/** A store may answer with the value of another key. */
const isEpoch = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{12}$/.test(value)

/**
 * Stamps for a store that has nothing atomic: this process counts, and only the epoch lies in the store. Every
 * invalidation writes a new one, so that entries of other runs, whose stamps mean nothing here, end with it.
 */
export class LocalStamps implements StoreStamps {
  readonly #backend: CacheBackend
  readonly #key: string
  readonly #prefix: string
  readonly #run = createEpoch()
  readonly #state = createTagTable()
  #epoch: string | undefined
  #unwritten = false

  constructor(backend: CacheBackend, prefix: string, key: string) {
    this.#backend = backend
    this.#prefix = prefix
    this.#key = key
  }

  now(): MaybePromise<Stamp> {
    // Asked anew until there is an answer: one that never comes must not be waited for by all.
    return whenReady(this.#epoch ?? this.#readEpoch(), (epoch) => ({
      epoch,
      seq: this.#state.head().seq,
      run: this.#run,
    }))
  }

  check(stored: Stamped, now: Stamp): MaybePromise<Validity> {
    if (stored.run === this.#run)
      return stored.stamp === now.seq ? 'valid' : checkTags(this.#state, this.#prefix, stored)
    return stored.epoch === now.epoch ? 'valid' : 'removed'
  }

  invalidate(tags: readonly string[], mode: 'stale' | 'remove'): MaybePromise<number> {
    const seq = bump(this.#state, this.#prefix, tags, mode)
    this.#epoch = createEpoch()
    this.#unwritten = true
    return whenReady(this.settle(), () => seq)
  }

  settle(): MaybePromise<void> {
    if (!this.#unwritten || this.#epoch === undefined) return undefined
    const epoch = this.#epoch
    return whenReady(this.#backend.set(this.#key, epoch, longest), () => {
      this.#unwritten = this.#epoch !== epoch
      // An older epoch that arrives late has taken the place of the newer one, which goes there again at once.
      if (this.#unwritten) this.#rewrite()
    })
  }

  #rewrite(): void {
    try {
      const done = this.settle()
      // Where this fails, the next store of an entry tries again.
      if (isPromise(done)) done.catch(() => undefined)
    } catch {}
  }

  #readEpoch(): MaybePromise<string> {
    const adopt = (found: unknown): string => {
      // An invalidation that came while the store was asked has written a newer one.
      if (this.#epoch !== undefined) return this.#epoch
      this.#unwritten = !isEpoch(found)
      this.#epoch = isEpoch(found) ? found : createEpoch()
      return this.#epoch
    }
    const failed = (): string => adopt(undefined)
    try {
      const found = this.#backend.get(this.#key)
      return isPromise(found) ? found.then(adopt, failed) : adopt(found)
    } catch {
      return failed()
    }
  }
}
