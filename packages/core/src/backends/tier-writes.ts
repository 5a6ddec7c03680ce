import type { CacheBackend } from '../backend.ts'
import { allReady, eachReady, type MaybePromise, whenReady } from '../message.ts'
import { throwIf } from './throw-if.ts'
import { type TieredShared, type TieredView, upperTtl } from './tiered-view.ts'
import { type Ended, failureAmong, settle, settleChange, type Tier } from './tiers.ts'

/** Writes to several tiers, the last one first. */
export class TierWrites {
  readonly #shared: TieredShared
  readonly #absorbs: boolean
  readonly #upper: readonly Tier[]
  readonly #last: Tier

  constructor(shared: TieredShared, { tiers, absorbs }: TieredView) {
    this.#shared = shared
    this.#absorbs = absorbs
    this.#upper = tiers.slice(0, -1)
    this.#last = tiers.at(-1) as Tier
  }

  /**
   * The last tier first: were it the other way round, and the last one failed, others would read what is older and this
   * process what is newer without end. Where it fails, the upper tiers have the value for as long as they keep it.
   */
  set(key: string, value: string, ttl: number): MaybePromise<void> {
    this.#shared.counts.sets++
    const written = this.#write([key], (store, tier) => store.set(key, value, this.#ttlIn(tier, ttl)))
    return whenReady(written, (ended) => this.#settleWrite('set', ended))
  }

  setMany(entries: Iterable<readonly [string, string]>, ttl: number): MaybePromise<number> {
    const list = [...entries]
    const keys = list.map(([key]) => key)
    const put = (store: CacheBackend, tier: Tier): MaybePromise<number> => {
      const seconds = this.#ttlIn(tier, ttl)
      if (store.setMany !== undefined) return store.setMany(list, seconds)
      const done = eachReady(list, ([key, value]) => store.set(key, value, seconds))
      return whenReady(done, () => list.length)
    }
    return whenReady(this.#write(keys, put), (ended) => {
      this.#settleWrite('setMany', ended)
      const stored = ended.find((end): end is { value: number } => 'value' in end)?.value ?? 0
      this.#shared.counts.sets += stored
      return stored
    })
  }

  /** From below upwards, so that nothing below can come up again; where a tier fails, the rest is deleted all the same. */
  delete(key: string): MaybePromise<void> {
    this.#shared.counts.deletes++
    return this.#change(
      [key],
      (store) => store.delete(key),
      () => undefined,
    )
  }

  deleteMany(keys: readonly string[]): MaybePromise<number> {
    const remove = (store: CacheBackend): MaybePromise<number> => {
      if (store.deleteMany !== undefined) return store.deleteMany(keys)
      return whenReady(
        eachReady(keys, (key) => store.delete(key)),
        () => keys.length,
      )
    }
    return this.#change(keys, remove, (removed) => {
      this.#shared.counts.deletes += removed
      return removed
    })
  }

  clear(): MaybePromise<number> {
    return this.#change(
      undefined,
      (store) => store.clear?.() ?? -1,
      (removed) => removed,
    )
  }

  /** What only the last tier does, and what the upper ones must not hold an older state of. */
  async atLast<T>(key: string, run: (store: CacheBackend) => MaybePromise<T>): Promise<T> {
    this.#shared.begins()
    const ended = await settle(this.#last, run)
    await this.dropAbove([key])
    this.#shared.changed([key])
    if ('error' in ended) throw ended.error
    return ended.value
  }

  /** Others have changed these; undefined: anything. */
  dropAbove(keys: readonly string[] | undefined): MaybePromise<unknown> {
    this.#noteChanges(keys)
    return allReady(
      this.#upper.map((tier) => {
        if (keys === undefined && tier.store.clear === undefined) return tier.debts.owe(tier.store, keys)
        return settleChange<unknown>(tier, keys, (store) => {
          if (keys === undefined) return store.clear?.()
          return keys.length > 1 && store.deleteMany !== undefined
            ? store.deleteMany(keys)
            : eachReady(keys, (key) => store.delete(key))
        })
      }),
    )
  }

  #ttlIn(tier: Tier, ttl: number): number {
    return tier === this.#last ? ttl : upperTtl(this.#shared, ttl)
  }

  #noteChanges(keys: readonly string[] | undefined): void {
    const { changes } = this.#shared
    if (keys === undefined) changes.changedAll()
    else for (const key of keys) changes.changed(key)
  }

  /** How it ended in the last tier, and then in the others. Of several writes of one key at once none goes above. */
  #write<T>(
    keys: readonly string[],
    put: (store: CacheBackend, tier: Tier) => MaybePromise<T>,
  ): MaybePromise<readonly Ended<T>[]> {
    const { changes, begins, changed } = this.#shared
    begins()
    this.#noteChanges(keys)
    const watches = keys.map((key) => changes.watch(key))
    const below = this.#settleBelow(keys, (store) => put(store, this.#last))
    return whenReady(below, (last) => {
      const isCurrent = watches.every((watch) => changes.isCurrent(watch))
      for (const watch of watches) changes.end(watch)
      if (!isCurrent) {
        return whenReady(this.dropAbove(keys), () => {
          changed(keys)
          return [last]
        })
      }
      this.#noteChanges(keys)
      const above = this.#upper.map((tier) => settleChange(tier, keys, (store) => put(store, tier)))
      if (!('error' in last)) changed(keys)
      return whenReady(allReady(above), (ended) => [last, ...ended])
    })
  }

  /** A cache judges what it finds later; of others, nobody but the last tier knows what is older. */
  #settleBelow<T>(
    keys: readonly string[] | undefined,
    run: (store: CacheBackend) => MaybePromise<T>,
  ): MaybePromise<Ended<T>> {
    return this.#absorbs ? settleChange(this.#last, keys, run) : settle(this.#last, run)
  }

  /** Some tier has it, or nobody. */
  #settleWrite(operation: string, ended: readonly Ended<unknown>[]): void {
    const failure = failureAmong(ended)
    if (failure === undefined) return
    if (ended.every((end) => 'error' in end) && !this.#absorbs) throw failure.error
    this.#shared.absorbed(operation, failure.error)
  }

  #change<T, R>(
    keys: readonly string[] | undefined,
    run: (store: CacheBackend) => MaybePromise<T>,
    result: (value: T) => R,
  ): MaybePromise<R> {
    this.#shared.begins()
    this.#noteChanges(keys)
    return whenReady(this.#settleBelow(keys, run), (last) => {
      this.#noteChanges(keys)
      const above = allReady(this.#upper.map((tier) => settleChange(tier, keys, run)))
      return whenReady(above, (others) => {
        this.#shared.changed(keys)
        throwIf(failureAmong([last, ...others]))
        return result((last as { readonly value: T }).value)
      })
    })
  }
}
