import { createRequire } from 'node:module'
import { type CacheBackend, memory } from '@stowage/core'
import { listen, mockBackend, request } from '@stowage/core/testing'
import { cacheMiddleware as expressCache, healthHandler as onExpress } from '@stowage/express'
import { cachePlugin, healthHandler as onFastify } from '@stowage/fastify'
import { cacheMiddleware as koaCache, healthHandler as onKoa } from '@stowage/koa'
import { cached, healthHandler as onNode } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Koa3 } from '../../packages/koa/test/koa.ts'
import { express5 } from './express.ts'

const load = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))
const Fastify = load('fastify') as typeof import('../../packages/fastify/test/support.ts').Fastify

/** Serves `/health` beside a cache over the backend; its origin. */
type Serve = (backend: CacheBackend) => Promise<string>

const served = async (listener: unknown, cache: { close(): unknown }): Promise<string> => {
  const { url, close } = await listen(listener as never, cache as never)
  onTestFinished(close)
  return url
}

const frameworks: Readonly<Record<string, Serve>> = {
  Express: (backend) => {
    const cache = expressCache({ backend, ttl: '1m' })
    const app = express5().use(cache)
    app.get('/health', onExpress(cache))
    return served(app, cache)
  },
  Koa: (backend) => {
    const cache = koaCache({ backend, ttl: '1m' })
    const health = onKoa(cache)
    const app = new Koa3().use(cache).use((ctx) => {
      ctx.respond = false
      health(ctx.req, ctx.res)
    })
    return served(app.callback(), cache)
  },
  Fastify: async (backend) => {
    const app = Fastify()
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { backend, ttl: '1m' })
    const health = onFastify(app.cache)
    app.get('/health', (incoming, reply) => {
      reply.hijack()
      health(incoming.raw, reply.raw)
    })
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
  'node:http': (backend) => {
    const handler = cached((incoming, response) => onNode(handler)(incoming, response), {
      backend,
      ttl: '1m',
    })
    return served(handler, handler)
  },
}

describe.each(Object.entries(frameworks))('the health handler on %s', (_, serve) => {
  test('says that the backend is well, anew for every request', async () => {
    const url = await serve(memory())
    for (const turn of [1, 2]) {
      const { status, text, headers } = await request(`${url}/health`)
      expect([status, JSON.parse(text).status], `${turn}`).toEqual([200, 'healthy'])
      expect(String(headers['cache-status'])).not.toContain('hit')
    }
  })

  test('answers 503 where the backend does not give back what it took', async () => {
    const url = await serve({ ...mockBackend(), get: () => null })
    const { status, text } = await request(`${url}/health`)
    expect([status, JSON.parse(text).status]).toEqual([503, 'unhealthy'])
  })
})
