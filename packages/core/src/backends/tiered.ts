import type { BackendHealth, CacheBackend } from '../backend.ts'
import type { CircuitChange, GuardedStore } from '../guarded.ts'
import { type MaybePromise, whenReady } from '../message.ts'
import { realTimers, type Timers } from './circuit.ts'
import { KeyChanges } from './key-changes.ts'
import { isMemory } from './memory.ts'
import { withViews } from './resilient.ts'
import { TagMirror } from './tag-mirror.ts'
import { type Messenger, TierBus } from './tier-bus.ts'
import { TierReads } from './tier-reads.ts'
import { TierWrites } from './tier-writes.ts'
import { isMessenger, readTieredOptions, type TieredOptions, type TieredSettings } from './tiered-options.ts'
import { TieredCounts, type TieredStats, tieredStats } from './tiered-stats.ts'
import type { TieredShared } from './tiered-view.ts'
import { all, ownStats, settle, sourcesOf, type Tier, type TierSource, tiersWithin } from './tiers.ts'

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

type Atomic = 'increment' | 'setIfAbsent' | 'compareAndDelete' | 'setIfOwner'
const atomic: readonly Atomic[] = ['increment', 'setIfAbsent', 'compareAndDelete', 'setIfOwner']

class Tiered {
  readonly #sources: readonly TierSource[]
  readonly #settings: TieredSettings
  readonly #shared: TieredShared
  readonly #mirror: TagMirror | undefined
  readonly #bus: TierBus | undefined
  readonly #onAbsorbed = new Set<(operation: string, error: unknown) => void>()
  readonly #above: TierWrites
  #tiers: readonly Tier[]
  #closing: Promise<void> | undefined

  constructor(backends: readonly CacheBackend[], settings: TieredSettings, timers: Timers) {
    this.#sources = sourcesOf(backends, timers)
    this.#settings = settings
    this.#tiers = tiersWithin(this.#sources, deadlineMs)
    this.#bus = this.#createBus(timers)
    this.#mirror = this.#createMirror(timers)
    this.#shared = {
      settings,
      counts: new TieredCounts(),
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

  /** The lowest tier that has messages, with the deadline that holds then. */
  #messenger(): Messenger | undefined {
    const at = this.#tiers.findLastIndex(({ store }) => isMessenger(store))
    if (at < 0) return undefined
    const store = (): Messenger => (this.#tiers[at] as Tier).store as CacheBackend & Messenger
    return {
      publish: (channel, message) => store().publish(channel, message),
      subscribe: (channel, on, onLost) => store().subscribe(channel, on, onLost),
    }
  }

  #createBus(timers: Timers): TierBus | undefined {
    const messenger = this.#settings.bus ? this.#messenger() : undefined
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

  /** Each method that the tiers together can have. */
  #view(tiers: readonly Tier[], absorbs: boolean): TieredBackend {
    const reads = new TierReads(this.#shared, { tiers, absorbs })
    const writes = new TierWrites(this.#shared, { tiers, absorbs })
    const last = (tiers.at(-1) as Tier).store
    const view: Record<string, unknown> = {
      name: 'tiered',
      get: (key: string) => reads.get(key),
      set: (key: string, value: string, ttl: number) => writes.set(key, value, ttl),
      delete: (key: string) => writes.delete(key),
      has: (key: string) => reads.has(key),
      getMany: (keys: readonly string[]) => reads.getMany(keys),
      setMany: (list: Iterable<readonly [string, string]>, ttl: number) => writes.setMany(list, ttl),
      stats: () => this.#stats(tiers),
      health: () => this.#health(tiers),
      close: () => this.#close(),
    }
    if (last.deleteMany !== undefined) view.deleteMany = (keys: readonly string[]) => writes.deleteMany(keys)
    if (last.getWithTtl !== undefined) view.getWithTtl = (key: string) => reads.getWithTtl(key)
    if (tiers.every(({ store }) => store.clear !== undefined)) view.clear = () => writes.clear()
    return Object.assign(view, this.#whole(tiers), this.#ofLast(last, writes)) as unknown as TieredBackend
  }

  /** What concerns several tiers, one by one. */
  #whole(tiers: readonly Tier[]): Partial<CacheBackend> {
    const connecting = tiers.filter(({ store }) => store.connect !== undefined)
    const pruning = tiers.filter(({ store }) => store.prune !== undefined)
    const isLast = (tier: Tier | undefined): boolean => tier === tiers.at(-1)
    return {
      ...(connecting.length === 0
        ? {}
        : {
            connect: async () => {
              this.#bus?.start()
              await Promise.all(connecting.map(({ store }) => store.connect?.()))
            },
          }),
      ...(pruning.length === 0
        ? {}
        : {
            prune: () =>
              whenReady(all(pruning.map(({ store }) => store.prune?.() ?? 0)), (removed) =>
                isLast(pruning.at(-1)) ? Number(removed.at(-1)) : 0,
              ),
          }),
    }
  }

  /** What the last tier alone can say. */
  #ofLast(last: CacheBackend, writes: TierWrites): Partial<CacheBackend> {
    const view: Record<string, unknown> = {}
    const { keys, tags } = last
    if (keys !== undefined) view.keys = (pattern?: string) => last.keys?.(pattern)
    if (tags !== undefined) view.tags = this.#mirror ?? tags
    for (const name of atomic) {
      const method = last[name] as ((...args: readonly unknown[]) => MaybePromise<unknown>) | undefined
      if (method === undefined) continue
      view[name] = (key: string, ...rest: readonly unknown[]) =>
        writes.atLast(key, (store) => Reflect.apply(method, store, [key, ...rest]))
    }
    Object.assign(view, this.#messenger())
    return view as Partial<CacheBackend>
  }

  async #stats(tiers: readonly Tier[]): Promise<TieredStats> {
    const own = await Promise.all(tiers.map(ownStats))
    return tieredStats({
      counts: this.#shared.counts,
      tiers: tiers.map(({ counts }, index) => ({ counts, own: own[index] })),
    })
  }

  async #health(tiers: readonly Tier[]): Promise<BackendHealth> {
    const failed = (error: unknown): BackendHealth => ({
      status: 'unhealthy',
      connected: false,
      error: error instanceof Error ? error.message : String(error),
    })
    const each = await Promise.all(
      tiers.map(async (tier): Promise<BackendHealth> => {
        const ended = await settle(tier, async (store) => store.health?.() ?? store.get('#health'))
        if ('error' in ended) return failed(ended.error)
        const { value } = ended
        return value !== null && typeof value === 'object' ? value : { status: 'healthy', connected: true }
      }),
    )
    const last = each.at(-1) ?? failed('no tier')
    const worst = each.find(({ status }) => status !== 'healthy')
    if (worst === undefined) return last
    const some = each.some(({ status }) => status !== 'unhealthy')
    const about = worst.error === undefined ? {} : { error: worst.error }
    return { ...last, ...about, status: some ? 'degraded' : 'unhealthy' }
  }

  #close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#mirror?.close()
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
