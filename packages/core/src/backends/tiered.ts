import type { BackendHealth, CacheBackend } from '../backend.ts'
import type { CircuitChange, GuardedStore } from '../guarded.ts'
import { KeyChanges } from './key-changes.ts'
import { isMemory } from './memory.ts'
import { WrapperCounts } from './relayed-stats.ts'
import { withViews } from './resilient.ts'
import { TagMirror } from './tag-mirror.ts'
import { type Messenger, messengerAmong, TierBus } from './tier-bus.ts'
import { TierWrites } from './tier-writes.ts'
import { tieredHealth } from './tiered-health.ts'
import { tieredMethods } from './tiered-methods.ts'
import { readTieredOptions, type TieredOptions, type TieredSettings } from './tiered-options.ts'
import { type TieredStats, tieredStats } from './tiered-stats.ts'
import type { TieredShared } from './tiered-view.ts'
import { ownStats, sourcesOf, type Tier, type TierSource, tiersWithin } from './tiers.ts'
import { realTimers, type Timers } from './timers.ts'

/** Of one call, where nobody says anything else. */
const deadlineMs = 250

/**
 * What `tiered()` gives: the capabilities of the last tier, in step with the tiers above it, and statistics of each.
 *
 * @example
 * const backend: TieredBackend = tiered(memory(), file({ directory: '/var/cache/shop' }))
 * const [l1, l2] = (await backend.stats()).tiers
 */
export interface TieredBackend extends CacheBackend {
  readonly name: string
  has(key: string): Promise<boolean>
  stats(): Promise<TieredStats>
  /** Healthy where every tier is; degraded where some are. */
  health(): Promise<BackendHealth>
  /** Closes every tier. */
  close(): Promise<void>
}

class Tiered {
  readonly #sources: readonly TierSource[]
  readonly #settings: TieredSettings
  readonly #shared: TieredShared
  readonly #mirror: TagMirror | undefined
  readonly #messenger: Messenger | undefined
  readonly #bus: TierBus | undefined
  readonly #onAbsorbed = new Set<(operation: string, error: unknown) => void>()
  readonly #above: TierWrites
  #tiers: readonly Tier[]
  #closing: Promise<void> | undefined

  constructor(backends: readonly CacheBackend[], settings: TieredSettings, timers: Timers) {
    this.#sources = sourcesOf(backends, settings, timers)
    this.#settings = settings
    this.#tiers = tiersWithin(this.#sources, deadlineMs)
    this.#messenger = messengerAmong(() => this.#tiers)
    this.#bus = this.#createBus(timers)
    this.#mirror = this.#createMirror(timers)
    this.#shared = {
      settings,
      counts: new WrapperCounts(),
      changes: new KeyChanges(),
      begins: () => this.#bus?.start(),
      changed: (keys) => {
        if (keys === undefined) this.#bus?.cleared()
        else this.#bus?.keys(keys)
      },
      absorbed: (operation, error) => {
        for (const listener of this.#onAbsorbed) listener(operation, error)
      },
    }
    this.#above = new TierWrites(this.#shared, { tiers: this.#tiers, absorbs: true })
  }

