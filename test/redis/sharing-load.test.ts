import { redis } from '@stowage/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRandom, pick } from '../../packages/core/test/random.ts'
import { scaled } from '../scale.ts'
import { pause, type RedisServer, startRedis } from '../servers/redis.ts'
import { startProxy } from '../servers/tcp-proxy.ts'
import { buildChild, send, startOrigin } from './processes.ts'
import { isHit, serveSite, startLoad, wrongAmong } from './site.ts'

const children = buildChild()
let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
}, 200_000)
afterAll(async () => {
  children.end()
  await server.end()
})

const paths = ['/a', '/b', '/c', '/d', '/e']

describe('several processes on one Redis', () => {
  test.each([2, 4])(
    '%s of them, some on connections that are reset and late, never answer with what was invalidated before; those that cannot hear of it, not for longer than 1 s',
    async (count) => {
      await server.command('FLUSHALL')
      const random = createRandom(count)
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.end())
      const { versions, url } = await startOrigin(random)
      const faulty = `redis://127.0.0.1:${proxy.port}`
      const minutes = [0, 5, -5, 0]
      const ports = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          children.start(index % 2 === 0 ? server.url : faulty, url, (minutes[index] ?? 0) * 60_000),
        ),
      )
      /** Of each item the versions whose invalidation has resolved, and when. */
      const settled = new Map<string, { version: number; at: number }[]>()
      const old: string[] = []
      let hits = 0
      const read = async (path: string): Promise<void> => {
        const at = Math.floor(random() * ports.length)
        // While a process cannot reach Redis, requests wait for a run of the handler that is under way, though another
        // process, of which it cannot hear, may have invalidated since that began.
        const before = performance.now() - (at % 2 === 0 ? 0 : 1000)
        const known = (settled.get(path) ?? []).filter((each) => each.at <= before)
        const least = Math.max(0, ...known.map(({ version }) => version))
        const { status, body, hit, cacheStatus } = await send(ports[at] ?? 0, 'GET', path)
        expect(status).toBe(200)
        if (hit) hits++
        if (Number(body) < least) old.push(`${path} ${body} < ${least} from process ${at}: ${cacheStatus}`)
      }
      const change = async (path: string): Promise<void> => {
        const version = (versions.get(path) ?? 0) + 1
        versions.set(path, version)
        const { status } = await send(pick(random, ports), 'POST', path)
        if (status === 204)
          settled.set(path, [...(settled.get(path) ?? []), { version, at: performance.now() }])
      }
      const worker = async (): Promise<void> => {
        for (let step = 0; step < scaled(250, 5000); step++)
          await (random() < 0.1 ? change : read)(pick(random, paths))
      }
      const trouble = setInterval(() => proxy.reset(), 150)
      await Promise.all(Array.from({ length: 12 }, worker))
      clearInterval(trouble)
      expect(old).toEqual([])
      expect(hits).toBeGreaterThan(300)
      expect(settled.size).toBe(paths.length)
    },
    scaled(60_000, 600_000),
  )

  test('find what another has stored, and an invalidation by one holds for all at once', async () => {
    await server.command('FLUSHALL')
    const { versions, url } = await startOrigin(() => 0)
    const ports = await Promise.all([0, 0, 0].map(() => children.start(server.url, url, 0)))
    const [one = 0, two = 0, three = 0] = ports
    await send(one, 'GET', '/a')
    await pause(100)
    for (const port of ports) expect(await send(port, 'GET', '/a')).toMatchObject({ body: '0', hit: true })
    versions.set('/a', 1)
    expect((await send(two, 'POST', '/a')).status).toBe(204)
    const [first] = await Promise.all([send(three, 'GET', '/a'), send(one, 'GET', '/a')])
    expect(first.body).toBe('1')
  })
})

describe('namespaces in one Redis', () => {
  test.each([
    ['a', 'ab'],
    ['a', 'a:b'],
    ['a*', 'a1'],
    ['[ab]', 'a'],
    ['a', 'a?'],
  ])('%j and %j touch nothing of each other, nor of anybody else', async (first, second) => {
    await server.command('FLUSHALL')
    await server.command('SET', 'foreign', 'stays')
    const [one, two] = [
      redis({ url: server.url, namespace: first }),
      redis({ url: server.url, namespace: second }),
    ]
    onTestFinished(async () => void (await Promise.all([one.close(), two.close()])))
    for (const key of ['key', 'b:key', '{}:key', ':key']) {
      await one.set(key, 'one', 60)
      await two.set(key, 'two', 60)
    }
    await one.tags.bump(['t'])
    expect(await two.tags.head()).toMatchObject({ seq: 0 })
    for await (const key of two.keys()) expect(await two.get(key)).toBe('two')
    expect(await one.clear()).toBe(4)
    for (const key of ['key', 'b:key', '{}:key', ':key']) expect(await two.get(key)).toBe('two')
    expect(await one.getMany(['key', 'b:key'])).toEqual(new Map())
    expect(await server.command('GET', 'foreign')).toBe('stays')
  })
})

describe('one tag on very many entries', () => {
  test('is invalidated in one short command, while others are answered', async () => {
    await server.command('FLUSHALL')
    const site = await serveSite(redis({ url: server.url }))
    onTestFinished(() => site.end())
    const count = scaled(20_000, 100_000)
    const value = 'x'.repeat(200)
    for (let at = 0; at < count; at += 1000)
      await site.backend.setMany?.(
        Array.from({ length: 1000 }, (_, index) => [`filler ${at + index}`, value] as const),
        600,
      )
    await site.ask('/items/1')
    await pause(100)
    await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', '20000')
    await server.command('SLOWLOG', 'RESET')
    const load = startLoad(site)
    await pause(500)
    const start = performance.now()
    await site.cache.invalidate({ all: true })
    const invalidatedMs = performance.now() - start
    await pause(300)
    const removed = await site.backend.clear?.()
    const { answers, stallMs } = await load.stop()
    expect(invalidatedMs).toBeLessThan(1000)
    expect(removed).toBeGreaterThanOrEqual(count)
    expect(wrongAmong(answers)).toEqual([])
    expect(answers.some(isHit)).toBe(true)
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(300 + 2 * stallMs)
    expect(await server.command('SLOWLOG', 'LEN')).toBe(0)
    const used = String(await server.command('INFO', 'commandstats'))
    expect(used).not.toMatch(/cmdstat_(?:keys|flushdb):/)
  })
})
