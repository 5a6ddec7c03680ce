import { open, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, majors } from './koa.ts'
import { createApp, serve, until } from './support.ts'

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

describe.each(majors)('$name: a handler that writes to ctx.res', ({ Koa }) => {
  const ways: Readonly<Record<string, (ctx: Context) => void | Promise<void>>> = {
    'at once, with ctx.respond = false': (ctx) => {
      ctx.respond = false
      ctx.res.writeHead(200, { 'cache-control': 'max-age=60' }).end('written')
    },
    'later than it returns, with ctx.respond = false': (ctx) => {
      ctx.respond = false
      ctx.res.statusCode = 200
      ctx.res.setHeader('cache-control', 'max-age=60')
      setImmediate(() => {
        ctx.res.write('writ')
        setImmediate(() => ctx.res.end('ten'))
      })
    },
    'and ends it before it returns': async (ctx) => {
      ctx.status = 200
      ctx.set('Cache-Control', 'max-age=60')
      ctx.res.write('writ')
      await nextTurn()
      ctx.res.end('ten')
    },
  }

  test.each(Object.entries(ways))('%s is answered from the cache the next time', async (_, way) => {
    const { app, cache } = createApp({}, Koa)
    let runs = 0
    app.use(async (ctx, next) => {
      ctx.set('X-Outer', String(runs))
      await next()
    })
    app.use(cache).use((ctx) => {
      runs += 1
      return way(ctx)
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const status of [/stored$/, /; hit/]) {
      const answer = await request(url)
      expect([answer.status, answer.text]).toEqual([200, 'written'])
      expect(answer.headers['cache-status']).toMatch(status)
    }
    expect(runs).toBe(1)
  })

  test('leaves nothing in the store where the client goes amid it, or where it is cut off', async () => {
    const { app, cache } = createApp({ ttl: '1m' }, Koa)
    const seen = { runs: 0, closed: 0 }
    app.use(cache).use((ctx) => {
      seen.runs += 1
      ctx.respond = false
      ctx.res.statusCode = 200
      ctx.res.on('close', () => (seen.closed += 1))
      ctx.res.write('a part')
      if (ctx.path === '/cut') ctx.res.destroy()
    })
    const port = await serve(app)
    const started = await open(`http://127.0.0.1:${port}/left`)
    await started.read()
    started.destroy()
    await until(() => seen.closed === 1, 'the end of the response')
    await expect(request(`http://127.0.0.1:${port}/cut`)).rejects.toThrow()
    expect(cache.stats().stored).toBe(0)
  })

  test('says that the stored response still holds: it is sent again', async () => {
    const { app, cache } = createApp({}, Koa)
    let runs = 0
    app.use(cache).use((ctx) => {
      runs += 1
      ctx.respond = false
      if (ctx.cache?.stale !== undefined) return ctx.cache.notModified()
      ctx.res.writeHead(200, { 'cache-control': 'max-age=60', etag: '"v1"' }).end('written')
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    const again = await request(url, { headers: { 'cache-control': 'max-age=0' } })
    expect([again.status, again.text, runs]).toEqual([200, 'written', 2])
  })
})
