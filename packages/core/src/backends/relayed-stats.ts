import type { BackendStats } from '../backend.ts'
import { StoreStats } from './store-stats.ts'

type Counted = Pick<WrapperCounts, 'hits' | 'misses' | 'sets' | 'deletes'>

/** What a wrapper counts itself. */
export class WrapperCounts {
  hits = 0
  misses = 0
  sets = 0
  deletes = 0

  reset(): void {
    this.hits = 0
    this.misses = 0
    this.sets = 0
    this.deletes = 0
  }
}

/**
 * A wrapper's statistics as of one moment: gauges, evictions and expiries are those that the store behind it gave,
 * the other counters the wrapper's own, its errors still to be filled in. A store without statistics, or out of reach, has gauges of -1.
 */
export class RelayedStats extends StoreStats {
  readonly #store: BackendStats | undefined

  constructor(backend: string, store: BackendStats | undefined, counts: Counted) {
    super(backend, {
      entries: () => store?.entries ?? -1,
      bytes: () => store?.bytes ?? -1,
      maxEntries: store?.maxEntries ?? Number.POSITIVE_INFINITY,
      maxBytes: store?.maxBytes ?? Number.POSITIVE_INFINITY,
    })
    this.#store = store
    this.hits = counts.hits
    this.misses = counts.misses
    this.sets = counts.sets
    this.deletes = counts.deletes
    this.evictions = store?.evictions ?? 0
    this.expired = store?.expired ?? 0
  }

  override get utilization(): number {
    return this.#store?.utilization ?? 0
  }

  override get entryUtilization(): number {
    return this.#store?.entryUtilization ?? 0
  }
}
