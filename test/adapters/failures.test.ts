import type { RequestListener, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { CacheOptions } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cacheMiddleware as expressCache } from '@stowage/express'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware as koaCache } from '@stowage/koa'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'
import { express4, express5 } from './express.ts'

const load = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))
type Fastify = typeof import('../../packages/fastify/test/support.ts').Fastify
const fastify5 = load('fastify') as Fastify
const fastify4 = load('fastify4') as Fastify

/** What a handler does with Node's response; a number is the status that it answers with. */
type Fail = (response: ServerResponse) => Promise<number> | number | undefined

/** Serves a handler that answers well first, and fails from then on; its origin. */
type Serve = (fail: Fail, options: CacheOptions) => Promise<string>

const wellFirst = (fail: Fail): ((response: ServerResponse) => ReturnType<Fail>) => {
  let runs = 0
  return (response) => {
    runs += 1
    return runs === 1 ? 200 : fail(response)
  }
}

const served = async (listener: unknown, cache: { close(): unknown }): Promise<string> => {
  const { url, close } = await listen(listener as RequestListener, cache as never)
  onTestFinished(close)
  return url
}

const onExpress =
  (express: typeof express5): Serve =>
  (fail, options) => {
    const cache = expressCache(options as never)
    const handle = wellFirst(fail)
    const app = express().use(cache)
    app.get('/a', (_request, response, next) => {
      const answer = async (): Promise<void> => {
        const status = await handle(response)
        if (status !== undefined) response.status(status).send(`status ${status}`)
      }
      answer().catch(next)
    })
    app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
      response.statusCode = 500
      response.end('failed')
    })
    return served(app, cache)
  }

const onKoa =
  (Koa: KoaClass): Serve =>
  (fail, options) => {
    const cache = koaCache(options as never)
    const handle = wellFirst(fail)
    const app = new Koa()
    app.silent = true
    app.use(cache).use(async (ctx) => {
      const status = await handle(ctx.res)
      if (status === undefined) ctx.respond = false
      else Object.assign(ctx, { status, body: `status ${status}` })
    })
    return served(app.callback(), cache)
  }

const onFastify =
  (Fastify: Fastify): Serve =>
  async (fail, options) => {
    const app = Fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, options as never)
    const handle = wellFirst(fail)
    app.get('/a', async (_request, reply) => {
      const status = await handle(reply.raw)
      if (status === undefined) return reply.hijack()
      return reply.code(status).send(`status ${status}`)
    })
    return app.listen({ port: 0, host: '127.0.0.1' })
  }

const onNode: Serve = (fail, options) => {
  const handle = wellFirst(fail)
  const handler = cached(async (_request, response) => {
    const status = await handle(response)
    if (status === undefined) return
    response.statusCode = status
    response.end(`status ${status}`)
  }, options as never)
  return served(handler, handler)
}

const frameworks: readonly (readonly [string, Serve])[] = [
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['Fastify 5', onFastify(fastify5)],
  ['Fastify 4', onFastify(fastify4)],
  ['node:http', onNode],
]

const onPurpose = new Error('on purpose')

const failures: Readonly<Record<string, Fail>> = {
  throws: () => {
    throw onPurpose
  },
  rejects: async () => {
    await new Promise((resume) => setImmediate(resume))
    throw onPurpose
  },
  'answers 500': () => 500,
  'answers 502': () => 502,
  'answers 503': () => 503,
  'answers 504': () => 504,
  'destroys its response before the head': (response) => void response.destroy(),
  'destroys its response before the head, later, with an error': (response) =>
    void setImmediate(() => response.destroy(onPurpose)),
}

describe.each(frameworks)('%s: a stale response is sent where the handler', (_, serve) => {
  test.each(Object.entries(failures))('%s', async (_name, fail) => {
    const clock = fakeClock()
    const options = { clock, ttl: '1m', staleIfError: '10m', logger: silent } as const
    const url = `${await serve(fail, options)}/a`
    expect((await request(url)).text).toBe('status 200')
    clock.advance(90_000)
    const { status, text, headers } = await request(url)
    expect([status, text]).toEqual([200, 'status 200'])
    expect(headers['cache-status']).toMatch(/detail=sie/)
    // The handler is left in peace for a while, and the connection was of use.
    expect((await request(url)).headers['cache-status']).toMatch(/stowage; hit; .*detail=sie/)
  })
})

describe.each(frameworks)('%s: where nothing may stand in', (_, serve) => {
  test('a response that is destroyed before its head is cut off, as without the cache', async () => {
    const clock = fakeClock()
    const destroying: Fail = (response) => void response.destroy()
    const url = `${await serve(destroying, { clock, ttl: '1m', staleIfError: 0 })}/a`
    expect((await request(url)).text).toBe('status 200')
    clock.advance(90_000)
    for (const each of [url, `${url}?other`]) await expect(request(each)).rejects.toThrow()
  })
})

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
