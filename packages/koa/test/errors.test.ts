import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, majors } from './koa.ts'
import { createApp, serve } from './support.ts'

describe.each(majors)('$name', ({ Koa }) => {
  /** A handler that does well first, and then what it is told; all errors that the application hears of. */
  const open = async (then: (ctx: Context) => unknown, cacheControl = 'max-age=60, stale-if-error=600') => {
    const clock = fakeClock()
    const { app, cache } = createApp({ clock, backend: memory({ clock }) }, Koa)
    const seen = { runs: 0, errors: [] as unknown[] }
    app.on('error', (error) => seen.errors.push(error))
    app.use(cache).use(async (ctx) => {
      seen.runs += 1
      if (seen.runs > 1) return void (await then(ctx))
      ctx.set('Cache-Control', cacheControl)
      ctx.body = 'well'
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    return { seen, clock, cache, ask: () => request(url) }
  }

  const failing: Readonly<Record<string, (ctx: Context) => unknown>> = {
    'an error': () => {
      throw new Error('on purpose')
    },
    'ctx.throw(503)': (ctx) => ctx.throw(503),
    'a value that is no error': () => Promise.reject('on purpose'),
  }

  test.each(Object.entries(failing))(
    'answers with what is stale where a handler throws %s, and tells of it',
    async (_, fail) => {
      const { seen, ask } = await open(fail)
      const answer = await ask()
      expect([answer.status, answer.text]).toEqual([200, 'well'])
      expect(answer.headers['cache-status']).toMatch(/detail=sie/)
      expect(seen.errors).toHaveLength(1)
    },
  )

  test.each([
    ['ctx.throw(404)', (ctx: Context) => ctx.throw(404, 'not here'), 404, 'not here'],
    ['ctx.throw(500) with must-revalidate', (ctx: Context) => ctx.throw(500), 500, 'Internal Server Error'],
  ] as const)('leaves %s to Koa, and stores nothing of it', async (_, fail, status, text) => {
    const { seen, ask } = await open(fail, 'max-age=60, must-revalidate')
    for (const runs of [2, 3]) {
      const answer = await ask()
      expect([answer.status, answer.text]).toEqual([status, text])
      expect(answer.headers['cache-status']).toMatch(/fwd=/)
      expect(seen.runs).toBe(runs)
    }
  })

  test('answers with what is stale where the status says that it fails', async () => {
    const { ask } = await open((ctx) => {
      ctx.status = 502
      ctx.body = 'gateway'
    })
    expect(await ask()).toMatchObject({ status: 200, text: 'well' })
  })

  test('keeps nothing of what an outer layer answers in the place of an error', async () => {
    const { app, cache } = createApp({ ttl: '1m' }, Koa)
    let visitor = 0
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch {
        visitor += 1
        ctx.set('X-Visitor', String(visitor))
        ctx.body = 'sorry'
      }
    })
    app.use(cache).use(() => {
      throw new Error('on purpose')
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const number of ['1', '2']) {
      const { headers, text } = await request(url)
      expect([text, headers['x-visitor']]).toEqual(['sorry', number])
    }
  })

  test('does not confirm what a client has where the body that is wanted fails', async () => {
    const { app, cache } = createApp({}, Koa)
    app.use(cache).use((ctx) => {
      ctx.set({ 'Cache-Control': 'max-age=60', ETag: '"v1"' })
      ctx.body = new Readable({
        read() {
          this.destroy(new Error('on purpose'))
        },
      })
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    const answer = request(url, { headers: { 'if-none-match': '"v1"' } })
    // Koa 2 still has a head to answer with.
    expect([500, 'cut off']).toContain(
      await answer.then(
        ({ status }) => status,
        () => 'cut off',
      ),
    )
    expect(cache.stats().stored).toBe(0)
  })
})

test('a change that an outer layer reports as done invalidates, also where it has thrown', async () => {
  const { app, cache } = createApp({ ttl: '1m' })
  let value = 1
  app.use(async (ctx, next) => {
    await next().catch(() => {
      ctx.status = 200
      ctx.body = 'done all the same'
    })
  })
  app.use(cache).use((ctx) => {
    if (ctx.method === 'GET') {
      ctx.body = String(value)
      return
    }
    value += 1
    throw new Error('after the change')
  })
  const url = `http://127.0.0.1:${await serve(app)}/`
  expect((await request(url)).text).toBe('1')
  expect((await request(url, { method: 'PUT' })).status).toBe(200)
  expect((await request(url)).text).toBe('2')
})
