import type { MemoryStats } from '../backend.ts'
import { type StoreGauges, StoreStats } from './store-stats.ts'

/** Counters of a store in memory, and how many of its entries have expired and are still there. */
export class CountedMemory extends StoreStats implements MemoryStats {
  readonly #countExpired: () => number

  constructor(gauges: StoreGauges, countExpired: () => number) {
    super('memory', gauges)
    this.#countExpired = countExpired
  }

  get activeEntries(): number {
    return this.entries - this.#countExpired()
  }

  get expiredEntries(): number {
    return this.#countExpired()
  }
}
