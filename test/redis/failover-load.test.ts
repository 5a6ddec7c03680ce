import { type RedisOptions, redis } from '@stowage/redis'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually, pause, type RedisServer, startRedis, startSentinel } from '../servers/redis.ts'
import { startCluster } from '../servers/redis-cluster.ts'
import { buildChild, send, startOrigin } from './processes.ts'
import { isHit, serveSite, startLoad, untilShared, wrongAmong } from './site.ts'

const roleOf = async (server: RedisServer): Promise<string> => {
  const [role] = (await server.command('ROLE')) as readonly string[]
  return String(role)
}

const children = buildChild()
afterAll(() => children.end())

/** Two processes with memory in front of one Redis: they show the same within this time, and what the machine adds. */
const boundMs = 1000 + 300

interface Tiers {
  /** A change by one of them, from when it is taken: what it says at once, and the other in time. */
  follow(): Promise<void>
}

const startTiers = async (options: RedisOptions): Promise<Tiers> => {
  const { versions, url } = await startOrigin(() => 0)
  const [one, other] = await Promise.all([0, 0].map(() => children.start(options, url, 0, 'tiered')))
  const get = (port = 0) => send(port, 'GET', '/a')
  const tellOne = async (): Promise<boolean> => (await send(one ?? 0, 'POST', '/a')).status === 204
  return {
    follow: async () => {
      for (const port of [one, other]) expect(await get(port)).toMatchObject({ status: 200 })
      const version = (versions.get('/a') ?? 0) + 1
      versions.set('/a', version)
      await eventually(tellOne, 'the invalidation is taken', 5000)
      expect(await get(one)).toMatchObject({ status: 200, body: String(version) })
      await expect
        .poll(() => get(other), { timeout: boundMs, interval: 10 })
        .toMatchObject({ status: 200, body: String(version), hit: true })
    },
  }
}

describe('Sentinel', () => {
  test('promotes a replica: no request fails, entries are shared within 5 s of it, and memory in front of it follows in other processes', async () => {
    const [master, replica] = [await startRedis(), await startRedis()]
    await replica.command('REPLICAOF', '127.0.0.1', String(master.port))
    const sentinel = await startSentinel(master)
    await eventually(async () => {
      const replicas = await sentinel.command('SENTINEL', 'REPLICAS', 'mymaster')
      return JSON.stringify(replicas).includes('"ok"')
    }, 'the sentinel knows the replica')
    const options = { sentinel: { name: 'mymaster', nodes: [`127.0.0.1:${sentinel.port}`] } }
    const site = await serveSite(redis(options))
    const other = await serveSite(redis({ ...options, socketTimeout: '1001ms' }))
    onTestFinished(async () => {
      await Promise.all([site.end(), other.end()])
      await Promise.all([master, replica, sentinel].map((server) => server.end()))
    })
    await untilShared(site, other)
    const tiers = await startTiers({ ...options, namespace: 'tiers' })
    await tiers.follow()
    const { seq } = await site.cache.invalidate({ tags: ['item:1'] })
    expect(seq).toBe(1)
    const load = startLoad(site)
    await pause(300)
    master.signal('SIGKILL')
    await eventually(async () => (await roleOf(replica)) === 'master', 'the replica is promoted', 25_000)
    const recoveryMs = await untilShared(site, other)
    const { answers, stallMs } = await load.stop()
    expect(wrongAmong(answers)).toEqual([])
    expect(recoveryMs).toBeLessThan(5000 + 2 * stallMs)
    await tiers.follow()
  })
})

describe('a Cluster', () => {
  test('loses the master of the invalidation state: no request fails, entries are shared within 5 s of the promotion, and memory in front of it follows in other processes', async () => {
    const cluster = await startCluster()
    const site = await serveSite(redis({ cluster: [cluster.url] }))
    const other = await serveSite(redis({ cluster: [cluster.url], socketTimeout: '1001ms' }))
    onTestFinished(async () => {
      await Promise.all([site.end(), other.end()])
      await cluster.end()
    })
    await untilShared(site, other)
    const tiers = await startTiers({ cluster: [cluster.url] })
    await tiers.follow()
    // The master of the invalidation state: nothing can be read without it.
    const victim = await cluster.nodeOf('{stowage}:tags')
    const heir = cluster.replicas[cluster.masters.indexOf(victim)] as RedisServer
    const load = startLoad(site)
    await pause(300)
    victim.signal('SIGKILL')
    await eventually(async () => (await roleOf(heir)) === 'master', 'the replica is promoted', 25_000)
    const recoveryMs = await untilShared(site, other)
    const { answers, stallMs } = await load.stop()
    expect(wrongAmong(answers)).toEqual([])
    expect(recoveryMs).toBeLessThan(5000 + 2 * stallMs)
    expect(answers.filter(isHit).length).toBeGreaterThan(10)
    await tiers.follow()
  })

  test('spreads the entries of one namespace over its nodes', async () => {
    const cluster = await startCluster()
    const backend = redis({ cluster: [cluster.url] })
    onTestFinished(async () => {
      await backend.close()
      await cluster.end()
    })
    const keys = Array.from({ length: 60 }, (_, index) => `{same}key ${index}`)
    await backend.setMany(
      keys.map((key) => [key, key]),
      60,
    )
    const sizes = await Promise.all(cluster.masters.map((node) => node.command('DBSIZE')))
    expect(Math.min(...sizes.map(Number))).toBeGreaterThan(5)
    expect((await backend.getMany(keys)).size).toBe(60)
    expect(await backend.clear()).toBe(60)
  })
})
