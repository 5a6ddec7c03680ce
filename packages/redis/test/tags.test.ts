import type { TagState } from '@stowage/core'
import { redis } from '@stowage/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually, type RedisServer, startRedis } from '../../../test/servers/redis.ts'
import { startProxy } from '../../../test/servers/tcp-proxy.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
}, 200_000)
afterAll(() => server.end())

let namespaces = 0

/** An invalidation state of its own, and the key under which it lies. */
const fresh = ({ url = server.url, maxTags = 100_000 } = {}): { tags: TagState; key: string } => {
  const namespace = `tags ${++namespaces}`
  const backend = redis({ url, namespace, maxTags })
  onTestFinished(async () => backend.close())
  return { tags: backend.tags as TagState, key: `{${namespace}}:tags` }
}

const numbered = (count: number, of = 't:tag'): string[] =>
  Array.from({ length: count }, (_, index) => `${of} ${index}`)

describe('the invalidation state in Redis', () => {
  test('is one key, whatever is invalidated', async () => {
    const { tags, key } = fresh()
    const before = Number(await server.command('DBSIZE'))
    for (const tag of numbered(50)) await tags.bump([tag])
    expect(Number(await server.command('DBSIZE')) - before).toBe(1)
    expect(await server.command('TYPE', key)).toBe('zset')
    expect(await server.command('TTL', key)).toBe(-1)
  })

  test('forgets the oldest tags beyond its limit; what is forgotten or unknown reads as the newest count forgotten', async () => {
    const { tags, key } = fresh({ maxTags: 10 })
    for (const tag of numbered(25)) await tags.bump([tag])
    expect(Number(await server.command('ZCARD', key))).toBe(13)
    const counts = await tags.read([...numbered(25), 't:never'])
    expect(counts.slice(15, 25)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25])
    expect(counts.slice(0, 15)).toEqual(Array.from({ length: 15 }, () => 15))
    expect(counts[25]).toBe(15)
  })

  test('a tag invalidated again counts as new', async () => {
    const { tags } = fresh({ maxTags: 3 })
    for (const tag of ['t:a', 't:b', 't:c', 't:a', 't:d']) await tags.bump([tag])
    expect(await tags.read(['t:a', 't:b', 't:c', 't:d'])).toEqual([4, 2, 3, 5])
  })

  test('more tags in one invalidation than are remembered all read as invalidated by it', async () => {
    const { tags } = fresh({ maxTags: 2 })
    const seq = await tags.bump(numbered(9))
    expect(await tags.read(numbered(9))).toEqual(Array.from({ length: 9 }, () => seq))
    expect((await tags.head()).seq).toBe(seq)
  })

  test('a limit that was lowered is reached step by step, never with a count too low', async () => {
    const { tags, key } = fresh()
    const all = numbered(3000)
    await tags.bump(all)
    const [, namespace = ''] = /^\{(.*)\}/.exec(key) ?? []
    const lower = redis({ url: server.url, namespace, maxTags: 5 })
    onTestFinished(async () => lower.close())
    for (const tag of numbered(6, 't:more')) {
      await lower.tags?.bump([tag])
      const counts = (await tags.read(all)) as readonly number[]
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1)
    }
    expect(Number(await server.command('ZCARD', key))).toBeLessThanOrEqual(8)
  })

  test('long tags take little room and are told apart', async () => {
    const { tags, key } = fresh()
    const long = ['a', 'b', 'é'].map((end) => `t:${'x'.repeat(5000)}${end}`)
    for (const tag of long) await tags.bump([tag])
    expect(await tags.read(long)).toEqual([1, 2, 3])
    expect(Number(await server.command('MEMORY', 'USAGE', key))).toBeLessThan(2000)
  })

  test.each([
    ['is deleted or evicted', (key: string) => server.command('DEL', key)],
    ['is flushed with everything else', () => server.command('FLUSHALL')],
  ])('begins a new epoch at 0 when it %s', async (_what, lose) => {
    const { tags, key } = fresh()
    await tags.bump(['t:a'])
    const before = await tags.head()
    await lose(key)
    const after = await tags.head()
    expect(after.seq).toBe(0)
    expect(after.epoch).not.toBe(before.epoch)
    expect(await tags.read(['t:a'], before.epoch)).toEqual([Number.MAX_SAFE_INTEGER])
    expect(await tags.bump(['t:b'])).toBe(1)
    expect((await tags.head()).epoch).toBe(after.epoch)
  })

  test('many processes that find it missing agree on one epoch', async () => {
    const { key } = fresh()
    const [, namespace = ''] = /^\{(.*)\}/.exec(key) ?? []
    const backends = Array.from({ length: 5 }, (_, index) =>
      redis({ url: server.url, namespace, socketTimeout: 1 + index / 100 }),
    )
    onTestFinished(async () => void (await Promise.all(backends.map((backend) => backend.close()))))
    const heads = await Promise.all(backends.map((backend) => backend.tags?.head()))
    expect(new Set(heads.map((head) => head?.epoch)).size).toBe(1)
  })

  test('a command for 100,000 tags remembered takes no longer than for few', async () => {
    const { tags, key } = fresh()
    for (let at = 0; at < 100; at++) await tags.bump(numbered(1000, `t:${at}`))
    await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', '20000')
    await server.command('SLOWLOG', 'RESET')
    for (let at = 0; at < 20; at++) {
      await tags.bump([`t:new ${at}`])
      await tags.read(numbered(100, `t:${at}`))
      await tags.head()
    }
    expect(Number(await server.command('ZCARD', key))).toBe(100_003)
    expect(await server.command('SLOWLOG', 'LEN')).toBe(0)
    expect(Number(await server.command('MEMORY', 'USAGE', key, 'SAMPLES', '100'))).toBeLessThan(20e6)
  })
})

