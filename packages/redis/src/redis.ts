import type { CacheBackend } from '@stowage/core'
import { createRedisBackend } from './backend.ts'
import { ownClientLink, sharedLink } from './link.ts'
import { type RedisOptions, readRedisOptions } from './options.ts'

/**
 * A backend in Redis 6.2 or later, or in Valkey.
 *
 * @example
 * const backend = redis({ url: 'rediss://user:password@redis.example.com:6380/0', namespace: 'shop' })
 */
export const redis = (options: RedisOptions = {}): CacheBackend => {
  const { client, target, namespace, maxTags } = readRedisOptions(options)
  const link = client === undefined ? sharedLink(target) : ownClientLink(client)
  return createRedisBackend(link, namespace, maxTags)
}
