import type { BackendStats } from '../backend.ts'

/** For one-line texts: 0.125 is `12.5 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/**
 * Where the gauges of a `StoreStats` are read.
 *
 * @example
 * const gauges: StoreGauges = { entries: () => map.size, bytes: () => 0, maxEntries: 1000, maxBytes: Number.POSITIVE_INFINITY }
 */
export interface StoreGauges {
  readonly entries: () => number
  readonly bytes: () => number
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * The counters themselves, not a copy: what is read later is as of then. `toJSON()` keeps a moment. For backends of
 * your own.
 *
 * @example
 * const stats = new StoreStats('mine', gauges)
 * stats.hits++
 * console.log(stats.hitRate)   // 1
 */
export class StoreStats implements BackendStats {
  readonly backend: string
  hits = 0
  misses = 0
  sets = 0
  deletes = 0
  evictions = 0
  expired = 0
  errors = 0
  readonly #gauges: StoreGauges

  constructor(backend: string, gauges: StoreGauges) {
    this.backend = backend
    this.#gauges = gauges
  }

  get entries(): number {
    return this.#gauges.entries()
  }

  get bytes(): number {
    return this.#gauges.bytes()
  }

  get maxEntries(): number {
    return this.#gauges.maxEntries
  }

  get maxBytes(): number {
    return this.#gauges.maxBytes
  }

  get hitRate(): number {
    const asked = this.hits + this.misses
    return asked === 0 ? 0 : this.hits / asked
  }

  get utilization(): number {
    return this.bytes / this.maxBytes
  }

  get entryUtilization(): number {
    return this.entries / this.maxEntries
  }

  reset(): void {
    this.hits = 0
    this.misses = 0
    this.sets = 0
    this.deletes = 0
    this.evictions = 0
    this.expired = 0
    this.errors = 0
  }

  toJSON(): Record<string, unknown> {
    const { backend, hits, misses, sets, deletes, evictions, expired, errors } = this
    const { entries, bytes, maxEntries, maxBytes, hitRate, utilization, entryUtilization } = this
    return {
      ...{ backend, hits, misses, sets, deletes, evictions, expired, errors },
      ...{ entries, bytes, maxEntries, maxBytes, hitRate, utilization, entryUtilization },
    }
  }

  toString(): string {
    const bytes = Number.isFinite(this.maxBytes)
      ? `${this.bytes} bytes of ${this.maxBytes}`
      : `${this.bytes} bytes`
    return `${this.backend}: ${this.entries} entries, ${bytes}, hit rate ${percent(this.hitRate)}`
  }
}
