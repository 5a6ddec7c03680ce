import type { SyncTagState, TagState } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import type { MaybePromise } from '../message.ts'
import { createTagTable, newEpoch } from '../tag-table.ts'
import { Comparisons } from './comparisons.ts'
import { Hearing } from './hearing.ts'
import { type CountedTags, type Head, KnownTags } from './known-tags.ts'
import { allInvalid, invalidCount, isCount, overlapMs } from './tag-lives.ts'
import type { Timers } from './timers.ts'

/** Invalidations that the store did not take, remembered one by one. */
const mostOwnTags = 10_000

export interface TagMirrorParts {
  readonly timers: Timers
  /** Called before the store is asked. */
  readonly begins: () => void
  /** Told of what was counted here, for the other processes. */
  readonly counted: (bump: CountedTags) => void
}

/**
 * The invalidation state of a store, kept in step in this process, so that a lookup need not ask for it. A tag is asked
 * for once; from then on the messages of the bus tell what becomes of it. Wherever messages may be missing, all that is
 * known of single tags is forgotten, and where there is no bus, the count is never older than a second.
 *
 * While the store is out of reach the last known state goes on. An invalidation that the store did not take then begins
 * a life of this process's own, under an epoch that nobody else has: everything older is a miss, and what is stored in
 * it is forgotten when the store has taken the invalidation after all.
 */
export class TagMirror implements TagState {
  readonly #parts: TagMirrorParts
  /** The store's own, with the deadline that holds now. */
  state: TagState
  /** Of the store's own; undefined before it has answered once. */
  #known: KnownTags | undefined
  #own: SyncTagState | undefined
  /** What head() answers while nothing is in doubt. */
  #present: Head = { epoch: newEpoch(), seq: 0 }
  #unsureUntil = Number.NEGATIVE_INFINITY
  /** Invalidations that the store did not take. */
  #refusals = 0
  readonly #hearing = new Hearing()
  readonly #comparisons: Comparisons

