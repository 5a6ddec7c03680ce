import { createHash, randomBytes } from 'node:crypto'
import { CacheBackendError, type TagState } from '@stowage/core'
import type { Connection } from './connection.ts'
import { failureOf } from './failure.ts'
import { run } from './script.ts'
import { tagScript } from './tag-script.ts'

/** Where the state lies, and what is done about replies that belong to other requests. */
export interface TagPlace {
  readonly key: string
  readonly maxTags: number
  connection(): Connection
  /** Replies have come under wrong requests: nothing from this connection can be trusted. */
  suspect(): void
}

/** A longer tag counts by its digest: clients choose parts of tags, and the state must stay small. */
const longestTag = 128

const memberOf = (tag: string): string =>
  Buffer.byteLength(tag) <= longestTag
    ? `:${tag}`
    : `#${createHash('sha256').update(tag).digest('base64url')}`

const processMark = randomBytes(6).toString('base64url')
let requests = 0

interface Answer {
  readonly epoch: string
  readonly counts: readonly number[]
}

const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 0

/** The answer to the request of this mark; undefined where it is that of another. */
const answerOf = (reply: unknown, mark: string): Answer | undefined => {
  if (!Array.isArray(reply) || reply[0] !== mark) return undefined
  const [, epoch, ...counts] = reply as unknown[]
  const numbers = counts.map(Number)
  return typeof epoch === 'string' && numbers.every(isCount) ? { epoch, counts: numbers } : undefined
}

/** Invalidation state in Redis: each question is one script, and thus one step. */
export const createTagState = (place: TagPlace): TagState => {
  const ask = async (operation: string, act: 'read' | 'bump', tags: readonly string[]): Promise<Answer> => {
    requests++
    const mark = `${processMark}${requests.toString(36)}`
    const epoch = randomBytes(12).toString('base64url')
    const args = [mark, epoch, place.maxTags, act, ...tags.map(memberOf)]
    let reply: unknown
    try {
      reply = await run(place.connection(), tagScript, [place.key], args)
    } catch (error) {
      throw failureOf(operation, error)
    }
    const answer = answerOf(reply, mark)
    if (answer !== undefined) return answer
    place.suspect()
    const cause = new Error('the reply belongs to another request')
    throw new CacheBackendError('CONNECTION_ERROR', { backend: 'redis', operation, cause })
  }

  return {
    head: async () => {
      const { epoch, counts } = await ask('tags.head', 'read', [])
      return { epoch, seq: counts[0] ?? 0 }
    },
    read: async (tags, epoch) => {
      if (tags.length === 0) return []
      const answer = await ask('tags.read', 'read', tags)
      // The state was lost since the epoch was asked for: all that was stamped in it counts as invalid.
      if (epoch !== undefined && epoch !== answer.epoch) return tags.map(() => Number.MAX_SAFE_INTEGER)
      return answer.counts.slice(1)
    },
    bump: async (tags) => (await ask('tags.bump', 'bump', tags)).counts[0] ?? 0,
  }
}
