import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions, isRevalidation } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { askTwice, createApp, listen, pluginNamed, statusOf } from './support.ts'

const orders = ['before', 'after'] as const

/** An application with the cache and others' plugins, registered before or after it. */
const withPlugins = async (
  order: (typeof orders)[number],
  register: (app: FastifyInstance) => Promise<void>,
  options: FastifyCacheOptions = { ttl: '5m' },
): Promise<FastifyInstance> => {
  const app = createApp()
  if (order === 'before') await register(app)
  await app.register(cachePlugin, options)
  if (order === 'after') await register(app)
  return app
}

const withPlugin = (
  order: (typeof orders)[number],
  name: string,
  options: Record<string, unknown> = {},
): Promise<FastifyInstance> =>
  withPlugins(order, async (app) => {
    await app.register(pluginNamed(name), options)
  })

const text = 'x'.repeat(4000)

describe.each(orders)('registered %s the cache', (order) => {
  test('@fastify/compress compresses every answer anew, from one stored body', async () => {
    const app = await withPlugin(order, 'compress', { threshold: 10 })
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      return text
    })
    const url = `${await listen(app)}/a`
    for (const expected of [/uri-miss/, /hit/]) {
      const response = await request(url, { headers: { 'accept-encoding': 'gzip' } })
      expect(response.headers['content-encoding']).toBe('gzip')
      expect(gunzipSync(response.body).toString()).toBe(text)
      expect(statusOf(response)).toMatch(expected)
    }
    const plain = await request(url)
    expect(plain).toMatchObject({ text, status: 200 })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(runs).toBe(1)
  })

  test('a plugin may say of each response that its head has not left, as @fastify/express does', async () => {
    const app = await withPlugins(order, async (instance) => {
      instance.addHook('onRequest', async (_request, { raw }) => {
        Object.defineProperty(raw, 'headersSent', { get: () => false, configurable: true })
      })
    })
    app.get('/a', async () => text)
    const [first, second] = await askTwice(`${await listen(app)}/a`)
    expect([first.text, second.text]).toEqual([text, text])
    expect(statusOf(second)).toMatch(/hit/)
  })

  test('@fastify/compress has nothing to compress of a stored 204', async () => {
    const app = await withPlugin(order, 'compress', { threshold: 0 })
    app.get('/a', async (_request, reply) => reply.code(204).send())
    const url = `${await listen(app)}/a`
    for (const { status, headers } of await askTwice(url, { 'accept-encoding': 'gzip' }))
      expect([status, headers['content-encoding']]).toEqual([204, undefined])
  })

  test('@fastify/etag finds the same tag at every hit, and 304 is answered', async () => {
    const app = await withPlugin(order, 'etag')
    app.get('/a', async () => text)
    const url = `${await listen(app)}/a`
    const [first, second] = await askTwice(url)
    expect(first.headers.etag).toBeDefined()
    expect(second.headers.etag).toBe(first.headers.etag)
    const third = await request(url, { headers: { 'if-none-match': String(first.headers.etag) } })
    expect(third).toMatchObject({ status: 304, text: '' })
  })

  test('@fastify/cors answers each origin, and none of its fields is stored', async () => {
    const app = await withPlugin(order, 'cors', { origin: [/example$/], credentials: true })
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      return text
    })
    const url = `${await listen(app)}/a`
    for (const origin of ['https://one.example', 'https://two.example', 'https://one.example']) {
      const { headers } = await request(url, { headers: { origin } })
      expect(headers['access-control-allow-origin']).toBe(origin)
    }
    const other = await request(url, { headers: { origin: 'https://evil.test' } })
    expect(other.headers['access-control-allow-origin']).toBeUndefined()
    expect(runs).toBe(1)
  })

  test('@fastify/cookie: a cookie that the handler sets keeps its answer out of the store', async () => {
    const app = await withPlugin(order, 'cookie')
    app.get('/a', async (_request, reply) => {
      ;(reply as FastifyReply & { setCookie(name: string, value: string): void }).setCookie('seen', 'yes')
      return text
    })
    const [first, second] = await askTwice(`${await listen(app)}/a`)
    for (const response of [first, second]) {
      expect(response.headers['set-cookie']).toEqual([expect.stringContaining('seen=yes')])
      expect(statusOf(response)).toMatch(/fwd=uri-miss/)
    }
  })

  test('@fastify/session: nobody gets the session of another', async () => {
    const app = await withPlugins(order, async (inside) => {
      await inside.register(pluginNamed('cookie'))
      await inside.register(pluginNamed('session'), {
        secret: 'a secret of no less than thirty-two characters',
        cookie: { secure: false },
        saveUninitialized: true,
      })
    })
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      return text
    })
    const url = `${await listen(app)}/a`
    const cookies: unknown[] = []
    for (const _ of [1, 2, 3]) cookies.push((await request(url)).headers['set-cookie'])
    expect(cookies.every((cookie) => cookie !== undefined)).toBe(true)
    expect(new Set(cookies.map(String)).size).toBe(3)
    expect(runs).toBe(3)
  })

  test('@fastify/static files are stored, and their ranges and conditions answered', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const root = mkdtempSync(join(tmpdir(), 'stowage-static-'))
    onTestFinished(() => rmSync(root, { recursive: true }))
    writeFileSync(join(root, 'page.txt'), '0123456789')
    const app = await withPlugin(order, 'static', { root, cacheControl: false })
    const url = `${await listen(app)}/page.txt`
    if (order === 'before') {
      // Its route was declared before the plugin could hear of it.
      const code = 'CACHE_CONFIG_ORDER'
      expect(warned).toHaveBeenCalledWith(expect.stringContaining('GET /*.'), {
        type: 'StowageWarning',
        code,
      })
      expect((await askTwice(url))[1].headers['cache-status']).toBeUndefined()
      return
    }
    const [first, second] = await askTwice(url)
    expect(statusOf(second)).toMatch(/hit/)
    expect(second).toMatchObject({ text: '0123456789', status: 200 })
    expect(second.headers['content-type']).toBe(first.headers['content-type'])
    const part = await request(url, { headers: { range: 'bytes=2-4' } })
    expect(part).toMatchObject({ status: 206, text: '234' })
    const known = await request(url, { headers: { 'if-none-match': String(first.headers.etag) } })
    expect(known.status).toBe(304)
    const head = await request(url, { method: 'HEAD' })
    expect(head.headers['content-length']).toBe('10')
  })

  test('fields that an onSend hook sets are made anew for every answer, and payloads changed once', async () => {
    let answers = 0
    const app = await withPlugins(order, async (inside) => {
      inside.addHook('onSend', async (_request, reply, payload) => {
        answers += 1
        reply.header('x-answer', String(answers))
        return `${String(payload)}!`
      })
    })
    app.get('/a', async () => 'text')
    const [first, second] = await askTwice(`${await listen(app)}/a`)
    expect([first.text, second.text]).toEqual(['text!', 'text!'])
    expect([first.headers['x-answer'], second.headers['x-answer']]).toEqual(['1', '2'])
    expect(statusOf(second)).toMatch(/hit/)
  })
})

