import { createHash } from 'node:crypto'
import type { TagState } from '@stowage/core'
import type { Head } from './calls.ts'
import type { Link } from './link.ts'

/** A longer name is kept as its digest, so that names cannot fill the file. */
const longestName = 100

const nameOf = (tag: string): string =>
  tag.length <= longestName ? tag : `sha256:${createHash('sha256').update(tag).digest('hex')}`

const sizeOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + name.length, 0)

/** The invalidation state in the database: shared by all processes, and as lasting as the entries. */
export const createTags = (link: Link): TagState => {
  let last: Head | undefined

  /** Answers come in the order of the database: one that is behind is of an older copy that has taken its place. */
  const noted = async (head: Head): Promise<Head> => {
    const isBehind = last !== undefined && last.epoch === head.epoch && head.seq < last.seq
    last = isBehind && last !== undefined ? await link.call('renew', 0, last) : head
    return last
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
