import { createServer } from 'node:http'
import { connect } from 'node:http2'
import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { cached } from '@stowage/node'
import type { FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createApp, Fastify, listen, statusOf, withCache } from './support.ts'

describe('inject', () => {
  test('is answered like a request over the network, HEAD and conditions included', async () => {
    const app = await withCache({ ttl: '5m' })
    app.get('/a', async () => ({ a: 1 }))
    const first = await app.inject('/a')
    expect(statusOf(first as never)).toMatch(/uri-miss.*stored/)
    const second = await app.inject('/a')
    expect([second.json(), second.headers['content-type']]).toEqual([{ a: 1 }, first.headers['content-type']])
    expect(statusOf(second as never)).toMatch(/hit/)
    const known = await app.inject({ url: '/a', headers: { 'if-none-match': String(first.headers.etag) } })
    expect([known.statusCode, known.body]).toEqual([304, ''])
    const head = await app.inject({ method: 'HEAD', url: '/a' })
    expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([200, '', '7'])
  })

  test('invalidates by an unsafe request, and by a selector', async () => {
    const app = await withCache({ ttl: '5m' })
    let version = 0
    app.get('/a', async () => `version ${version}`)
    app.get('/b', { config: { cache: { tags: ['b'] } } }, async () => `version ${version}`)
    const change = async (): Promise<string> => {
      version += 1
      return 'changed'
    }
    app.put('/a', change)
    app.put<{ Params: { tag: string } }>(
      '/tags/:tag',
      { config: { cacheInvalidates: (incoming) => ({ tags: [(incoming.params as { tag: string }).tag] }) } },
      change,
    )
    const texts = async (): Promise<readonly string[]> => [
      (await app.inject('/a')).body,
      (await app.inject('/b')).body,
    ]
    expect(await texts()).toEqual(['version 0', 'version 0'])
    await app.inject({ method: 'PUT', url: '/a' })
    expect(await texts()).toEqual(['version 1', 'version 0'])
    await app.inject({ method: 'PUT', url: '/tags/b' })
    expect(await texts()).toEqual(['version 1', 'version 2'])
  })
})

describe('HTTP/2', () => {
  test('is answered, from the cache as well, and revalidated', async () => {
    let now = Date.now()
    const app = Fastify({ http2: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { ttl: '1m', staleWhileRevalidate: '1h', clock: () => now })
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      return 'x'.repeat(100_000) + runs
    })
    const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
    onTestFinished(() => session.destroy())
    const ask = (): Promise<readonly [status: string, length: number, last: string]> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/a' })
        let status = ''
        let text = ''
        stream.on('response', (headers) => {
          status = String(headers['cache-status'])
        })
        stream.setEncoding('utf8')
        stream.on('data', (piece: string) => {
          text += piece
        })
        stream.on('end', () => resolve([status, text.length, text.slice(-1)]))
        stream.on('error', reject)
      })
    expect(await ask()).toEqual([expect.stringMatching(/stored/), 100_001, '1'])
    expect(await ask()).toEqual([expect.stringMatching(/hit/), 100_001, '1'])
    now += 90_000
    const refresh = new Promise((resolve) => app.cache.on('refresh', resolve))
    expect(await ask()).toEqual([expect.stringMatching(/detail=swr/), 100_001, '1'])
    expect(await refresh).toMatchObject({ ok: true })
    expect(await ask()).toEqual([expect.stringMatching(/hit/), 100_001, '2'])
  })
})

describe('a server of the application’s own', () => {
  test('serves the cache of the plugin, and one for plain node:http in front of it', async () => {
    const app = await withCache(
      { ttl: '5m', name: 'inner' },
      {
        serverFactory: (handler) =>
          createServer(cached((incoming, response) => void handler(incoming, response), { name: 'outer' })),
      },
    )
    let runs = 0
    app.get('/a', async (incoming) => {
      runs += 1
      incoming.cache.tag('both')
      return `run ${runs}`
    })
    const url = `${await listen(app)}/a`
    expect((await request(url)).text).toBe('run 1')
    expect(statusOf(await request(url))).toMatch(/inner; hit/)
  })
})

describe('behind a proxy', () => {
  const ask = (url: string, forwarded: string) =>
    request(url, { headers: { 'x-forwarded-host': forwarded, 'x-forwarded-proto': 'https' } })

  test('that is trusted, the host and scheme that it tells are in the key', async () => {
    const app = await withCache({ ttl: '5m' }, { trustProxy: true })
    app.get('/a', async (incoming) => `${incoming.protocol}://${incoming.host}`)
    const url = `${await listen(app)}/a`
    for (const host of ['one.example', 'two.example:8443', 'one.example'])
      expect((await ask(url, host)).text).toBe(`https://${host}`)
    expect(statusOf(await ask(url, 'one.example'))).toMatch(/hit/)
  })

  test('that is not, nothing that it tells counts', async () => {
    const app = await withCache({ ttl: '5m' })
    app.get('/a', async (incoming) => `${incoming.protocol}://${incoming.host}`)
    const url = `${await listen(app)}/a`
    const { text } = await ask(url, 'one.example')
    expect(text).toBe(url.slice(0, -2))
    expect(await ask(url, 'evil.example')).toMatchObject({ text })
  })
})

describe('at preHandler', () => {
  test('policies know the user that was authenticated before', async () => {
    const app = createApp()
    app.decorateRequest('user', null)
    app.addHook('preValidation', async (incoming) => {
      ;(incoming as FastifyRequest & { user: unknown }).user = incoming.headers['x-user']
    })
    const userOf = ({ raw }: { readonly raw: FastifyRequest }): string | undefined =>
      (raw as FastifyRequest & { user?: string }).user
    await app.register(cachePlugin, { ttl: '5m', hook: 'preHandler', scope: userOf })
    let runs = 0
    app.get('/me', async (incoming) => {
      runs += 1
      return `${String(incoming.headers['x-user'])} ${runs}`
    })
    const url = `${await listen(app)}/me`
    const ask = async (user: string): Promise<string> =>
      (await request(url, { headers: { 'x-user': user } })).text
    expect([await ask('ann'), await ask('bob'), await ask('ann'), await ask('bob')]).toEqual([
      'ann 1',
      'bob 2',
      'ann 1',
      'bob 2',
    ])
  })

  test.each(['onRequest', 'preHandler'] as const)(
    'or before, a body of JSON is a part of the key, and its handler has it parsed: %s',
    async (hook) => {
      const app = await withCache({ hook })
      let runs = 0
      const policy = { ttl: '5m', methods: ['POST'], key: { body: 'json' } } as const
      app.post('/search', { config: { cache: policy } }, async (incoming) => {
        runs += 1
        return { asked: incoming.body, runs }
      })
      const url = `${await listen(app)}/search`
      const ask = async (body: string): Promise<unknown> =>
        JSON.parse(
          (await request(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } }))
            .text,
        )
      expect(await ask('{"a":1,"b":2}')).toEqual({ asked: { a: 1, b: 2 }, runs: 1 })
      expect(await ask('{ "b": 2, "a": 1 }')).toEqual({ asked: { a: 1, b: 2 }, runs: 1 })
      expect(await ask('{"a":2}')).toEqual({ asked: { a: 2 }, runs: 2 })
    },
  )
})
