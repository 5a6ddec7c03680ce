import { createHash } from 'node:crypto'
import type { TagState } from '@stowage/core'
import type { Head } from './calls.ts'
import type { Link } from './link.ts'

/** A longer name is kept as its digest, so that names cannot fill the file. */
const longestName = 100
const mostEpochs = 1000

const nameOf = (tag: string): string =>
  tag.length <= longestName ? tag : `sha256:${createHash('sha256').update(tag).digest('hex')}`

const sizeOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + name.length, 0)

/** The invalidation state in the database: shared by all processes, and as lasting as the entries. */
export const createTags = (link: Link): TagState => {
  let last: Head | undefined
  /** Epochs that are over, and do not come again. */
  const left = new Set<string>()
  const leave = (epoch: string): void => {
    if (left.size >= mostEpochs) left.clear()
    left.add(epoch)
  }

  /** Answers come in the order of the database: one that is behind is of an older copy that has taken its place. */
  const noted = async (head: Head): Promise<Head> => {
    const before = last
    const isBehind = before?.epoch === head.epoch && head.seq < before.seq
    const found =
      isBehind || left.has(head.epoch)
        ? await link.call('renew', 0, { epoch: head.epoch, seq: Math.max(head.seq, before?.seq ?? 0) + 1 })
        : head
    if (before !== undefined && before.epoch !== found.epoch) leave(before.epoch)
    last = found
    return found
  }

  return {
    head: async () => noted(await link.call('head', 0)),
    read: (tags, epoch) => {
      const names = tags.map(nameOf)
      return link.call('read', sizeOf(names), names, epoch)
    },
    bump: async (tags) => {
      const names = tags.map(nameOf)
      return (await noted(await link.call('bump', sizeOf(names), names))).seq
    },
  }
}
