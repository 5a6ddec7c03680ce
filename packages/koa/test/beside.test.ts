import { gunzipSync } from 'node:zlib'
import { request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, compress, conditionalGet, etag, Koa3, mount, Router } from './koa.ts'
import { createApp, serve } from './support.ts'

const long = 'a long text that is worth its compression. '.repeat(100)
const zipped = { 'accept-encoding': 'gzip' }

const numbered = (body: unknown = long) => {
  const seen = { runs: 0 }
  const handle = (ctx: Context): void => {
    seen.runs += 1
    ctx.set('Cache-Control', 'max-age=60')
    ctx.body = body
  }
  return { seen, handle }
}

describe('koa-compress', () => {
  test.each([
    ['a text', long],
    ['JSON', { long }],
  ])('outside compresses fills and hits of one stored response: %s', async (_, body) => {
    const { app, cache } = createApp()
    const { seen, handle } = numbered(body)
    app
      .use(compress({ br: false, zstd: false }))
      .use(cache)
      .use(handle)
    const url = `http://127.0.0.1:${await serve(app)}/`
    const plain = typeof body === 'string' ? body : JSON.stringify(body)
    for (const status of [/stored$/, /; hit/, /; hit/]) {
      const answer = await request(url, { headers: zipped })
      expect(answer.headers['cache-status']).toMatch(status)
      expect(answer.headers['content-encoding']).toBe('gzip')
      expect(gunzipSync(answer.body).toString()).toBe(plain)
    }
    const bare = await request(url, { headers: { 'accept-encoding': 'identity' } })
    expect([bare.text, bare.headers['content-encoding']]).toEqual([plain, undefined])
    expect(seen.runs).toBe(1)
  })

  test('inside has a variant stored for each coding', async () => {
    const { app, cache } = createApp()
    const { seen, handle } = numbered()
    app
      .use(cache)
      .use(compress({ br: false, zstd: false }))
      .use(handle)
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const status of [/stored$/, /; hit/]) {
      const answer = await request(url, { headers: zipped })
      expect(answer.headers['cache-status']).toMatch(status)
      expect(gunzipSync(answer.body).toString()).toBe(long)
      const bare = await request(url)
      expect(bare.headers['cache-status']).toMatch(status)
      expect(bare.text).toBe(long)
    }
    expect(seen.runs).toBe(2)
  })
})

const orders = ['outside', 'inside'] as const

describe.each(orders)('koa-conditional-get and koa-etag %s', (order) => {
  const open = async () => {
    const { app, cache } = createApp()
    const { seen, handle } = numbered()
    if (order === 'inside') app.use(cache)
    app.use(conditionalGet()).use(etag())
    if (order === 'outside') app.use(cache)
    app.use(handle)
    return { seen, url: `http://127.0.0.1:${await serve(app)}/` }
  }

  test('agree with the cache about what a client has', async () => {
    const { seen, url } = await open()
    const first = await request(url)
    const tag = String(first.headers.etag)
    expect(first.status).toBe(200)
    const second = await request(url, { headers: { 'if-none-match': tag } })
    expect([second.status, second.text, second.headers.etag]).toEqual([304, '', tag])
    expect((await request(url, { headers: { 'if-none-match': '"other"' } })).text).toBe(long)
    expect(seen.runs).toBe(1)
  })

  test('send all to a client with no condition, where the cache asks for what it has itself', async () => {
    const { seen, url } = await open()
    const first = await request(url)
    // The cache asks by its own If-None-Match; the handler answers with the same content.
    const again = await request(url, { headers: { 'cache-control': 'max-age=0' } })
    expect([again.status, again.text]).toEqual([200, first.text])
    expect(seen.runs).toBe(2)
  })

  test('send a first client that has it already a 304, and the next one all', async () => {
    const { seen, url } = await open()
    const tag = String((await request(url)).headers.etag)
    const other = await request(`${url}?other`, { headers: { 'if-none-match': tag } })
    expect(other.status).toBe(304)
    expect((await request(`${url}?other`)).text).toBe(long)
    expect(seen.runs).toBe(2)
  })
})

describe('koa-mount and @koa/router', () => {
  const build = (): { app: Koa3; routes: () => string[] } => {
    const { app, cache } = createApp()
    const inner = new Koa3()
    const router = new Router({ prefix: '/shop' })
    router.get('/items/:id', cache.route('1m'), (ctx) => {
      ctx.body = ctx.path
    })
    router.get('/fresh/:id', (ctx) => {
      ctx.set('Cache-Control', 'max-age=60')
      ctx.body = ctx.path
    })
    inner.use(router.routes())
    const outer = new Koa3()
    outer.use(mount('/api', inner))
    app.use(cache).use(mount('/v1', outer))
    return { app, routes: () => Object.keys(cache.stats().byRoute) }
  }

  test('name a route by all that it is mounted at, with a policy and without', async () => {
    const { app, routes } = build()
    const port = await serve(app)
    for (const path of ['/v1/api/shop/items/1', '/v1/api/shop/fresh/1', '/v1/api/shop/items/1'])
      expect((await request(`http://127.0.0.1:${port}${path}`)).text).toBe(path.slice('/v1/api'.length))
    expect(routes().sort()).toEqual(['/v1/api/shop/fresh/:id', '/v1/api/shop/items/:id'])
  })

  test('leave a route beside what is mounted its own name', async () => {
    const { app, cache } = createApp()
    const router = new Router()
    router.get('/items/:id', cache.route('1m'), (ctx) => {
      ctx.body = 'item'
    })
    app.use(cache).use(router.routes())
    await request(`http://127.0.0.1:${await serve(app)}/items/1`)
    expect(Object.keys(cache.stats().byRoute)).toEqual(['/items/:id'])
  })
})