  facade(): TieredBackend {
    return withViews(this.#view(this.#tiers, true), (ms) => this.#views(ms))
  }

  /** For one cache, which says how long its calls may take. */
  #views(ms: number): GuardedStore {
    const tiers = tiersWithin(this.#sources, ms)
    this.#tiers = tiers
    const last = tiers.at(-1) as Tier
    if (this.#mirror !== undefined && last.guarded.tags !== undefined) this.#mirror.state = last.guarded.tags
    const entries = this.#view(tiers, false)
    return {
      entries,
      // Copies of what must not be lost would be no help: the last tier alone counts.
      durable: {
        name: 'tiered',
        get: (key) => last.store.get(key),
        set: (key, value, ttl) => last.store.set(key, value, ttl),
        delete: (key) => last.store.delete(key),
        close: () => this.#close(),
        ...(entries.tags === undefined ? {} : { tags: entries.tags }),
      },
      tags: entries.tags,
      onCircuit: (listener) => this.#listen(tiers, listener),
      onAbsorbed: (listener) => {
        this.#onAbsorbed.add(listener)
        return () => void this.#onAbsorbed.delete(listener)
      },
    }
  }

  #listen(tiers: readonly Tier[], listener: (change: CircuitChange) => void): () => void {
    const stops = tiers.map(({ guarded }) => guarded.onCircuit(listener))
    return () => {
      for (const stop of stops) stop()
    }
  }

  #createBus(timers: Timers): TierBus | undefined {
    const messenger = this.#settings.bus ? this.#messenger : undefined
    if (messenger === undefined) return undefined
    return new TierBus({
      messenger,
      timers,
      begun: () => {
        if (this.#mirror !== undefined) this.#mirror.hears = true
        void this.#above.dropAbove(undefined)
      },
      tags: (bump) => this.#mirror?.hear(bump),
      keys: (keys) => void this.#above.dropAbove(keys),
    })
  }

  #createMirror(timers: Timers): TagMirror | undefined {
    const last = this.#tiers.at(-1) as Tier
    if (last.guarded.tags === undefined || isMemory(last.backend)) return undefined
    return new TagMirror(last.guarded.tags, {
      timers,
      begins: () => this.#bus?.start(),
      counted: (bump) => this.#bus?.tags(bump),
    })
  }

  /** Each method that these tiers can have. */
  #view(tiers: readonly Tier[], absorbs: boolean): TieredBackend {
    const last = (tiers.at(-1) as Tier).store
    const own: Partial<TieredBackend> = {
      stats: () => this.#stats(tiers),
      health: () => tieredHealth(tiers),
      close: () => this.#close(),
      ...(last.tags === undefined ? {} : { tags: this.#mirror ?? last.tags }),
    }
    const methods = tieredMethods(this.#shared, { tiers, absorbs })
    return { name: 'tiered', ...methods, ...own, ...this.#messenger } as TieredBackend
  }

  async #stats(tiers: readonly Tier[]): Promise<TieredStats> {
    const own = await Promise.all(tiers.map(ownStats))
    return tieredStats({
      counts: this.#shared.counts,
      tiers: tiers.map(({ counts }, index) => ({ counts, own: own[index] })),
    })
  }

  #close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#mirror?.close()
    for (const { debts } of this.#sources) debts.close()
    await Promise.resolve(this.#bus?.close()).catch(() => undefined)
    const ends = await Promise.allSettled(this.#sources.map(async ({ backend }) => backend.close()))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

/**
 * Several backends as one, read in their order: memory in front of a store that processes share, say. What a tier has is
 * put into the tiers above it for a part of the time that it has left; what is stored goes to all of them, and a tier
 * that fails or is late is skipped. Invalidations are those of the last tier, known in this process at once where the
 * tiers have a bus, and within a second where they have none; a hit in the first tier asks nobody.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_BACKEND`, `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`,
 * `CACHE_CONFIG_DURATION`, `CACHE_CONFIG_TYPE`
 *
 * @example
 * const backend = tiered(memory({ maxBytes: '64mb' }), redis({ url: 'redis://localhost:6379' }))
 * const three = tiered([memory(), file({ directory: '/var/cache/shop' }), redis()], { l1TtlRatio: 0.25 })
 */
export function tiered(l1: CacheBackend, l2: CacheBackend, options?: TieredOptions): TieredBackend
export function tiered(tiers: readonly CacheBackend[], options?: TieredOptions): TieredBackend
export function tiered(
  first: CacheBackend | readonly CacheBackend[],
  second?: CacheBackend | TieredOptions,
  third?: TieredOptions,
): TieredBackend {
  const [tiers, options] = Array.isArray(first)
    ? [first as readonly CacheBackend[], second as TieredOptions | undefined]
    : [[first as CacheBackend, second as CacheBackend], third]
  return createTiered(tiers, options, realTimers)
}

/** With timers of one's own. */
export const createTiered = (
  tiers: readonly CacheBackend[],
  options: TieredOptions | undefined,
  timers: Timers,
): TieredBackend => new Tiered(tiers, readTieredOptions(tiers, options ?? {}), timers).facade()
