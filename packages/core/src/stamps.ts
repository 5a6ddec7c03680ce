import type { CacheBackend, TagState } from './backend.ts'
import { randomBytes } from './builtin.ts'
import type { StoredResponse } from './entry.ts'
import { isPromise, type MaybePromise, whenReady } from './message.ts'
import { createTagTable } from './tag-table.ts'

/** The invalidation count and epoch at one moment. A fill is stamped with those of its start. */
export interface Stamp {
  readonly epoch: string
  readonly seq: number
  /** Names the process whose count it is, where every process counts for itself. */
  readonly run: string
}

/** What an entry carries of the moment at which its fill began. */
export type Stamped = Pick<StoredResponse, 'tags' | 'stamp' | 'epoch' | 'run'>

/** Whether an entry was invalidated after its fill began, and how. */
export type Validity = 'valid' | 'stale' | 'removed'

/** The invalidation clock as a store keeps it. */
interface StoreStamps {
  /** Read no later than the entry, and before the handler runs. */
  now(): MaybePromise<Stamp>
  check(stored: Stamped, now: Stamp): MaybePromise<Validity>
  /** The count that the invalidation took. */
  invalidate(tags: readonly string[], mode: 'stale' | 'remove'): MaybePromise<number>
  /** Makes an epoch durable that a failing store did not take yet; nothing may be stored before. */
  settle(): MaybePromise<void>
}

/** The invalidation clock: no wall clock, O(1) in the number of entries, safe against fills in flight. */
export interface Stamps extends StoreStamps {
  /** What this process has invalidated by itself, for as long as the store cannot say more. Nothing is stored under it. */
  here(): Stamp
  /** Whether a response was invalidated by this process since then. */
  checkHere(stored: StoredResponse, since: Stamp): MaybePromise<Validity>
}

/** A soft invalidation is one of a tag's twin, so that the count alone tells both kinds apart. */
const softTag = (tag: string): string => `~${tag}`

/** The counts of `tags` tags and then of their twins. */
const verdict = (counts: readonly number[], tags: number, stamp: number): Validity => {
  if (counts.length !== 2 * tags) throw new TypeError(`${counts.length} counts for ${2 * tags} tags`)
  let soft = false
  for (const [index, count] of counts.entries()) {
    if (count <= stamp) continue
    if (index < tags) return 'removed'
    soft = true
  }
  return soft ? 'stale' : 'valid'
}

const checkTags = (state: TagState, prefix: string, stored: Stamped): MaybePromise<Validity> => {
  const tags = stored.tags.map((tag) => prefix + tag)
  return whenReady(state.read([...tags, ...tags.map(softTag)], stored.epoch), (counts) =>
    verdict(counts, tags.length, stored.stamp),
  )
}

/** A store that answers with something else has counted nothing. */
const countOf = (seq: unknown): number => {
  if (typeof seq === 'number' && Number.isSafeInteger(seq)) return seq
  throw new TypeError('the store answered without a count')
}

const epochOf = (epoch: unknown): string => {
  if (typeof epoch === 'string' && epoch !== '') return epoch
  throw new TypeError('the store answered without an epoch')
}

const bump = (
  state: TagState,
  prefix: string,
  tags: readonly string[],
  mode: 'stale' | 'remove',
): MaybePromise<number> =>
  whenReady(state.bump(tags.map((tag) => (mode === 'stale' ? softTag(prefix + tag) : prefix + tag))), countOf)

/** Stamps in a store that counts itself: exact for everybody who shares the store. */
const storeStamps = (state: TagState, prefix: string): StoreStamps => ({
  now: () =>
    whenReady(state.head(), (head) => ({ epoch: epochOf(head.epoch), seq: countOf(head.seq), run: '' })),
  check: (stored, now) => {
    if (stored.epoch !== now.epoch || stored.run !== '') return 'removed'
    // Nothing at all was invalidated since the fill began.
    return stored.stamp === now.seq ? 'valid' : checkTags(state, prefix, stored)
  },
  invalidate: (tags, mode) => bump(state, prefix, tags, mode),
  settle: () => undefined,
})

