import { backendConformance } from '@stowage/core/testing'
import { type RedisClient, type RedisOptions, redis } from '@stowage/redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { certificate, eventually, type RedisServer, startRedis } from '../../../test/servers/redis.ts'
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

test('keys and values that UTF-8 does not have are kept apart, listed and removed', async () => {
  const backend = redis({ url: server.url, namespace: 'halves', fallback: false })
  onTestFinished(() => backend.close())
  const keys = ['a\ud800', 'a\ud801', 'a\udc00', 'a\ufffd', 'a\uffff', 'a', '{a}\n*', 'a😀']
  for (const key of keys) await backend.set(key, `of ${key}`, 60)
  for (const key of keys) expect(await backend.get(key)).toBe(`of ${key}`)
  expect(await backend.getMany(keys)).toEqual(new Map(keys.map((key) => [key, `of ${key}`])))
  const found: string[] = []
  for await (const key of backend.keys('a?')) found.push(key)
  expect(found.sort()).toEqual(keys.filter((key) => /^a.$/u.test(key)).sort())
  expect(await backend.setIfAbsent('a\udfff', 'mine \ud800', 60)).toBe(true)
  expect(await backend.compareAndDelete('a\udfff', 'mine \ud801')).toBe(false)
  expect(await backend.compareAndDelete('a\udfff', 'mine \ud800')).toBe(true)
  expect([await backend.increment('n\ud800'), await backend.increment('n\ud801')]).toEqual([1, 1])
  expect(await backend.clear()).toBe(keys.length + 2)
})

test('listeners in a Cluster are told when the node that they hear is lost, for messages may have been', async () => {
  const [own, yours] = [redis({ cluster: [cluster.url] }), redis({ client: clients[2] as RedisClient })]
  onTestFinished(async () => void (await Promise.all([own.close(), yours.close()])))
  const heard: string[] = []
  for (const backend of [own, yours])
    await backend.subscribe(
      'news',
      (message) => heard.push(message),
      () => heard.push('lost'),
    )
  await own.publish('news', 'first')
  await eventually(() => heard.length === 2, 'the first message')
  for (const node of [...cluster.masters, ...cluster.replicas])
    await node.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await eventually(() => heard.length === 4, 'both are told')
  await own.publish('news', 'second')
  await eventually(() => heard.length === 6, 'the second message')
  expect(heard).toEqual(['first', 'first', 'lost', 'lost', 'second', 'second'])
})

test('no connection keeps the process alive, nor does an attempt to connect', async () => {
  const holding = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'Timeout').length
  const before = holding()
  const away = redis({ url: 'redis://127.0.0.1:1' })
  const there = [redis({ url: server.url, maxConnections: 2 }), redis({ cluster: [cluster.url] })]
  onTestFinished(async () => void (await Promise.all([...there, away].map((each) => each.close()))))
  for (const backend of there) {
    await backend.connect()
    await Promise.all([backend.set('key', 'value', 60), backend.subscribe('news', () => undefined)])
    await backend.get('key')
  }
  await away.get('key')
  await expect.poll(holding, { timeout: 5000 }).toBeLessThanOrEqual(before)
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
