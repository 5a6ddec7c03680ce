import { CacheConfigError } from '@stowage/core'
import { type RedisOptions, redis } from '@stowage/redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { describe, expect, test } from 'vitest'

const refusal = (options: unknown): CacheConfigError => {
  try {
    redis(options as RedisOptions)
  } catch (error) {
    if (error instanceof CacheConfigError) return error
    throw error
  }
  throw new Error('the options were accepted')
}

describe('redis: options that cannot work', () => {
  test.each<[unknown, string, string, string]>([
    [{ url: 'http://localhost' }, 'TYPE', 'redis.url', 'url must be a url such as redis://'],
    [{ url: 'redis://localhost/users' }, 'TYPE', 'redis.url', 'url must be a url such as redis://'],
    [{ url: 'localhost:6379' }, 'TYPE', 'redis.url', 'url must be'],
    [{ url: 6379 }, 'TYPE', 'redis.url', 'url must be'],
    [{ client: {} }, 'TYPE', 'redis.client', 'client must be a Redis or Cluster of ioredis'],
    [{ client: 'redis://localhost' }, 'TYPE', 'redis.client', 'Give a url to have one made'],
    [{ url: 'redis://a', cluster: ['redis://b'] }, 'TYPE', 'redis.url', 'cluster and url are both given'],
    [{ cluster: [] }, 'TYPE', 'redis.cluster', 'cluster must be a list of urls'],
    [{ sentinel: { nodes: ['a:1'] } }, 'TYPE', 'redis.sentinel.name', 'must be the name of a master'],
    [{ sentinel: { name: 'm', nodes: [] } }, 'TYPE', 'redis.sentinel.nodes', 'must be a list of urls'],
    [{ tls: { ca: 'x' } }, 'TYPE', 'redis.tls', 'no url begins with rediss://'],
    [{ namespace: 'a{b}' }, 'RANGE', 'redis.namespace', 'must have no braces'],
    [{ namespace: '' }, 'RANGE', 'redis.namespace', 'namespace must be a string that is not empty'],
    [{ maxConnections: 0 }, 'RANGE', 'redis.maxConnections', 'a whole number from 1 to 100'],
    [{ maxTags: 1.5 }, 'RANGE', 'redis.maxTags', 'received 1.5'],
    [{ deadline: '250' }, 'DURATION', 'redis.deadline', 'deadline "250" is not a duration'],
    [{ deadline: '2m' }, 'RANGE', 'redis.deadline', 'at most 60 seconds'],
    [{ socketTimeout: Infinity }, 'RANGE', 'redis.socketTimeout', 'received Infinity'],
    [{ retryAttempts: 0 }, 'RANGE', 'redis.retryAttempts', 'received 0'],
    [{ circuitBreakerThreshold: -1 }, 'RANGE', 'redis.circuitBreakerThreshold', 'received -1'],
    [{ fallback: 'memory' }, 'TYPE', 'redis.fallback', 'a backend that has clear as well'],
    [{ logger: {} }, 'TYPE', 'redis.logger', 'such as console'],
    [{ urll: 'redis://a' }, 'UNKNOWN_OPTION', 'redis.urll', 'Did you mean "url"?'],
    [null, 'TYPE', 'redis', 'options must be an object'],
  ])('%j', (options, code, path, message) => {
    const error = refusal(options)
    expect(error.code).toBe(`CACHE_CONFIG_${code}`)
    expect(error.path).toBe(path)
    expect(error.message).toContain(message)
    expect(error.problems).toHaveLength(1)
  })

  test('are all named at once, and passwords are not shown', () => {
    const error = refusal({ url: 'redis://:hunter2@', maxTags: 0, deadline: 'soon' })
    expect(error.problems.map(({ path }) => path).sort()).toEqual([
      'redis.deadline',
      'redis.maxTags',
      'redis.url',
    ])
    expect(error.message + JSON.stringify(error.problems)).not.toContain('hunter2')
  })
})

test('clients of ioredis 5 and 6 are accepted by their types and by their methods', async () => {
  const lazy = { lazyConnect: true }
  const clients = [new Redis(lazy), new Redis5(lazy), new Cluster([], lazy), new Cluster5([], lazy)]
  for (const client of clients) {
    await redis({ client }).close()
    client.disconnect()
  }
  expect(clients.map(({ status }) => status)).not.toContain('ready')
})