describe('@fastify/rate-limit', () => {
  const limited = async (order: (typeof orders)[number]): Promise<string> => {
    const app = await withPlugin(order, 'rate-limit', { max: 3, timeWindow: 60_000 })
    app.get('/a', async () => text)
    return `${await listen(app)}/a`
  }

  test('counts hits where it is registered before the cache, each with its own count', async () => {
    const url = await limited('before')
    const left: unknown[] = []
    for (const _ of [1, 2, 3]) left.push((await request(url)).headers['x-ratelimit-remaining'])
    expect(left).toEqual(['2', '1', '0'])
    expect((await request(url)).status).toBe(429)
  })

  test('counts what is forwarded where it is registered after the cache', async () => {
    const url = await limited('after')
    for (const _ of [1, 2, 3, 4, 5]) expect((await request(url)).status).toBe(200)
  })

  test('can leave out background revalidations', async () => {
    let now = Date.now()
    const refreshes: boolean[] = []
    const app = await withPlugins(
      'before',
      async (inside) => {
        await inside.register(pluginNamed('rate-limit'), {
          max: 2,
          timeWindow: 60_000,
          allowList: (incoming: FastifyRequest) => {
            refreshes.push(isRevalidation(incoming))
            return isRevalidation(incoming)
          },
        })
      },
      { ttl: '1m', staleWhileRevalidate: '1h', clock: () => now },
    )
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      return `run ${runs}`
    })
    const url = `${await listen(app)}/a`
    await request(url)
    now += 90_000
    const refreshed = new Promise((resolve) => app.cache.on('refresh', resolve))
    expect((await request(url)).text).toBe('run 1')
    expect(await refreshed).toMatchObject({ ok: true })
    expect(refreshes).toEqual([false, false, true])
  })
})
