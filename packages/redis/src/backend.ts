import type { CacheBackend, TagState } from '@stowage/core'
import { atomicOperations } from './atomic.ts'
import { Channels } from './channels.ts'
import { healthOf } from './health.ts'
import type { Link } from './link.ts'
import { manyOperations } from './many.ts'
import { Operations } from './operations.ts'
import { singleOperations } from './single.ts'
import type { RedisCounters } from './stats.ts'
import { createTagState } from './tag-state.ts'
import { written } from './texts.ts'

/** What `redis()` is made of: every capability, and what fails rejects. */
export interface RawRedis extends Required<Omit<CacheBackend, 'stats'>> {
  stats(): RedisCounters
}

export interface BackendSettings {
  readonly namespace: string
  readonly maxTags: number
  /** How long a server that is well takes to say so, at most. */
  readonly healthMs: number
}

const tagsOf = (operations: Operations, maxTags: number): TagState => {
  const state = createTagState({
    key: operations.names.state,
    maxTags,
    connection: () => operations.connection(),
    suspect: () => operations.suspect(),
  })
  return {
    head: () => operations.run('tags.head', async () => state.head()),
    read: (tags, epoch) => operations.run('tags.read', async () => state.read(tags, epoch)),
    bump: (tags) => operations.run('tags.bump', async () => state.bump(tags)),
  }
}

/** Strings in Redis by one link; neither retried nor hurried, which is the part of `resilient()`. */
export const createRedisBackend = (link: Link, settings: BackendSettings): RawRedis => {
  const { namespace, maxTags, healthMs } = settings
  const operations = new Operations(link, namespace)
  const channels = new Channels(() => operations.subscriber())
  const { names } = operations
  let closing: Promise<void> | undefined
  const end = async (): Promise<void> => {
    channels.close()
    await operations.end()
  }
  return {
    name: 'redis',
    ...singleOperations(operations),
    ...manyOperations(operations),
    ...atomicOperations(operations),
    tags: tagsOf(operations, maxTags),
    connect: async () => {
      if (!operations.closed) await operations.run('connect', () => operations.connection().open())
    },
    // Redis drops what has expired by itself.
    prune: () => 0,
    publish: async (channel, message) => {
      const send = () => operations.send('PUBLISH', names.channel(channel), written(message))
      if (!operations.closed) await operations.run('publish', send)
    },
    subscribe: async (channel, on, onLost) =>
      operations.closed ? () => undefined : channels.subscribe(names.channel(channel), { on, onLost }),
    stats: () => operations.stats,
    health: () => healthOf(operations, healthMs),
    close: () => {
      closing ??= end()
      return closing
    },
  }
}
