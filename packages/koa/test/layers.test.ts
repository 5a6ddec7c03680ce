import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import type { Context } from './koa.ts'
import { createApp, serve } from './support.ts'

const text = (ctx: Context): void => {
  ctx.body = 'text'
}

describe('what outer layers add after the handler', () => {
  test('is not stored: each exchange has its own', async () => {
    const { app, cache } = createApp()
    let exchange = 0
    app.use(async (ctx, next) => {
      exchange += 1
      ctx.set('X-Before', String(exchange))
      await next()
      ctx.set('X-After', String(exchange))
      ctx.set('Server-Timing', `exchange;dur=${exchange}`)
    })
    app.use(cache).use((ctx) => {
      ctx.set('Cache-Control', 'max-age=60')
      ctx.set('X-Inner', 'handler')
      text(ctx)
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const number of ['1', '2', '3']) {
      const { headers } = await request(url)
      expect([headers['x-before'], headers['x-after'], headers['x-inner']]).toEqual([
        number,
        number,
        'handler',
      ])
    }
    expect(cache.stats().hits).toBe(2)
  })

  test('is not stored where it is a cookie, and neither is what may have begun a session', async () => {
    const { app, cache } = createApp()
    let visitor = 0
    app.use(async (ctx, next) => {
      await next()
      if (ctx.path !== '/none') ctx.cookies.set('visitor', String(++visitor))
    })
    app.use(cache).use((ctx) => {
      ctx.set('Cache-Control', ctx.path === '/shared' ? 'public, max-age=60' : 'max-age=60')
      text(ctx)
    })
    const port = await serve(app)
    const visit = async (path: string): Promise<unknown> =>
      (await request(`http://127.0.0.1:${port}${path}`)).headers['set-cookie']
    // A response to everybody may be stored, and each visitor has a cookie of his own with it.
    for (const number of [1, 2])
      expect(await visit('/shared')).toEqual([`visitor=${number}; path=/; httponly`])
    expect(cache.stats().hits).toBe(1)
    for (const number of [3, 4]) expect(await visit('/own')).toEqual([`visitor=${number}; path=/; httponly`])
    expect(cache.stats().hits).toBe(1)
    for (const _ of [1, 2]) expect(await visit('/none')).toBeUndefined()
    expect(cache.stats().hits).toBe(2)
  })

  test('may replace what the handler had said: the next one has the stored response', async () => {
    const { app, cache } = createApp({ ttl: '1m' })
    let exchange = 0
    app.use(async (ctx, next) => {
      await next()
      exchange += 1
      if (exchange > 1) return
      ctx.status = 503
      ctx.body = 'not now'
    })
    app.use(cache).use(text)
    const url = `http://127.0.0.1:${await serve(app)}/`
    expect((await request(url)).status).toBe(503)
    expect(await request(url)).toMatchObject({ status: 200, text: 'text' })
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1 })
  })

  test('may be a range of it, which is taken once: of what the cache has taken it of already it is none', async () => {
    const { app, cache } = createApp({ ttl: '1m' })
    app.use(async (ctx, next) => {
      await next()
      const from = /bytes=(\d+)-/.exec(ctx.get('Range'))?.[1]
      if (from === undefined) return
      ctx.status = 206
      ctx.body = String(ctx.body).slice(Number(from))
    })
    app.use(cache).use((ctx) => {
      ctx.body = 'a text of some length'
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    expect((await request(url)).text).toBe('a text of some length')
    expect(await request(url, { headers: { range: 'bytes=7-' } })).toMatchObject({
      status: 206,
      text: 'of some length',
    })
    expect(cache.stats().hits).toBe(1)
  })
})

describe('the host and the scheme', () => {
  const open = async (proxy: boolean) => {
    const { app, cache } = createApp({ ttl: '1m' })
    app.proxy = proxy
    app.use(cache).use((ctx) => {
      ctx.body = `${ctx.protocol}://${ctx.host}`
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    return (fields: Record<string, string>) => request(url, { headers: { host: 'a.test', ...fields } })
  }
  const forwarded = { 'x-forwarded-host': 'b.test', 'x-forwarded-proto': 'https' }

  test('are those that the proxy names, where it is trusted', async () => {
    const ask = await open(true)
    expect((await ask({})).text).toBe('http://a.test')
    expect((await ask(forwarded)).text).toBe('https://b.test')
    expect((await ask({ 'x-forwarded-proto': 'https' })).text).toBe('https://a.test')
    expect((await ask(forwarded)).headers['cache-status']).toMatch(/hit/)
  })

  test('are told as the proxy does when a response is refreshed: http is not sent elsewhere', async () => {
    const clock = fakeClock()
    const { app, cache } = createApp({ ttl: '1m', staleWhileRevalidate: '1h', clock })
    app.proxy = true
    let version = 0
    app.use(cache).use((ctx) => {
      version += 1
      if (ctx.get('X-Forwarded-Proto') === 'https') ctx.body = `version ${version}`
      else ctx.redirect('https://a.test/')
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    const headers = { 'x-forwarded-proto': 'https' }
    expect((await request(url, { headers })).text).toBe('version 1')
    const refreshed = new Promise((resolve) => cache.on('refresh', resolve))
    clock.advance(70_000)
    expect((await request(url, { headers })).text).toBe('version 1')
    await refreshed
    expect(await request(url, { headers })).toMatchObject({ status: 200, text: 'version 2' })
  })

  test('are those of the connection, where it is not', async () => {
    const ask = await open(false)
    expect((await ask({})).text).toBe('http://a.test')
    const other = await ask(forwarded)
    expect([other.text, other.headers['cache-status']]).toEqual([
      'http://a.test',
      expect.stringMatching(/hit/),
    ])
  })
})

describe('a body parser in front', () => {
  test('leaves what tells requests apart, on Koa’s own request', async () => {
    const { app, cache } = createApp({ ttl: '1m', methods: ['GET', 'HEAD', 'POST'], key: { body: 'json' } })
    let runs = 0
    app.use(async (ctx, next) => {
      const chunks: Buffer[] = []
      for await (const chunk of ctx.req) chunks.push(chunk)
      Object.assign(ctx.request, { body: JSON.parse(Buffer.concat(chunks).toString()) })
      await next()
    })
    app.use(cache).use((ctx) => {
      runs += 1
      ctx.body = (ctx.request as { body?: unknown }).body
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    const post = async (body: string): Promise<string> =>
      (await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text
    expect([await post('{"a":1}'), await post('{"a":2}'), await post('{"a": 1}')]).toEqual([
      '{"a":1}',
      '{"a":2}',
      '{"a":1}',
    ])
    expect(runs).toBe(2)
  })
})
