import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { ResponseCache } from '@stowage/core'
import { listen, request } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import { cacheMiddleware as koaMiddleware } from '@stowage/koa'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'
import { express4, express5 } from './express.ts'

type Served = readonly [listener: RequestListener, cache: ResponseCache<never>]

/** What somebody in front of the cache does. */
const begin = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.write('begun, ')
}

const onExpress = (express: typeof express5) => (): Served => {
  const app = express()
  const cache = cacheMiddleware({ ttl: '1m' })
  app.use((_request, response, next) => {
    begin(response)
    next()
  })
  app.get('/a', cache.route('5m'), (_request, response) => void response.end('rest'))
  app.post('/a', cache.invalidates({ tags: ['a'] }), (_request, response) => void response.end('rest'))
  return [app, cache as never]
}

const onKoa = (Koa: KoaClass) => (): Served => {
  const app = new Koa()
  const cache = koaMiddleware({ ttl: '1m' })
  const invalidates = cache.invalidates({ tags: ['a'] })
  const route = cache.route('5m')
  app.use(async (ctx, next) => {
    ctx.respond = false
    begin(ctx.res)
    await next()
  })
  app.use((ctx, next) => (ctx.method === 'POST' ? invalidates(ctx, next) : route(ctx, next)))
  app.use(async (ctx) => {
    ctx.res.end('rest')
  })
  return [app.callback(), cache as never]
}

const onNode = (): Served => {
  const behind = cached(
    async (incoming, response) => {
      response.end('rest')
      if (incoming.method === 'POST') await behind.invalidate({ tags: ['a'] })
    },
    { ttl: '1m' },
  )
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    begin(response)
    behind(incoming, response)
  }
  return [listener, behind as never]
}

describe.each([
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['node:http', onNode],
] as const)('%s: a cache behind a response that has begun', (_, serve) => {
  test('leaves it as it is, stores nothing, and says why; a change invalidates all the same', async () => {
    const [listener, cache] = serve()
    const rejected: unknown[] = []
    const invalidated: unknown[] = []
    cache.on('reject', ({ code, detail }) => rejected.push([code, detail]))
    cache.on('invalidate', ({ selector }) => invalidated.push(selector))
    const { url, close } = await listen(listener, cache as never)
    onTestFinished(close)
    for (const turn of [1, 2]) {
      const { status, text, headers } = await request(`${url}/a`)
      expect([status, text, headers['cache-status']], `${turn}`).toEqual([200, 'begun, rest', undefined])
    }
    const why = ['skip', 'the head had left before the cache']
    expect(rejected).toEqual([why, why])
    expect((await request(`${url}/a`, { method: 'POST' })).text).toBe('begun, rest')
    await expect.poll(() => invalidated).toContainEqual({ tags: ['a'] })
    expect(cache.stats()).toMatchObject({ hits: 0, stored: 0 })
  })
})
