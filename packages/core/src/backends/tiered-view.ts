import type { KeyChanges } from './key-changes.ts'
import type { WrapperCounts } from './relayed-stats.ts'
import type { TieredSettings } from './tiered-options.ts'
import type { Tier } from './tiers.ts'

/** What the views of one tiered backend have in common. */
export interface TieredShared {
  readonly settings: TieredSettings
  readonly counts: WrapperCounts
  readonly changes: KeyChanges
  /** Called before anything below the first tier is asked. */
  readonly begins: () => void
  /** Tells other processes that these have changed; undefined: everything. */
  readonly changed: (keys: readonly string[] | undefined) => void
  readonly absorbed: (operation: string, error: unknown) => void
}

export interface TieredView {
  readonly tiers: readonly Tier[]
  /** Whether a read that some tier failed to answer is a miss; else it rejects where no other tier has the value. */
  readonly absorbs: boolean
}

/** How long a tier above the last keeps what lives for `ttl` seconds. */
export const upperTtl = ({ settings }: TieredShared, ttl: number): number =>
  Math.min(ttl * settings.ratio, settings.maxTtlMs / 1000)
