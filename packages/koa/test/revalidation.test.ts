import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock, open, request } from '@stowage/core/testing'
import { isRevalidation } from '@stowage/koa'
import { describe, expect, test } from 'vitest'
import { type Context, conditionalGet, Koa3, type KoaClass, majors, mount, Router } from './koa.ts'
import { createApp, serve, until } from './support.ts'

const create = (Koa: KoaClass = Koa3, options: CacheOptions<Context> = {}) => {
  const clock = fakeClock()
  const made = createApp(
    { clock, backend: memory({ clock }), ttl: '1m', staleWhileRevalidate: '1h', ...options },
    Koa,
  )
  const refreshed = (): Promise<boolean> =>
    new Promise((resolve) => {
      const stop = made.cache.on('refresh', ({ ok }) => {
        stop()
        resolve(ok)
      })
    })
  made.cache.on('error', () => undefined)
  return { ...made, clock, refreshed }
}

describe.each(majors)('$name: a stale response', ({ Koa }) => {
  test('is refreshed through all layers, which can tell, with nobody’s cookies, credentials or context', async () => {
    const { app, cache, clock, refreshed } = create(Koa)
    const seen: unknown[] = []
    const current = new AsyncLocalStorage<string>()
    app.use((ctx, next) => {
      seen.push([
        isRevalidation(ctx),
        isRevalidation(ctx.req),
        ctx.get('cookie'),
        ctx.get('authorization'),
        ctx.ip !== '',
      ])
      seen.push(current.getStore())
      return next()
    })
    app.use((ctx, next) => (isRevalidation(ctx) ? next() : current.run('somebody', next)))
    let runs = 0
    app.use(cache).use((ctx) => {
      runs += 1
      if (isRevalidation(ctx)) seen.push(current.getStore())
      ctx.set('Cache-Control', 'public, max-age=60, stale-while-revalidate=3600')
      ctx.body = `run ${runs}`
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    const done = refreshed()
    seen.length = 0
    const stale = await request(url, { headers: { cookie: 'sid=1', authorization: 'Bearer 1' } })
    expect([stale.text, stale.headers['cache-status']]).toEqual([
      'run 1',
      expect.stringMatching(/detail=swr/),
    ])
    expect(await done).toBe(true)
    expect(seen).toEqual([
      [false, false, 'sid=1', 'Bearer 1', true],
      undefined,
      [true, true, '', '', true],
      undefined,
      undefined,
    ])
    expect((await request(url)).text).toBe('run 2')
  })

  test('is refreshed at a mounted route, by a stream, after the client has gone', async () => {
    const { app, cache, clock, refreshed } = create(Koa)
    const inner = new Koa()
    const router = new Router()
    let runs = 0
    let release = (): void => undefined
    router.get('/items/:id', cache.route({ ttl: '1m', staleWhileRevalidate: '1h' }), (ctx) => {
      runs += 1
      const held = runs === 1 ? Promise.resolve() : new Promise<void>((resume) => (release = resume))
      const pieces = async function* (run: number) {
        yield 'run '
        await held
        yield String(run)
      }
      ctx.body = Readable.from(pieces(runs))
    })
    inner.use(router.routes())
    app.use(mount('/mounted', inner))
    const url = `http://127.0.0.1:${await serve(app)}/mounted/items/1`
    expect((await request(url)).text).toBe('run 1')
    clock.advance(90_000)
    const done = refreshed()
    const started = await open(url)
    started.destroy()
    await until(() => runs === 2, 'a second run')
    expect((await request(url)).text).toBe('run 1')
    expect(runs).toBe(2)
    release()
    expect(await done).toBe(true)
    expect((await request(url)).text).toBe('run 2')
    expect(Object.keys(cache.stats().byRoute)).toEqual(['/mounted/items/:id'])
  })
})

describe('a revalidation', () => {
  test('leaves the stale response as it was where the handler throws', async () => {
    const { app, cache, clock, refreshed } = create()
    let runs = 0
    app.use(cache).use((ctx) => {
      runs += 1
      if (runs > 1) ctx.throw(503)
      ctx.body = 'run 1'
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    const done = refreshed()
    await request(url)
    expect(await done).toBe(false)
    expect((await request(url)).text).toBe('run 1')
  })

  test('is stored where layers further out answer conditions: it asks by one that no client has', async () => {
    const { app, cache, clock, refreshed } = create()
    let runs = 0
    app
      .use(conditionalGet())
      .use(cache)
      .use((ctx) => {
        runs += 1
        ctx.etag = 'same'
        ctx.body = Readable.from(['always the same'])
      })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    const done = refreshed()
    await request(url)
    expect(await done).toBe(true)
    expect((await request(url)).headers['cache-status']).toMatch(/^stowage; hit; ttl=60$/)
    expect(runs).toBe(2)
  })

  test('confirmed by the handler sends what is stored again', async () => {
    const { app, cache, clock, refreshed } = create()
    let runs = 0
    app.use(cache).use((ctx) => {
      runs += 1
      if (ctx.cache?.stale?.etag === '"v1"') return ctx.cache.notModified()
      ctx.etag = 'v1'
      ctx.body = 'run 1'
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    const done = refreshed()
    await request(url)
    expect(await done).toBe(true)
    expect(await request(url)).toMatchObject({ text: 'run 1', status: 200 })
    expect(runs).toBe(2)
  })

  test('of a cache that two applications share enters the one that was asked', async () => {
    const { app, cache, clock, refreshed } = create()
    const other = new Koa3()
    other.use(cache).use((ctx) => {
      ctx.body = 'other'
    })
    app.use(cache).use((ctx) => {
      ctx.body = 'first'
    })
    const urls = (await Promise.all([serve(app), serve(other)])).map((port) => `http://127.0.0.1:${port}/`)
    for (const url of urls) await request(url)
    clock.advance(90_000)
    for (const url of [...urls, ...urls]) {
      const done = refreshed()
      await request(url)
      expect(await done).toBe(true)
      clock.advance(90_000)
    }
    expect(await Promise.all(urls.map(async (url) => (await request(url)).text))).toEqual(['first', 'other'])
  })
})
