import { randomBytes } from 'node:crypto'
import type { Handlers, Head } from '../calls.ts'
import type { Connection } from './driver.ts'
import type { Names } from './schema.ts'

interface State {
  readonly epoch: string
  readonly seq: number
  readonly floor: number
}

/** Forgotten at once, so that not every invalidation forgets: one in a hundred. */
const forgottenOneIn = 100

/** Forgets the tags invalidated longest ago: so many, and a share of `maxTags` beyond. */
const forgetter = (connection: Connection, { state, tags }: Names, maxTags: number) => {
  const nth = connection.prepare(`SELECT seq FROM ${tags} ORDER BY seq LIMIT 1 OFFSET ?`)
  const forget = connection.prepare(`DELETE FROM ${tags} WHERE seq <= ?`)
  const raise = connection.prepare(`UPDATE ${state} SET floor = ?, tags = tags - ? WHERE id = 1`)
  return (surplus: number): void => {
    const last = nth.get(surplus - 1 + Math.floor(maxTags / forgottenOneIn)) as { seq: number } | undefined
    if (last === undefined) return
    raise.run(last.seq, Number(forget.run(last.seq).changes))
  }
}

/** Advances the count, and notes it for each tag. */
const bumper = (connection: Connection, names: Names, maxTags: number) => {
  const { state, tags } = names
  const advance = connection.prepare(`UPDATE ${state} SET seq = seq + 1 WHERE id = 1 RETURNING epoch, seq`)
  const change = connection.prepare(`UPDATE ${tags} SET seq = ? WHERE tag = ?`)
  const insert = connection.prepare(`INSERT INTO ${tags} (tag, seq) VALUES (?, ?)`)
  const count = connection.prepare(`UPDATE ${state} SET tags = tags + ? WHERE id = 1 RETURNING tags`)
  const forgetOldest = forgetter(connection, names, maxTags)
  return (bumped: readonly string[]): Head => {
    const advanced = advance.get() as Head
    const { seq } = advanced
    let added = 0
    for (const tag of new Set(bumped)) {
      if (Number(change.run(seq, tag).changes) > 0) continue
      insert.run(tag, seq)
      added++
    }
    if (added === 0) return advanced
    const surplus = (count.get(added) as { tags: number }).tags - maxTags
    if (surplus > 0) forgetOldest(surplus)
    return advanced
  }
}

/**
 * The invalidation state; each function within a transaction. Beyond `maxTags` the tags invalidated longest ago are
 * forgotten: they, and all that was never invalidated, then read as invalidated at the newest count forgotten.
 */
export const createTagState = (
  connection: Connection,
  names: Names,
  maxTags: number,
): Handlers<'head' | 'read' | 'bump' | 'renew'> => {
  const { state, tags } = names
  const find = connection.prepare(`SELECT seq FROM ${tags} WHERE tag = ?`)
  const stored = connection.prepare(`SELECT epoch, seq, floor FROM ${state} WHERE id = 1`)
  const again = connection.prepare(
    `UPDATE ${state} SET epoch = ?, seq = ? WHERE id = 1 AND epoch = ? AND seq < ?`,
  )
  const present = (): State => stored.get() as State
  const head = (): Head => {
    const { epoch, seq } = present()
    return { epoch, seq }
  }
  return {
    head,
    read: (asked, compared) => {
      const { epoch, floor } = present()
      if (compared !== undefined && compared !== epoch) return asked.map(() => Number.MAX_SAFE_INTEGER)
      return asked.map((tag) => (find.get(tag) as { seq: number } | undefined)?.seq ?? floor)
    },
    bump: bumper(connection, names, maxTags),
    renew: (known) => {
      again.run(randomBytes(12).toString('base64url'), known.seq + 1, known.epoch, known.seq)
      return head()
    },
  }
}
