import { type RedisBackend, type RedisOptions, redis } from '@stowage/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../test/servers/ports.ts'
import { eventually, type RedisServer, startRedis, startSentinel } from '../../../test/servers/redis.ts'
import { startProxy } from '../../../test/servers/tcp-proxy.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ password: 'secret' })
}, 200_000)
afterAll(() => server.end())

const make = (options: RedisOptions): RedisBackend => {
  const backend = redis(options)
  onTestFinished(() => backend.close())
  return backend
}

const clients = async (): Promise<number> =>
  String(await server.command('CLIENT', 'LIST')).split('name=stowage ').length - 1

describe('connections', () => {
  test('are opened when they are first needed, and once', async () => {
    const backend = make({ url: server.url })
    expect(await clients()).toBe(0)
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => backend.set(`key ${index}`, 'value', 60)),
    )
    expect(await clients()).toBe(1)
    expect(await backend.get('key 99')).toBe('value')
  })

  test('are shared by backends that say the same, and closed with the last of them', async () => {
    const [one, two] = [
      make({ url: server.url, namespace: 'one' }),
      make({ url: server.url, namespace: 'two' }),
    ]
    const other = make({ url: server.url, maxConnections: 2 })
    await Promise.all([one.connect(), two.connect()])
    expect(await clients()).toBe(1)
    for (let n = 0; n < 4; n++) await other.set(`key ${n}`, 'value', 60)
    expect(await clients()).toBe(3)
    await other.close()
    await one.close()
    await one.close()
    await eventually(async () => (await clients()) === 1, 'the connection of the second stays')
    await two.set('key', 'value', 60)
    expect(await two.get('key')).toBe('value')
    await two.disconnect()
    await eventually(async () => (await clients()) === 0, 'the last connection is closed')
    const again = make({ url: server.url })
    await again.set('key', 'value', 60)
    expect(await again.get('key')).toBe('value')
  })

  test('send the commands of one turn in one packet', async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.end())
    const backend = make({ url: `redis://:secret@127.0.0.1:${proxy.port}` })
    await backend.connect()
    await backend.tags.head()
    const before = proxy.requests
    await Promise.all([backend.tags.head(), backend.get('key'), backend.getMany(['a', 'b', 'c'])])
    expect(proxy.requests - before).toBe(1)
  })

  test('close only when what was begun has ended', async () => {
    const backend = redis({ url: server.url, namespace: 'closing' })
    await backend.connect()
    const writes = Array.from({ length: 50 }, async (_, index) =>
      backend.set(`key ${index}`, 'x'.repeat(50_000), 60),
    )
    await backend.close()
    await Promise.all(writes)
    expect(await make({ url: server.url, namespace: 'closing' }).clear()).toBe(50)
  })

  test('come about when a Sentinel answers at last', async () => {
    const [master, port] = [await startRedis(), await freePort()]
    onTestFinished(() => master.end())
    const backend = make({ sentinel: { name: 'mymaster', nodes: [`127.0.0.1:${port}`] }, retryAttempts: 1 })
    const attempt = backend.connect().catch(() => undefined)
    await eventually(
      async () => (await backend.stats()).connectionErrors > 0,
      'the Sentinel is asked in vain',
    )
    await attempt
    const sentinel = await startSentinel(master, port)
    onTestFinished(() => sentinel.end())
    await eventually(async () => (await backend.health()).status === 'healthy', 'the backend is well')
  })

  test('keep no listeners of what is over', async () => {
    const client = new Redis(server.url, { lazyConnect: true })
    onTestFinished(() => client.disconnect())
    const counted = () => ['ready', 'error', 'close', 'end'].map((event) => client.listenerCount(event))
    const before = counted()
    const backend = make({ client })
    const open = counted()
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => backend.set(`key ${index}`, 'value', 60)),
    )
    expect(counted()).toEqual(open)
    await backend.close()
    expect(counted()).toEqual(before)
  })
})

describe('connect()', () => {
  test.each<[string, () => Promise<RedisOptions>]>([
    ['nobody listens', async () => ({ url: `redis://127.0.0.1:${await freePort()}` })],
    ['the password is wrong', async () => ({ url: `redis://:wrong@127.0.0.1:${server.port}` })],
    ['TLS is not spoken there', async () => ({ url: `rediss://127.0.0.1:${server.port}` })],
  ])('rejects with CONNECTION_ERROR where %s, and tells no secret', async (_what, options) => {
    const backend = make(await options())
    const failure = await backend.connect().catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'CacheBackendError', code: 'CONNECTION_ERROR', backend: 'redis' })
    expect(String(failure)).not.toContain('wrong')
    expect((await backend.stats()).connectionErrors).toBeGreaterThan(0)
    expect(await backend.get('key')).toBe(null)
  })

  test('of a client of yours at its defaults does not wait for ever, nor leave commands in its queue', async () => {
    const client = new Redis({ port: await freePort(), lazyConnect: true })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    const backend = make({ client })
    const start = performance.now()
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => backend.set(`key ${index}`, 'value', 60)),
    )
    expect(performance.now() - start).toBeLessThan(1500)
    expect((client as unknown as { offlineQueue: { length: number } }).offlineQueue.length).toBe(0)
  })
})

