import { EventEmitter, once } from 'node:events'
import { request as start } from 'node:http'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type KoaClass, majors } from './koa.ts'
import { createApp, serve } from './support.ts'

const circular: { itself?: unknown } = {}
circular.itself = circular

const bodies: Readonly<Record<string, unknown>> = {
  'a circular object': circular,
  'a bigint': { count: 1n },
  'an object that throws': {
    toJSON: () => {
      throw new Error('on purpose')
    },
  },
}

describe.each(majors)('$name: a body that cannot be made', ({ Koa }) => {
  test.each(Object.entries(bodies))('of %s is a failure, and holds up nobody', async (_, body) => {
    // Who waits for it in vain gets an answer of another status.
    const { app, cache } = createApp({ ttl: '1m', collapse: { wait: '1s', onTimeout: 503 } }, Koa)
    let runs = 0
    app.use(cache).use((ctx) => {
      runs += 1
      ctx.body = runs > 2 ? 'well' : body
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const status of [500, 500, 200, 200]) expect((await request(url)).status).toBe(status)
    expect(runs).toBe(3)
  })

  test('is stood in for by a stale response', async () => {
    const clock = fakeClock()
    const { app, cache } = createApp({ clock, backend: memory({ clock }), staleIfError: '10m' }, Koa)
    let body: unknown = { well: true }
    app.use(cache).use((ctx) => {
      ctx.set('Cache-Control', 'max-age=60')
      ctx.body = body
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    await request(url)
    clock.advance(90_000)
    body = circular
    expect(await request(url)).toMatchObject({ status: 200, text: '{"well":true}' })
  })

  test('leaves nothing behind of what an outer layer answers instead', async () => {
    const { app, cache } = createApp({ ttl: '1m', collapse: { wait: '1s', onTimeout: 503 } }, Koa)
    let visitor = 0
    app.use(async (ctx, next) => {
      visitor += 1
      await next().catch(() => {
        ctx.body = `sorry, visitor ${visitor}`
      })
    })
    app.use(cache).use((ctx) => {
      ctx.body = circular
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    for (const number of [1, 2]) expect((await request(url)).text).toBe(`sorry, visitor ${number}`)
  })
})

/** A PUT that changes what GET answers only when its client has left, and fails; an outer layer says that it has not. */
const failUnseen = async (Koa: KoaClass): Promise<readonly string[]> => {
  const { app, cache } = createApp({ ttl: '1m' }, Koa)
  const events = new EventEmitter()
  let value = 1
  app.use(async (ctx, next) => {
    await next().catch(() => {
      ctx.body = 'done all the same'
    })
    if (ctx.method === 'PUT') setImmediate(() => events.emit('over'))
  })
  app.use(cache).use(async (ctx) => {
    if (ctx.method === 'GET') {
      ctx.body = String(value)
      return
    }
    const gone = once(ctx.res, 'close')
    events.emit('entered')
    await gone
    value += 1
    throw new Error('after the change')
  })
  const url = `http://127.0.0.1:${await serve(app)}/`
  const before = (await request(url)).text
  const entered = once(events, 'entered')
  const over = once(events, 'over')
  const put = start(url, { method: 'PUT' }).on('error', () => undefined)
  put.end()
  await entered
  put.destroy()
  await over
  return [before, (await request(url)).text]
}

test.each(majors)(
  '$name: a change whose client has left invalidates, also where it then fails',
  async ({ Koa }) => {
    expect(await failUnseen(Koa)).toEqual(['1', '2'])
  },
)
