import { StoreStats } from '@stowage/core'
import type { DatabaseCounts } from './calls.ts'

/** Gauges as they were counted last. */
export interface Counted {
  present: DatabaseCounts
}

/**
 * Counters of this process, and gauges of the database that all processes share, as of the call of `stats()`.
 *
 * @example
 * const { totalEntries, activeEntries, expiredEntries, databaseSizeBytes } = await sqlite().stats()
 */
export class SqliteStats extends StoreStats {
  readonly #counted: Counted

  constructor(limits: { maxEntries: number; maxBytes: number }, counted: Counted) {
    super('sqlite', {
      entries: () => counted.present.total,
      bytes: () => (counted.present.pages - counted.present.freePages) * counted.present.pageSize,
      ...limits,
    })
    this.#counted = counted
  }

  /** Expired ones that are still there included. */
  get totalEntries(): number {
    return this.#counted.present.total
  }

  get activeEntries(): number {
    return this.totalEntries - this.expiredEntries
  }

  get expiredEntries(): number {
    return Math.min(this.#counted.present.expired, this.totalEntries)
  }

  /** Pages times their size: what the file of the database takes, without its write-ahead log. */
  get databaseSizeBytes(): number {
    return this.#counted.present.pages * this.#counted.present.pageSize
  }

  override toJSON(): Record<string, unknown> {
    const { totalEntries, activeEntries, expiredEntries, databaseSizeBytes } = this
    return { ...super.toJSON(), totalEntries, activeEntries, expiredEntries, databaseSizeBytes }
  }
}
