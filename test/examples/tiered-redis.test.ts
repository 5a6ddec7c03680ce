import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { requireBuild, root, type Serving, serveScript, visit } from './children.ts'

const folder = join(root, 'examples/tiered-redis')
const headers = { host: 'shop.example' }
const path = '/items/1'

/** By the name of a service: its program and arguments, its image, and the port that it has on the host. */
const composed = (text: string) => {
  const services = text.split(/^ {2}(?=\w+:$)/m).slice(1)
  return new Map(
    services.map((service) => {
      const said = (name: string): string => new RegExp(`^ {4}${name}: (.*)$`, 'm').exec(service)?.[1] ?? ''
      const [program, ...args] = said('command').split(' ')
      const facts = { program, args: args.map((arg) => (arg === "''" ? '' : arg)) }
      return [/^\w+/.exec(service)?.[0], { ...facts, image: said('image'), ports: said('ports') }]
    }),
  )
}
const services = composed(readFileSync(join(folder, 'compose.yaml'), 'utf8'))

describe('the example of memory in front of Redis', () => {
  let redis: RedisServer
  let servers: readonly Serving[] = []

  beforeAll(async () => {
    requireBuild()
    redis = await startRedis({ args: services.get('redis')?.args ?? [] })
    const start = () => serveScript('server.js', folder, { REDIS_URL: redis.url })
    servers = await Promise.all([start(), start()])
  }, 60_000)
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await redis?.end()
  })

  test('its compose file starts Redis as this test does, or Valkey, where the example looks for it', async () => {
    expect([...services.keys()]).toEqual(['redis', 'valkey'])
    const { redis: one, valkey: other } = Object.fromEntries(services)
    expect([one?.program, other?.program]).toEqual(['redis-server', 'valkey-server'])
    expect([one?.image, other?.image]).toEqual(['redis:7-alpine', 'valkey/valkey:8-alpine'])
    expect(one?.args).toContain('256mb')
    expect(other?.args).toEqual(one?.args)
    expect(other?.ports).toBe(one?.ports)
    expect(one?.ports).toBe('["127.0.0.1:6379:6379"]')
    expect(readFileSync(join(folder, 'server.js'), 'utf8')).toContain("'redis://localhost:6379'")
    expect(await redis.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', String(256 * 1024 ** 2)])
  })

  test('two processes share an item, and see a change by either', async () => {
    const [one = 0, two = 0] = servers.map(({ port }) => port)
    await expect.poll(() => servers[0]?.stdout()).toContain(`http://localhost:${one}`)
    const first = await visit(one, path, { headers })
    expect(first.cacheStatus).toContain('fwd=uri-miss')
    await expect.poll(() => redis.command('KEYS', 'tiered-example*p8:/items/1*')).toHaveLength(1)
    const shared = await visit(two, path, { headers })
    expect(shared.cacheStatus).toMatch(/^stowage; hit; ttl=\d+$/)
    expect(shared.body).toBe(first.body)
    expect((await visit(two, path, { method: 'DELETE', headers })).status).toBe(204)
    expect((await visit(two, path, { headers })).body).not.toBe(first.body)
    // The second within which another process hears of it, and what a busy machine adds.
    await expect
      .poll(async () => (await visit(one, path, { headers })).body, { timeout: 1300 })
      .not.toBe(first.body)
  })

  test('they go on without Redis', async () => {
    const [one = 0] = servers.map(({ port }) => port)
    await visit(one, path, { headers })
    redis.signal('SIGKILL')
    for (let i = 0; i < 5; i++) expect((await visit(one, path, { headers })).cacheStatus).toContain('; hit')
    expect((await visit(one, '/items/2', { headers })).status).toBe(200)
  })

  test('each ends by itself on SIGTERM', async () => {
    expect(await servers[1]?.stop()).toBe(0)
  })
})
