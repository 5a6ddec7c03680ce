import type { BackendStats } from '../backend.ts'
import { StoreStats } from './store-stats.ts'

/**
 * A wrapper's statistics as of one moment: gauges, evictions and expiries are those that the store behind it gave,
 * the other counters the wrapper's to fill in. A store without statistics, or out of reach, has gauges of -1.
 */
export class RelayedStats extends StoreStats {
  readonly #store: BackendStats | undefined

  constructor(backend: string, store: BackendStats | undefined) {
    super(backend, {
      entries: () => store?.entries ?? -1,
      bytes: () => store?.bytes ?? -1,
      maxEntries: store?.maxEntries ?? Number.POSITIVE_INFINITY,
      maxBytes: store?.maxBytes ?? Number.POSITIVE_INFINITY,
    })
    this.#store = store
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

/** For one-line texts: 0.125 is `12.5 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
