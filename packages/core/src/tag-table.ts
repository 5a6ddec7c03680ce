import type { SyncTagState } from './backend.ts'
import { randomBytes } from './builtin.ts'
import { OldestFirst } from './oldest-first.ts'

const standardMaxTags = 100_000

/** The name of a count's life. */
export const newEpoch = (): string => randomBytes(12).toString('base64url')

export interface TagTableOptions {
  /** Tags remembered one by one; at least 1. Default 100,000. */
  maxTags?: number
  /** The name of this counter's life. Default: 16 random characters. */
  epoch?: string
  /** Where an earlier table left off. Default: at 0, with nothing counted. */
  from?: TagCounts
}

/** All that a table knows, the tags in the order in which they were last invalidated. */
export interface TagCounts {
  readonly seq: number
  /** What a tag that is not among `counts` reads as. */
  readonly floor: number
  readonly counts: Iterable<readonly [tag: string, seq: number]>
}

/** A tag state that can be written down. */
export interface TagTable extends SyncTagState {
  /** As of now, and as long as nothing changes. */
  counts(): TagCounts
}

/**
 * Invalidation state in the memory of this process. Beyond `maxTags` the tags invalidated longest ago are forgotten:
 * they, and all that was never invalidated, then read as invalidated at the newest count forgotten, which can make a
 * valid entry count as invalid but never the other way round.
 *
 * @example
 * const state = createTagTable()
 * state.bump(['t:news'])            // 1
 * state.read(['t:news', 't:blog'])  // [1, 0]
 */
export const createTagTable = (options: TagTableOptions = {}): TagTable => {
  const { maxTags = standardMaxTags, from } = options
  const counts = new Map<string, number>(from?.counts)
  const oldestFirst = new OldestFirst(counts)
  let head = { epoch: options.epoch ?? newEpoch(), seq: from?.seq ?? 0 }
  let floor = from?.floor ?? 0

  const forgetOldest = (): void => {
    const oldest = oldestFirst.next()
    if (oldest === undefined) return
    const [tag, seq] = oldest
    counts.delete(tag)
    floor = seq
  }

  return {
    head: () => head,
    read: (tags) => tags.map((tag) => counts.get(tag) ?? floor),
    bump: (tags) => {
      const seq = head.seq + 1
      head = { epoch: head.epoch, seq }
      for (const tag of tags) {
        counts.delete(tag)
        counts.set(tag, seq)
        oldestFirst.noteChange()
      }
      while (counts.size > 1 && !(counts.size <= maxTags)) forgetOldest()
      return seq
    },
    counts: () => ({ seq: head.seq, floor, counts }),
  }
}
