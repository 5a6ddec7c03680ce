import type { CacheBackend, TagState } from './backend.ts'
import type { StoredResponse } from './entry.ts'
import { LocalStamps } from './local-stamps.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { bump, checkTags, countOf, epochOf, type Stamp, type StoreStamps, type Validity } from './stamp.ts'
import { createTagTable } from './tag-table.ts'

/** The invalidation clock: no wall clock, O(1) in the number of entries, safe against fills in flight. */
export interface Stamps extends StoreStamps {
  /** What this process has invalidated by itself, for as long as the store cannot say more. Nothing is stored under it. */
  here(): Stamp
  /** Whether a response was invalidated by this process since then. */
  checkHere(stored: StoredResponse, since: Stamp): MaybePromise<Validity>
}

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
