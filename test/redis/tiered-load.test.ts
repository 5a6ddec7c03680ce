import { memory, tiered } from '@stowage/core'
import { redis } from '@stowage/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRandom, pick } from '../../packages/core/test/random.ts'
import { scaled } from '../scale.ts'
import { pause, type RedisServer, startRedis } from '../servers/redis.ts'
import { startProxy } from '../servers/tcp-proxy.ts'
import { buildChild, send, startOrigin } from './processes.ts'
import { isHit, serveSite, startLoad, untilShared, wrongAmong } from './site.ts'

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
/** What others may not know yet; and what the machine, which may be busy, adds to it. */
const boundMs = 1000 + 300

interface Settled {
  readonly version: number
  readonly at: number
  /** The process that was told of it. */
  readonly by: number
}

describe('several processes with memory in front of one Redis', () => {
  test.each([
    [2, false],
    [4, false],
    [4, true],
  ])(
    '%s of them never answer with what they have invalidated themselves, nor for longer than 1 s with what another has; connections reset: %s',
    async (count, reset) => {
      await server.command('FLUSHALL')
      const random = createRandom(count)
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.end())
      const { versions, url } = await startOrigin(random)
      const ports = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          children.start(
            index % 2 === 0 ? server.url : `redis://127.0.0.1:${proxy.port}`,
            url,
            [0, 5, -5, 0][index % 4] ?? 0,
            'tiered',
          ),
        ),
      )
      const settled = new Map<string, Settled[]>()
      const old: string[] = []
      let hits = 0
      const read = async (path: string): Promise<void> => {
        const at = Math.floor(random() * ports.length)
        const now = performance.now()
        const known = (settled.get(path) ?? []).filter((each) => each.by === at || each.at <= now - boundMs)
        const least = Math.max(0, ...known.map(({ version }) => version))
        const { status, body, hit, cacheStatus } = await send(ports[at] ?? 0, 'GET', path)
        expect(status).toBe(200)
        if (hit) hits++
        if (Number(body) < least) old.push(`${path} ${body} < ${least} from process ${at}: ${cacheStatus}`)
      }
      const change = async (path: string): Promise<void> => {
        const version = (versions.get(path) ?? 0) + 1
        versions.set(path, version)
        const by = Math.floor(random() * ports.length)
        const { status } = await send(ports[by] ?? 0, 'POST', path)
        if (status === 204)
          settled.set(path, [...(settled.get(path) ?? []), { version, at: performance.now(), by }])
      }
      const worker = async (): Promise<void> => {
        for (let step = 0; step < scaled(300, 5000); step++) {
          await (random() < 0.03 ? change : read)(pick(random, paths))
          await pause(random() * 10)
        }
      }
      const trouble = setInterval(() => reset && proxy.reset(), 300)
      await Promise.all(Array.from({ length: 8 }, worker))
      clearInterval(trouble)
      expect(old).toEqual([])
      expect(hits).toBeGreaterThan(500)
      expect(settled.size).toBe(paths.length)
    },
    scaled(60_000, 600_000),
  )

  test('an invalidation by one is known by all within 1 s, and what one has made anew is found by all', async () => {
    await server.command('FLUSHALL')
    const { versions, url } = await startOrigin(() => 0)
    const ports = await Promise.all([0, 0, 0].map(() => children.start(server.url, url, 0, 'tiered')))
    const [one = 0, two = 0, three = 0] = ports
    await send(one, 'GET', '/a')
    const answersOf = async (port: number, version: number): Promise<void> =>
      expect
        .poll(() => send(port, 'GET', '/a'), { timeout: boundMs, interval: 10 })
        .toMatchObject({ body: String(version), hit: true })
    for (const port of ports) await answersOf(port, 0)
    for (let version = 1; version <= 5; version++) {
      versions.set('/a', version)
      expect((await send(two, 'POST', '/a')).status).toBe(204)
      expect(await send(two, 'GET', '/a')).toMatchObject({ body: String(version), hit: false })
      for (const port of [one, three]) await answersOf(port, version)
    }
  })
})

describe('memory in front of a Redis that is killed, and comes back', () => {
  test('no request fails, hits go on at once, and its entries are shared again', async () => {
    let own = await startRedis()
    onTestFinished(async () => own.end())
    const open = (socketTimeout: '1s' | '1001ms') =>
      serveSite(tiered(memory(), redis({ url: own.url, socketTimeout })))
    const [site, other] = await Promise.all([open('1s'), open('1001ms')])
    onTestFinished(async () => void (await Promise.all([site.end(), other.end()])))
    await untilShared(site, other)
    await site.ask('/items/1')
    const load = startLoad(site)
    await pause(300)
    own.signal('SIGKILL')
    await pause(1500)
    // What the breaker has found out costs nothing any more.
    expect(isHit(await site.ask('/items/1'))).toBe(true)
    await expect(site.cache.invalidate({ tags: ['item:1'] })).rejects.toMatchObject({
      name: 'CacheBackendError',
    })
    expect(isHit(await site.ask('/items/1'))).toBe(false)
    expect(isHit(await site.ask('/items/1'))).toBe(true)
    own = await own.restart()
    const recoveryMs = await untilShared(site, other)
    const { answers, stallMs } = await load.stop()
    expect(wrongAmong(answers)).toEqual([])
    expect(recoveryMs).toBeLessThan(2500 + 2 * stallMs)
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(450 + 2 * stallMs)
    expect(site.errors.size).toBeGreaterThan(0)
  })

  test('a Redis that is stopped holds up no hit in the first tier', async () => {
    const own = await startRedis()
    const backend = tiered(memory(), redis({ url: own.url }))
    onTestFinished(async () => {
      await backend.close()
      await own.end()
    })
    await backend.connect?.()
    await backend.tags?.head()
    // With the first message that could come, what is above is dropped once.
    await pause(200)
    await backend.set('key', 'value', 60)
    await backend.tags?.head()
    own.signal('SIGSTOP')
    for (let i = 0; i < 50; i++) {
      expect(backend.tags?.head()).not.toBeInstanceOf(Promise)
      expect(backend.get('key')).toBe('value')
      await pause(30)
    }
    own.signal('SIGCONT')
  })
})