  constructor(state: TagState, parts: TagMirrorParts) {
    this.state = state
    this.#parts = parts
    this.#comparisons = new Comparisons({
      timers: parts.timers,
      isSound: () => this.#hearing.isSound,
      ask: () => this.#ask(),
    })
  }

  get #store(): Head | undefined {
    return this.#known?.head
  }

  head(): MaybePromise<Head> {
    const comparisons = this.#comparisons
    comparisons.isWanted = true
    if (comparisons.isSteady && (this.#hearing.isSound || !comparisons.isLate)) return this.#present
    return comparisons.isClosed ? this.#present : this.#renew()
  }

  read(tags: readonly string[], epoch?: string): MaybePromise<readonly number[]> {
    if (this.#comparisons.isClosed) return allInvalid(tags)
    if (this.#store === undefined && this.#own === undefined)
      return this.#comparisons.run().then(() => this.#read(tags, epoch))
    return this.#read(tags, epoch)
  }

  async bump(tags: readonly string[]): Promise<number> {
    if (this.#comparisons.isClosed) {
      const about = { backend: 'tiered', operation: 'tags.bump', cause: new Error('closed') }
      throw new CacheBackendError('BACKEND_ERROR', about)
    }
    this.#parts.begins()
    const before = this.#store
    let seq: number
    try {
      seq = await this.state.bump(tags)
      if (!isCount(seq)) throw new TypeError('the store answered without a count')
    } catch (error) {
      this.#refused(tags)
      throw error
    }
    this.#own?.bump(tags)
    await this.#count(seq, tags, before)
    const { epoch } = this.#store ?? {}
    if (epoch !== undefined) this.#parts.counted({ epoch, seq, tags })
    return seq
  }

  /** Another process has invalidated. */
  hear({ epoch, seq, tags }: CountedTags): void {
    if (this.#store === undefined) return
    if (epoch !== this.#store.epoch) {
      this.doubt()
      return
    }
    this.#advance(seq, tags)
    this.#hearing.heard(seq)
  }

  /** Whether messages of others arrive. */
  set hears(hears: boolean) {
    this.#hearing.begin(hears)
    this.doubt()
  }

  /** Messages may be missing: the store is asked before the next answer. */
  doubt(): void {
    this.#comparisons.doubt()
  }

  close(): void {
    this.#comparisons.close()
  }

  #renew(): MaybePromise<Head> {
    const comparisons = this.#comparisons
    comparisons.keepUp()
    const { isLate } = comparisons
    const inStep = comparisons.isSettled && (this.#hearing.isSound || !isLate)
    if (this.#own !== undefined || (inStep && this.#store !== undefined)) {
      comparisons.isSteady = inStep
      if (isLate) void comparisons.run()
      return this.#present
    }
    return comparisons.catchUp().then(() => this.#present)
  }

  /** Where the store does not answer, what was known goes on. */
  async #ask(): Promise<boolean> {
    const asked = { store: this.#store, refusals: this.#refusals }
    try {
      this.#parts.begins()
      this.#adopt(await this.state.head(), asked)
      return true
    } catch {
      // Nothing was ever known of this store.
      if (this.#store === undefined && this.#own === undefined) this.#beginOwn()
      return false
    }
  }

  #adopt(head: Head, asked: { readonly store: Head | undefined; readonly refusals: number }): void {
    const { epoch, seq } = head
    if (typeof epoch !== 'string' || epoch === '' || !isCount(seq))
      throw new TypeError('the store answered without a count')
    // What the store has not taken is made up for before the next answer.
    if (asked.refusals !== this.#refusals || this.#comparisons.isClosed) return
    const store = this.#store
    if (store === undefined || store.epoch !== epoch) {
      if (store !== undefined) this.#unsure()
      this.#known = new KnownTags({ epoch, seq })
    } else if (asked.store?.epoch === epoch && seq < asked.store.seq) {
      // A count that has gone back under its name says nothing about what was stamped above it.
      if (this.#own === undefined) this.#beginOwn()
      return
    } else if (seq > store.seq) {
      this.#advance(seq, undefined)
      this.#hearing.found(seq, asked.store === store)
    }
    this.#hearing.catchUp()
    if (this.#own !== undefined) this.#endOwn()
    else this.#present = this.#store ?? this.#present
  }

  #beginOwn(): void {
    this.#own = createTagTable({ maxTags: mostOwnTags })
    this.#present = this.#own.head()
    this.#unsure()
  }

  /** What was made up for was counted without a message. */
  #endOwn(): void {
    this.#own = undefined
    this.#unsure()
    this.#known?.forget()
    if (this.#store === undefined) return
    this.#present = this.#store
    this.#parts.counted({ ...this.#store, tags: undefined })
  }

  #refused(tags: readonly string[]): void {
    this.#refusals++
    if (this.#own === undefined) this.#beginOwn()
    else {
      this.#own.bump(tags)
      this.#present = this.#own.head()
    }
    this.#comparisons.keepUp()
    void this.#comparisons.run()
  }

  async #count(seq: number, tags: readonly string[], before: Head | undefined): Promise<void> {
    if (this.#own !== undefined) this.#present = this.#own.head()
    const isNext = before !== undefined && before.epoch === this.#store?.epoch && seq > before.seq
    if (isNext) {
      this.#advance(seq, tags)
      return
    }
    // The first count that this process sees, or one of another life: only the store can tell what it means.
    const doubt = this.#comparisons.doubt()
    await this.#comparisons.run()
    if (!this.#comparisons.isAnswered(doubt) && this.#own === undefined) this.#beginOwn()
  }

  #advance(seq: number, tags: readonly string[] | undefined): void {
    this.#known?.advance(seq, tags)
    if (this.#own === undefined) this.#present = this.#store ?? this.#present
  }

  #unsure(): void {
    this.#unsureUntil = this.#parts.timers.now() + overlapMs
  }

  #read(tags: readonly string[], epoch: string | undefined): MaybePromise<readonly number[]> {
    const present = this.#present
    // Whoever asks may hold the head of a life that is over, and its counts were higher.
    const isOther =
      epoch === undefined ? this.#parts.timers.now() < this.#unsureUntil : epoch !== present.epoch
    if (isOther) return allInvalid(tags)
    if (this.#own !== undefined) return this.#own.read(tags)
    const known = this.#known
    return known?.countsOf(tags) ?? this.#readStore(known, tags)
  }

  async #readStore(known: KnownTags | undefined, tags: readonly string[]): Promise<readonly number[]> {
    if (known === undefined) return allInvalid(tags)
    this.#parts.begins()
    const counts = await known.read(this.state, tags)
    // The state was lost since the epoch was asked for.
    if (counts.includes(invalidCount)) this.doubt()
    return counts
  }
}
