import type { SyncTagState, TagState } from '../backend.ts'
import type { MaybePromise } from '../message.ts'
import { createTagTable } from '../tag-table.ts'
import type { Guard } from './guard.ts'

/** Invalidations that the store has not taken; above this, everything counts as invalidated. */
const mostKept = 10_000
/** Tags of one call when they are made up for: a store may have a limit of its own. */
const tagsOfOneCall = 500
/**
 * Counts of an outage begin above those that a store reaches: asked about an entry of the store, its state can only
 * say that the entry is invalid.
 */
const outageCounts = 2 ** 52
/** How long after an outage somebody may still hold an entry made in it without saying of which epoch it is. */
const rememberedMs = 60_000

interface Floor {
  readonly epoch: string
  readonly seq: number
}

export interface OutageParts {
  readonly state: TagState
  readonly guard: Guard
  /** Whether responses may be kept while the store is out of reach. */
  readonly local: boolean
  readonly deadlineMs: number
  readonly now: () => number
}

/** Invalidation state across outages: a state of its own during each, and what the store has to make up for after it. */
export class Outage {
  readonly #parts: OutageParts
  /** Of the present outage, or of the last one. */
  #table: SyncTagState | undefined
  #ended = Number.NEGATIVE_INFINITY
  #kept = new Set<string>()
  #overflown = false
  #floor: Floor | undefined
  #making: Promise<void> | undefined

  constructor(parts: OutageParts) {
    this.#parts = parts
  }

  begin(): void {
    const { local } = this.#parts
    const from = { seq: outageCounts, floor: outageCounts, counts: [] }
    this.#table = local ? createTagTable({ from }) : undefined
  }

  end(): void {
    this.#ended = this.#parts.now()
  }

  /** The state while the store is out of reach; undefined where nothing may be kept then. */
  get table(): SyncTagState | undefined {
    return this.#parts.guard.isInReach ? undefined : this.#table
  }

  /** Whether the store has to be told of invalidations before it may be read. */
  get owes(): boolean {
    return this.#kept.size > 0 || this.#overflown || this.#making !== undefined
  }

  /** An invalidation that the store has not taken, as far as is known. */
  keep(tags: readonly string[]): void {
    for (const tag of tags) {
      if (this.#kept.size >= mostKept && !this.#kept.has(tag)) this.#overflown = true
      else this.#kept.add(tag)
    }
  }

  /** Tells the store of every invalidation that it has not taken. */
  makeUp(): Promise<void> {
    this.#making ??= this.#makeUp().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  /** The state whose epoch this is, where it is that of the present outage or of the last. */
  tableOf(epoch: string | undefined): SyncTagState | undefined {
    return epoch !== undefined && this.#table?.head().epoch === epoch ? this.#table : undefined
  }

  /** What the store says, with what it cannot know. */
  corrected(
    tags: readonly string[],
    counts: readonly number[],
    epoch: string | undefined,
  ): readonly number[] {
    const floor = this.#floor
    const floored =
      floor === undefined || (epoch !== undefined && epoch !== floor.epoch)
        ? counts
        : counts.map((count) => Math.max(count, floor.seq))
    const remembered = epoch === undefined && this.#parts.now() - this.#ended < rememberedMs
    if (!remembered || this.#table === undefined) return floored
    const seen = this.#table.read(tags)
    return floored.map((count, index) => ((seen[index] ?? 0) > outageCounts ? (seen[index] ?? 0) : count))
  }

  async #makeUp(): Promise<void> {
    while (this.#kept.size > 0 || this.#overflown) {
      const batch = [...this.#kept].slice(0, tagsOfOneCall)
      for (const tag of batch) this.#kept.delete(tag)
      const last = this.#kept.size === 0
      const overflown = last && this.#overflown
      if (overflown) this.#overflown = false
      try {
        const seq = await this.#ask('tags.bump', () => this.#parts.state.bump(batch))
        if (overflown) {
          const { epoch } = await this.#ask('tags.head', () => this.#parts.state.head())
          this.#floor = { epoch, seq }
        }
      } catch (error) {
        this.keep(batch)
        if (overflown) this.#overflown = true
        throw error
      }
    }
  }

  #ask<T>(operation: string, run: () => MaybePromise<T>): MaybePromise<T> {
    const { guard, deadlineMs } = this.#parts
    return guard.call({ operation, run, deadlineMs, repeatable: true, always: true })
  }
}
