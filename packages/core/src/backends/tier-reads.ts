import type { CacheBackend } from '../backend.ts'
import { eachReady, isPromise, type MaybePromise, whenReady } from '../message.ts'
import { throwIf } from './throw-if.ts'
import { type TieredShared, type TieredView, upperTtl } from './tiered-view.ts'
import { settle, type Tier } from './tiers.ts'

type GetWithTtl = NonNullable<CacheBackend['getWithTtl']>

/** With the seconds that it has left, where the store can tell. */
const readOf = (store: CacheBackend, key: string): ReturnType<CacheBackend['get'] | GetWithTtl> =>
  store.getWithTtl === undefined ? store.get(key) : store.getWithTtl(key)

/** Reads from several tiers: the first that has a value answers, and those above it get it. */
export class TierReads {
  readonly #shared: TieredShared
  readonly #absorbs: boolean
  readonly #tiers: readonly Tier[]
  readonly #first: Tier
  readonly #last: Tier

  constructor(shared: TieredShared, { tiers, absorbs }: TieredView) {
    this.#shared = shared
    this.#absorbs = absorbs
    this.#tiers = tiers
    this.#first = tiers[0] as Tier
    this.#last = tiers.at(-1) as Tier
  }

  get(key: string): MaybePromise<string | null> {
    const { store, counts, debts } = this.#first
    try {
      const found = debts.covers(key) ? null : store.get(key)
      if (isPromise(found)) return this.#fromFirst(key, found)
      if (found !== null) {
        counts.hits++
        this.#shared.counts.hits++
        return found
      }
      counts.misses++
    } catch (error) {
      counts.errors++
      return this.#fromBelow(key, { error })
    }
    return this.#fromBelow(key, undefined)
  }

  /** Of the last tier, which alone knows how long a value lives; of another where that fails. */
  async getWithTtl(key: string): Promise<{ value: string; ttl: number } | null> {
    this.#shared.begins()
    let failure: { readonly error: unknown } | undefined
    for (const tier of this.#tiers.toReversed()) {
      if (tier.debts.covers(key)) continue
      const ended = await settle(tier, (store) => store.getWithTtl?.(key) ?? null)
      if ('error' in ended) failure ??= ended
      else if (ended.value !== null || tier === this.#last) return ended.value
    }
    if (!this.#absorbs) throwIf(failure)
    return null
  }

  async has(key: string): Promise<boolean> {
    let failure: { readonly error: unknown } | undefined
    for (const tier of this.#tiers) {
      if (tier.debts.covers(key)) continue
      const has = async (store: CacheBackend): Promise<boolean> =>
        store.has === undefined ? (await store.get(key)) !== null : store.has(key)
      const ended = await settle(tier, has)
      if ('error' in ended) failure ??= ended
      else if (ended.value) return true
    }
    if (!this.#absorbs) throwIf(failure)
    return false
  }

  /** What an upper tier lacks is read from below together, and stays there: how long each has left is not told. */
  async getMany(keys: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    let missing = [...new Set(keys)]
    let failure: { readonly error: unknown } | undefined
    for (const tier of this.#tiers) {
      if (missing.length === 0) break
      const asked = missing.filter((key) => !tier.debts.covers(key))
      const ended = await settle(tier, (store) => this.#manyOf(store, asked))
      if ('error' in ended) {
        failure ??= ended
        continue
      }
      for (const [key, value] of ended.value) found.set(key, value)
      const left = missing.filter((key) => !found.has(key))
      tier.counts.hits += missing.length - left.length
      tier.counts.misses += left.length
      missing = left
    }
    this.#shared.counts.hits += found.size
    this.#shared.counts.misses += missing.length
    if (!this.#absorbs && missing.length > 0) throwIf(failure)
    return found
  }

  async #fromFirst(key: string, found: Promise<string | null>): Promise<string | null> {
    const { counts } = this.#first
    let failure: { readonly error: unknown } | undefined
    try {
      const value = await found
      if (value !== null) {
        counts.hits++
        this.#shared.counts.hits++
        return value
      }
      counts.misses++
    } catch (error) {
      counts.errors++
      failure = { error }
    }
    return this.#fromBelow(key, failure)
  }

  async #fromBelow(key: string, first: { readonly error: unknown } | undefined): Promise<string | null> {
    const { changes, begins, counts } = this.#shared
    begins()
    let failure = first
    const watch = changes.watch(key)
    try {
      for (const [index, tier] of this.#tiers.entries()) {
        if (index === 0 || tier.debts.covers(key)) continue
        const ended = await settle(tier, (store) => readOf(store, key))
        if ('error' in ended) {
          failure = ended
          continue
        }
        const found = ended.value
        if (found === null) {
          tier.counts.misses++
          continue
        }
        tier.counts.hits++
        counts.hits++
        if (failure !== undefined) this.#shared.absorbed('get', failure.error)
        if (typeof found === 'string') return found
        if (changes.isCurrent(watch)) this.#refill(key, found, index)
        return found.value
      }
    } finally {
      changes.end(watch)
    }
    counts.misses++
    if (!this.#absorbs) throwIf(failure)
    return null
  }

  /** How long a value lived in all is not known any more: a share of what it has left is a share of less than that. */
  #refill(key: string, { value, ttl }: { readonly value: string; readonly ttl: number }, from: number): void {
    const seconds = upperTtl(this.#shared, ttl)
    if (typeof value !== 'string' || !(seconds > 0)) return
    for (const tier of this.#tiers.slice(0, from)) {
      tier.counts.refills++
      const { failures } = tier.debts
      void whenReady(
        settle(tier, (store) => store.set(key, value, seconds)),
        (ended) => 'value' in ended && tier.debts.settled([key], failures),
      )
    }
  }

  #manyOf(store: CacheBackend, keys: readonly string[]): MaybePromise<ReadonlyMap<string, string>> {
    if (store.getMany !== undefined) return store.getMany(keys)
    return whenReady(
      eachReady(keys, (key) => store.get(key)),
      (values) => {
        const found = new Map<string, string>()
        for (const [index, key] of keys.entries()) {
          const value = values[index]
          if (typeof value === 'string') found.set(key, value)
        }
        return found
      },
    )
  }
}
