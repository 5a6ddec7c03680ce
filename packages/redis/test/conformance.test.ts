import { backendConformance } from '@stowage/core/testing'
import { type RedisClient, type RedisOptions, redis } from '@stowage/redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificate, type RedisServer, startRedis } from '../../../test/servers/redis.ts'
import { type RedisCluster, startCluster } from '../../../test/servers/redis-cluster.ts'

let server: RedisServer
let cluster: RedisCluster
const clients: RedisClient[] = []

beforeAll(async () => {
  server = await startRedis({ password: 'secret', tls: true })
  cluster = await startCluster()
  clients.push(
    new Redis(server.url),
    new Redis5(server.url, { keyPrefix: 'app*:' }),
    new Cluster([cluster.url]),
    new Cluster5([cluster.url]),
  )
}, 200_000)

afterAll(async () => {
  for (const client of clients) client.disconnect()
  await Promise.all([server.end(), cluster.end()])
})

let namespaces = 0

/** The suite's cases wait a good deal, each in a namespace of its own: all at once. */
const conformance = (options: () => RedisOptions): void =>
  backendConformance(() => ({ backend: redis({ ...options(), namespace: `run ${++namespaces}` }) }), {
    test: test.concurrent,
  })

describe('redis() with a url', () => {
  conformance(() => ({ url: server.url }))
})

describe('redis() over several connections with TLS, a password and a database', () => {
  conformance(() => ({
    url: `rediss://default:secret@localhost:${server.tlsPort}/3`,
    tls: { ca: certificate },
    maxConnections: 3,
  }))
})

describe('redis() in a Cluster', () => {
  conformance(() => ({ cluster: [cluster.url] }))
})

const theirs = [
  'Redis of ioredis 6',
  'Redis of ioredis 5 with a key prefix',
  'Cluster of ioredis 6',
  'Cluster of ioredis 5',
]

describe.each(theirs)('redis() with a client of yours: %s', (name) => {
  conformance(() => ({ client: clients[theirs.indexOf(name)] as RedisClient }))
})

test('a client of yours is left open', async () => {
  const client = new Redis(server.url)
  clients.push(client)
  const backend = redis({ client })
  await backend.set('key', 'value', 60)
  await backend.close()
  expect(client.status).toBe('ready')
  expect(await client.ping()).toBe('PONG')
})