describe('a server that comes back with older data', () => {
  test('after a restart from a snapshot, begins a new epoch', async () => {
    const own = await startRedis()
    const backend = redis({ url: own.url })
    onTestFinished(async () => void (await Promise.all([backend.close(), own.end()])))
    const tags = backend.tags as TagState
    await tags.bump(['t:a'])
    const before = await tags.head()
    await own.command('SAVE')
    await tags.bump(['t:a'])
    const again = await own.restart()
    onTestFinished(() => again.end())
    expect(Number(await again.command('ZCARD', '{stowage}:tags'))).toBe(4)
    await eventually(async () => (await tags.head()).epoch !== before.epoch, 'a new epoch')
    expect(await tags.head()).toMatchObject({ seq: 0 })
  })

  test('a replica that takes the place of its master begins a new epoch', async () => {
    const [master, replica] = [await startRedis(), await startRedis()]
    await replica.command('REPLICAOF', '127.0.0.1', String(master.port))
    const [first, second] = [redis({ url: master.url }), redis({ url: replica.url })]
    onTestFinished(async () => {
      await Promise.all([first.close(), second.close(), master.end(), replica.end()])
    })
    await first.tags?.bump(['t:a'])
    const before = await first.tags?.head()
    await eventually(async () => (await replica.command('EXISTS', '{stowage}:tags')) === 1, 'replication')
    // While the connection is being made, that is what is missing.
    const refusal = async (): Promise<unknown> => {
      try {
        return await second.tags?.head()
      } catch (error) {
        return (error as { code?: unknown }).code
      }
    }
    await eventually(async () => (await refusal()) === 'BACKEND_ERROR', 'a replica refuses to count')
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await eventually(async () => (await second.tags?.head()) !== undefined, 'the promoted replica answers')
    expect((await second.tags?.head())?.epoch).not.toBe(before?.epoch)
  })
})

describe('replies that come under the wrong request', () => {
  test('are refused, and the connection is given up for one that can be trusted', async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.end())
    const { tags } = fresh({ url: `redis://127.0.0.1:${proxy.port}` })
    await tags.bump(['t:a'])
    const { seq } = await tags.head()
    // One reply is lost: every later request gets that of the request before it.
    let lost = false
    proxy.onReply = (chunk) => {
      if (lost) return chunk
      lost = true
      return undefined
    }
    const asked = [tags.head()]
    await eventually(() => lost, 'a reply is lost')
    asked.push(tags.head(), tags.head())
    await Promise.resolve(tags.bump(['t:a'])).catch(() => undefined)
    // Asked again over another connection within its deadline, or failed; never answered with what belongs to another.
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'fulfilled') expect(outcome.value.seq).toBeGreaterThanOrEqual(seq)
    }
    await eventually(async () => (await tags.head()).seq > seq, 'a new connection')
    expect(proxy.connections).toBeGreaterThan(1)
  })
})
