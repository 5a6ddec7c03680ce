import { createHash } from 'node:crypto'
import type { TagState } from '@stowage/core'
import type { Link } from './link.ts'

/** A longer name is kept as its digest, so that names cannot fill the file. */
const longestName = 100

const nameOf = (tag: string): string =>
  tag.length <= longestName ? tag : `sha256:${createHash('sha256').update(tag).digest('hex')}`

const sizeOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + name.length, 0)

/** The invalidation state in the database: shared by all processes, and as lasting as the entries. */
export const createTags = (link: Link): TagState => ({
  head: () => link.call('head', 0),
  read: (tags) => {
    const names = tags.map(nameOf)
    return link.call('read', sizeOf(names), names)
  },
  bump: (tags) => {
    const names = tags.map(nameOf)
    return link.call('bump', sizeOf(names), names)
  },
})
