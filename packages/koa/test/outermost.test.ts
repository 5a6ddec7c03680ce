import { createServer } from 'node:http'
import { request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, majors, mount } from './koa.ts'
import { createApp, listen, serve } from './support.ts'

const make = (ctx: Context): void => {
  ctx.set('Cache-Control', 'max-age=60')
  ctx.body = `made for ${ctx.path}`
}

describe.each(majors)('$name: a hit', ({ Koa }) => {
  test('is sent past Koa where no middleware is further out', async () => {
    const { app, cache } = createApp({}, Koa)
    app.use(cache).use(make)
    const left: (boolean | undefined)[] = []
    const handle = app.callback()
    const keep = app.createContext.bind(app)
    app.createContext = (...given) => {
      const ctx = keep(...given)
      ctx.res.on('finish', () => left.push(ctx.respond))
      return ctx
    }
    const url = `http://127.0.0.1:${await listen(createServer(handle))}/a`
    await request(url)
    const { status, text, headers } = await request(url)
    expect([status, text, headers['content-type']]).toEqual([200, 'made for /a', 'text/plain; charset=utf-8'])
    expect(headers['cache-status']).toMatch(/^stowage; hit/)
    expect(left).toEqual([undefined, false])
  })

  test('goes by way of middleware that is further out, which can replace it', async () => {
    const { app, cache } = createApp({}, Koa)
    app.use(async (ctx, next) => {
      await next()
      ctx.body = `${String(ctx.body)}, and more`
    })
    app.use(cache).use(make)
    const url = `http://127.0.0.1:${await serve(app)}/a`
    for (const _ of [1, 2]) expect((await request(url)).text).toBe('made for /a, and more')
    expect(cache.stats().hits).toBe(1)
  })

  test('of the first middleware of a mounted application goes by way of those around it', async () => {
    const { app, cache } = createApp({}, Koa)
    const inner = new Koa()
    inner.use(cache).use(make)
    app.use(async (ctx, next) => {
      await next()
      ctx.set('X-Around', String(ctx.body))
    })
    app.use(mount('/inner', inner))
    const url = `http://127.0.0.1:${await serve(app)}/inner/a`
    for (const _ of [1, 2]) expect((await request(url)).headers['x-around']).toBe('made for /a')
    expect(cache.stats().hits).toBe(1)
  })

  test('of a route goes by way of what stands between it and the middleware in front', async () => {
    const { app, cache } = createApp({}, Koa)
    app.use(cache).use(async (ctx, next) => {
      await next()
      ctx.set('X-Between', String(ctx.body))
    })
    app.use(cache.route({ ttl: '1m', key: { by: { path: (view) => view.url.pathname } } })).use((ctx) => {
      ctx.body = 'by its route'
    })
    const url = `http://127.0.0.1:${await serve(app)}/a`
    for (const _ of [1, 2]) expect((await request(url)).headers['x-between']).toBe('by its route')
    expect(cache.stats().hits).toBe(1)
  })
})
