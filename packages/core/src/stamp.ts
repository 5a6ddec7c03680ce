import type { TagState } from './backend.ts'
import type { StoredResponse } from './entry.ts'
import { type MaybePromise, whenReady } from './message.ts'

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
export interface StoreStamps {
  /** Read no later than the entry, and before the handler runs. */
  now(): MaybePromise<Stamp>
  check(stored: Stamped, now: Stamp): MaybePromise<Validity>
  /** The count that the invalidation took. */
  invalidate(tags: readonly string[], mode: 'stale' | 'remove'): MaybePromise<number>
  /** Makes an epoch durable that a failing store did not take yet; nothing may be stored before. */
  settle(): MaybePromise<void>
}

/** A soft invalidation is one of a tag's twin, so that the count alone tells both kinds apart. */
const softTag = (tag: string): string => `~${tag}`

/** The counts of `tags` tags and then of their twins. */
const validityOf = (counts: readonly number[], tags: number, stamp: number): Validity => {
  if (counts.length !== 2 * tags) throw new TypeError(`${counts.length} counts for ${2 * tags} tags`)
  let soft = false
  for (const [index, count] of counts.entries()) {
    if (count <= stamp) continue
    if (index < tags) return 'removed'
    soft = true
  }
  return soft ? 'stale' : 'valid'
}

export const checkTags = (state: TagState, prefix: string, stored: Stamped): MaybePromise<Validity> => {
  const tags = stored.tags.map((tag) => prefix + tag)
  return whenReady(state.read([...tags, ...tags.map(softTag)], stored.epoch), (counts) =>
    validityOf(counts, tags.length, stored.stamp),
  )
}

/** A store that answers with something else has counted nothing. */
export const countOf = (seq: unknown): number => {
  if (typeof seq === 'number' && Number.isSafeInteger(seq)) return seq
  throw new TypeError('the store answered without a count')
}

export const epochOf = (epoch: unknown): string => {
  if (typeof epoch === 'string' && epoch !== '') return epoch
  throw new TypeError('the store answered without an epoch')
}

export const bump = (
  state: TagState,
  prefix: string,
  tags: readonly string[],
  mode: 'stale' | 'remove',
): MaybePromise<number> =>
  whenReady(state.bump(tags.map((tag) => (mode === 'stale' ? softTag(prefix + tag) : prefix + tag))), countOf)
