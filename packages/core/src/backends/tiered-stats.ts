import type { BackendStats } from '../backend.ts'
import { RelayedStats, type WrapperCounts } from './relayed-stats.ts'
import { percent } from './store-stats.ts'

/**
 * What one tier did for the tiers together.
 *
 * @example
 * const [l1, l2]: readonly TierStats[] = (await backend.stats()).tiers
 * console.log(l1.hits, l2.hits, l2.errors)
 */
export interface TierStats {
  readonly backend: string
  /** Reads that it answered. */
  readonly hits: number
  /** Reads that it had nothing for, so that the next tier was asked. */
  readonly misses: number
  /** Values that it was given because a tier below had them. */
  readonly refills: number
  /** Calls that failed or were late, and that the other tiers made up for where they could. */
  readonly errors: number
  /** What the backend says of itself, as of the moment in which it was asked. */
  readonly own?: Record<string, unknown>
}

/**
 * Statistics of `tiered()`: `hits` of any tier, gauges of the last.
 *
 * @example
 * const { hitRate, tiers }: TieredStats = await backend.stats()
 */
export interface TieredStats extends BackendStats {
  readonly tiers: readonly TierStats[]
}

/** The counters of one tier. */
export class TierCounts {
  readonly backend: string
  hits = 0
  misses = 0
  refills = 0
  errors = 0

  constructor(backend: string) {
    this.backend = backend
  }

  reset(): void {
    this.hits = 0
    this.misses = 0
    this.refills = 0
    this.errors = 0
  }
}

export interface TieredStatsParts {
  /** Of the tiers together. */
  readonly counts: WrapperCounts
  readonly tiers: readonly { readonly counts: TierCounts; readonly own: BackendStats | undefined }[]
}

/** As of the moment in which it was asked for. */
class Snapshot extends RelayedStats implements TieredStats {
  readonly tiers: readonly TierStats[]
  readonly #parts: TieredStatsParts

  constructor(parts: TieredStatsParts) {
    super('tiered', parts.tiers.at(-1)?.own, parts.counts)
    this.#parts = parts
    this.errors = parts.tiers.reduce((sum, { counts }) => sum + counts.errors, 0)
    this.tiers = parts.tiers.map(({ counts, own }) => ({
      ...counts,
      ...(own === undefined ? {} : { own: own.toJSON() }),
    }))
  }

  override reset(): void {
    super.reset()
    this.#parts.counts.reset()
    for (const { counts, own } of this.#parts.tiers) {
      counts.reset()
      own?.reset()
    }
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), tiers: this.tiers }
  }

  override toString(): string {
    const shares = this.tiers.map(({ backend, hits }) => `${backend} ${hits}`).join(', ')
    return `${this.backend}: hit rate ${percent(this.hitRate)}, hits by tier: ${shares}`
  }
}

export const tieredStats = (parts: TieredStatsParts): TieredStats => new Snapshot(parts)