const longest = Number.POSITIVE_INFINITY
const createEpoch = (): string => randomBytes(9).toString('base64url')
/** A store may answer with the value of another key. */
const isEpoch = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{12}$/.test(value)

/**
 * Stamps for a store that has nothing atomic: this process counts, and only the epoch lies in the store. Every
 * invalidation writes a new one, so that entries of other runs, whose stamps mean nothing here, end with it.
 */
class LocalStamps implements StoreStamps {
  readonly #backend: CacheBackend
  readonly #key: string
  readonly #prefix: string
  readonly #run = createEpoch()
  readonly #state = createTagTable()
  #epoch: string | undefined
  #unwritten = false

  constructor(backend: CacheBackend, prefix: string, key: string) {
    this.#backend = backend
    this.#prefix = prefix
    this.#key = key
  }

  now(): MaybePromise<Stamp> {
    // Asked anew until there is an answer: one that never comes must not be waited for by all.
    return whenReady(this.#epoch ?? this.#readEpoch(), (epoch) => ({
      epoch,
      seq: this.#state.head().seq,
      run: this.#run,
    }))
  }

  check(stored: Stamped, now: Stamp): MaybePromise<Validity> {
    if (stored.run === this.#run)
      return stored.stamp === now.seq ? 'valid' : checkTags(this.#state, this.#prefix, stored)
    return stored.epoch === now.epoch ? 'valid' : 'removed'
  }

  invalidate(tags: readonly string[], mode: 'stale' | 'remove'): MaybePromise<number> {
    const seq = bump(this.#state, this.#prefix, tags, mode)
    this.#epoch = createEpoch()
    this.#unwritten = true
    return whenReady(this.settle(), () => seq)
  }

  settle(): MaybePromise<void> {
    if (!this.#unwritten || this.#epoch === undefined) return undefined
    const epoch = this.#epoch
    return whenReady(this.#backend.set(this.#key, epoch, longest), () => {
      this.#unwritten = this.#epoch !== epoch
      // An older epoch that arrives late has taken the place of the newer one, which goes there again at once.
      if (this.#unwritten) this.#rewrite()
    })
  }

  #rewrite(): void {
    try {
      const done = this.settle()
      // Where this fails, the next store of an entry tries again.
      if (isPromise(done)) done.catch(() => undefined)
    } catch {}
  }

  #readEpoch(): MaybePromise<string> {
    const adopt = (found: unknown): string => {
      // An invalidation that came while the store was asked has written a newer one.
      if (this.#epoch !== undefined) return this.#epoch
      this.#unwritten = !isEpoch(found)
      this.#epoch = isEpoch(found) ? found : createEpoch()
      return this.#epoch
    }
    const failed = (): string => adopt(undefined)
    try {
      const found = this.#backend.get(this.#key)
      return isPromise(found) ? found.then(adopt, failed) : adopt(found)
    } catch {
      return failed()
    }
  }
}

const mostOwnTags = 10_000
/** No store's epoch and no run is called so. */
const ofProcess = { epoch: '', run: 'here' } as const

/** The clock of a store, and a count beside it that needs no store: of the invalidations of this process. */
const withOwnCount = (stamps: StoreStamps, prefix: string): Stamps => {
  const table = createTagTable({ maxTags: mostOwnTags })
  let here: Stamp = { ...ofProcess, seq: 0 }
  return {
    now: () => stamps.now(),
    check: (stored, now) => stamps.check(stored, now),
    settle: () => stamps.settle(),
    here: () => here,
    checkHere: (stored, since) =>
      since.seq === here.seq ? 'valid' : checkTags(table, prefix, { ...stored, stamp: since.seq }),
    invalidate: (tags, mode) => {
      bump(table, prefix, tags, mode)
      here = { ...ofProcess, seq: table.head().seq }
      return stamps.invalidate(tags, mode)
    },
  }
}

/** The invalidation clock of one namespace on one backend. */
export const createStamps = (backend: CacheBackend, namespace: string): Stamps => {
  const prefix = `${namespace.length}:${namespace} `
  const stamps =
    backend.tags !== undefined
      ? storeStamps(backend.tags, prefix)
      : new LocalStamps(backend, prefix, `${prefix}#epoch`)
  return withOwnCount(stamps, prefix)
}
