import type { BackendStats, CacheBackend } from '../backend.ts'
import type { GuardedStore } from '../guarded.ts'
import { isPromise, type MaybePromise, whenReady } from '../message.ts'
import { isMemory } from './memory.ts'
import { createResilient, guardBackend, guardedViewsOf } from './resilient.ts'
import { readResilientOptions } from './resilient-options.ts'
import { TierDebts } from './tier-debts.ts'
import type { TieredSettings } from './tiered-options.ts'
import { TierCounts } from './tiered-stats.ts'
import type { Timers } from './timers.ts'

/** A backend that has no breaker yet gets one, whose calls last as long as whoever asks allows. */
const withBreaker = (backend: CacheBackend, timers: Timers): CacheBackend => {
  if (isMemory(backend) || guardedViewsOf(backend) !== undefined) return backend
  const settings = readResilientOptions({ retryAttempts: 1, deadline: 60 }, 'tiered')
  return createResilient(backend, settings, timers)
}

/** One tier, whoever looks at it. */
export interface TierSource {
  readonly backend: CacheBackend
  readonly counts: TierCounts
  readonly debts: TierDebts
}

/** One tier as seen with a certain deadline: what fails rejects, and nothing stands in for it. */
export interface Tier extends TierSource {
  readonly store: CacheBackend
  readonly guarded: GuardedStore
}

export const sourcesOf = (
  backends: readonly CacheBackend[],
  { maxTtlMs: longestMs }: TieredSettings,
  timers: Timers,
): readonly TierSource[] =>
  backends.map((backend, index) => {
    const isLast = index === backends.length - 1
    return {
      backend: withBreaker(backend, timers),
      counts: new TierCounts(backend.name ?? 'backend'),
      debts: new TierDebts({ timers, longestMs: isLast ? Number.POSITIVE_INFINITY : longestMs, isLast }),
    }
  })

/** The tiers of one call, which may take `deadlineMs` in all: those that can be late share it. */
export const tiersWithin = (sources: readonly TierSource[], deadlineMs: number): readonly Tier[] => {
  const late = sources.filter(({ backend }) => !isMemory(backend)).length
  return sources.map((source) => {
    const guarded = guardBackend(source.backend, deadlineMs / Math.max(1, late))
    return { ...source, guarded, store: guarded.durable }
  })
}

/** How one call of one tier ended. */
export type Ended<T> = { readonly value: T } | { readonly error: unknown }

/** Counts a failure instead of passing it on. */
export const settle = <T>(
  tier: Tier,
  run: (store: CacheBackend) => MaybePromise<T>,
): MaybePromise<Ended<T>> => {
  const failed = (error: unknown): Ended<T> => {
    tier.counts.errors++
    return { error }
  }
  try {
    const value = run(tier.store)
    return isPromise(value) ? value.then((known) => ({ value: known }), failed) : { value }
  } catch (error) {
    return failed(error)
  }
}

/** The same for a change of these keys, or of any. */
export const settleChange = <T>(
  tier: Tier,
  keys: readonly string[] | undefined,
  run: (store: CacheBackend) => MaybePromise<T>,
): MaybePromise<Ended<T>> => {
  const { failures } = tier.debts
  return whenReady(settle(tier, run), (ended) => {
    if ('error' in ended) tier.debts.owe(tier.store, keys)
    else tier.debts.settled(keys, failures)
    return ended
  })
}

/** The first failure among these; undefined where there is none. */
export const failureAmong = (ended: readonly Ended<unknown>[]): { readonly error: unknown } | undefined =>
  ended.find((end): end is { readonly error: unknown } => 'error' in end)

export const ownStats = async ({ store, backend }: Tier): Promise<BackendStats | undefined> => {
  try {
    return await (store.stats?.() ?? backend.stats?.())
  } catch {
    return undefined
  }
}