describe('statistics and health', () => {
  test('tell of the connection, the breaker and what has failed', async () => {
    const own = await startRedis()
    onTestFinished(() => own.end())
    const backend = make({ url: own.url, circuitBreakerThreshold: 2, retryAttempts: 1 })
    await backend.set('key', 'value', 60)
    await backend.get('key')
    expect((await backend.stats()).toJSON()).toMatchObject({
      ...{ backend: 'redis', connected: true, circuit: 'closed', hitRate: 1, connectionErrors: 0 },
      ...{ totalOperations: 2, errorRate: 0, fallbackHits: 0, circuitBreakerTrips: 0, entries: -1 },
    })
    expect(await backend.health()).toMatchObject({ status: 'healthy', connected: true, circuit: 'closed' })
    await own.end()
    for (let n = 0; n < 3; n++) await backend.get(`key ${n}`)
    await backend.set('while it is away', 'value', 60)
    expect(await backend.get('while it is away')).toBe('value')
    const stats = await backend.stats()
    expect(stats).toMatchObject({ connected: false, circuitBreakerTrips: 1, fallbackHits: 1 })
    expect(stats.errorRate).toBeGreaterThan(0)
    expect(await backend.health()).toMatchObject({ status: 'degraded', connected: false })
  })

  test('show neither values nor passwords in what has failed', async () => {
    const backend = make({ url: server.url, fallback: false })
    await backend.connect()
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    onTestFinished(async () => void (await server.command('CONFIG', 'SET', 'maxmemory', '0')))
    const failure = await Promise.resolve(backend.setIfAbsent('key', 'a body', 60)).catch(
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: 'BACKEND_ERROR', operation: 'setIfAbsent' })
    const { cause } = failure as { cause: Error }
    expect(cause.message).toMatch(/^OOM/)
    expect(JSON.stringify([cause, Object.entries(cause)])).not.toContain('a body')
  })
})

describe('messages', () => {
  test('that were sent while the connection was lost are said to be lost, once others arrive', async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.end())
    const listening = make({ url: `redis://:secret@127.0.0.1:${proxy.port}` })
    const speaking = make({ url: server.url })
    const heard: string[] = []
    await listening.subscribe(
      'news',
      (message) => heard.push(message),
      () => heard.push('lost'),
    )
    await speaking.publish('news', 'first')
    await eventually(() => heard.length === 1, 'the first message')
    proxy.reset()
    await eventually(() => heard.at(-1) === 'lost', 'the listener is told')
    await speaking.publish('news', 'second')
    await eventually(() => heard.at(-1) === 'second', 'the second message')
    expect(heard).toEqual(['first', 'lost', 'second'])
  })

  test('are said to be lost where nothing arrives any more and nothing says so', async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.end())
    const heard: string[] = []
    const listen = async (options: RedisOptions): Promise<void> => {
      await make(options).subscribe(
        'news',
        (message) => heard.push(message),
        () => heard.push('lost'),
      )
    }
    const url = `redis://:secret@127.0.0.1:${proxy.port}`
    const client = new Redis(url, { disconnectTimeout: 50 })
    onTestFinished(() => client.disconnect())
    await listen({ url })
    await listen({ client })
    proxy.forget()
    await eventually(() => heard.length === 2, 'both are told')
    await make({ url: server.url }).publish('news', 'after')
    await eventually(() => heard.length === 4, 'the message')
    expect(heard).toEqual(['lost', 'lost', 'after', 'after'])
  })

  test('arrive at last where the server was not there when the subscription began', async () => {
    const port = await freePort()
    const backend = make({ url: `redis://127.0.0.1:${port}` })
    const heard: string[] = []
    await backend.subscribe(
      'news',
      (message) => heard.push(message),
      () => heard.push('lost'),
    )
    const late = await startRedis({ port })
    onTestFinished(() => late.end())
    await eventually(() => heard.at(-1) === 'lost', 'the listener is told')
    await eventually(async () => (await backend.health()).status === 'healthy', 'the backend is well')
    await backend.publish('news', 'first')
    await eventually(() => heard.at(-1) === 'first', 'the message')
  })

  test('of one namespace are not heard in another', async () => {
    const [one, two] = [
      make({ url: server.url, namespace: 'a' }),
      make({ url: server.url, namespace: 'a!b' }),
    ]
    const heard: string[] = []
    await one.subscribe('b!news', (message) => heard.push(message))
    await one.subscribe('news', (message) => heard.push(message))
    await two.publish('news', 'of two')
    await one.publish('news', 'of one')
    await eventually(() => heard.length > 0, 'a message')
    expect(heard).toEqual(['of one'])
  })
})
