import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { CacheOptions, CachePolicy, HandlerCache } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware } from '@stowage/koa'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'

const load = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))
type Fastify = typeof import('../../packages/fastify/test/support.ts').Fastify

type Handle = (cache: HandlerCache | undefined) => Promise<string>
/** Serves a handler behind two caches that are not one; its origin. */
type Serve = (handle: Handle, outer: CacheOptions, inner: CacheOptions) => Promise<string>

/** What only a server-side ttl covers the inner one would tell the outer one not to keep. */
const fresh = 'max-age=60'

const onKoa =
  (Koa: KoaClass): Serve =>
  async (handle, outerOptions, innerOptions) => {
    const inner = cacheMiddleware(innerOptions as never)
    const app = new Koa().use(inner).use(async (ctx) => {
      ctx.set('Cache-Control', fresh)
      ctx.body = await handle(ctx.cache)
    })
    const outer = cached(app.callback(), outerOptions as never)
    for (const cache of [outer, inner]) cache.on('error', () => undefined)
    const { url, close } = await listen(outer, outer)
    onTestFinished(async () => {
      await close()
      await inner.close()
    })
    return url
  }

const onFastify =
  (version: string): Serve =>
  async (handle, outerOptions, innerOptions) => {
    const app = (load(version) as Fastify)({
      forceCloseConnections: true,
      serverFactory: (listener) => {
        const outer = cached(listener as RequestListener, outerOptions as never)
        outer.on('error', () => undefined)
        return createServer(outer)
      },
    })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, innerOptions as never)
    app.cache.on('error', () => undefined)
    app.get('/a', async (incoming, reply) => {
      const text = await handle(incoming.cache)
      return reply.header('cache-control', fresh).send(text)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  }

/** Who is over its time first. */
const orders = [
  ['the outer one first', '30ms', '90ms'],
  ['the inner one first', '90ms', '30ms'],
  ['both at once', '40ms', '40ms'],
] as const

/** A timer that is longer than those of both caches, and set later. */
const bothOver = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 120))

describe.each<readonly [string, Serve]>([
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['Fastify 5', onFastify('fastify')],
  ['Fastify 4', onFastify('fastify4')],
])('%s: a cache for node:http in front and one of the framework inside', (_, serve) => {
  /** A handler that waits from its second run on until it is let go, and both caches with a stale response of the first. */
  const withStale = async (outer: CachePolicy, inner: CachePolicy) => {
    const clock = fakeClock()
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const signals: (AbortSignal | undefined)[] = []
    const handle: Handle = async (cache) => {
      signals.push(cache?.signal)
      const run = signals.length
      if (run > 1) await gate
      return `run ${run}`
    }
    const both = { clock, staleIfError: '10m' } as const
    const options = [
      { ...both, ...outer, name: 'outer' },
      { ...both, ...inner, name: 'inner' },
    ] as const
    const url = `${await serve(handle, options[0] as never, options[1] as never)}/a`
    expect((await request(url)).text).toBe('run 1')
    clock.advance(61_000)
    return { url, go: () => go(), signals }
  }

  test.each(orders)('over their softTimeouts, %s: one stale response, and a stored one', async (...order) => {
    const [, outer, inner] = order
    const { url, go, signals } = await withStale({ softTimeout: outer }, { softTimeout: inner })
    const { status, text, headers } = await request(url)
    expect([status, text]).toEqual([200, 'run 1'])
    expect(headers['cache-status']).toContain('soft-timeout')
    await bothOver()
    go()
    await expect.poll(async () => (await request(url)).text).toBe('run 2')
    expect((await request(url)).headers['cache-status']).toMatch(/outer; hit; ttl=60$/)
    expect(signals).toHaveLength(2)
  })

  test.each(orders)('over their hardTimeouts, %s: one stale response, and it stops', async (...order) => {
    const [, outer, inner] = order
    const { url, go, signals } = await withStale({ hardTimeout: outer }, { hardTimeout: inner })
    const { status, text, headers } = await request(url)
    expect([status, text]).toEqual([200, 'run 1'])
    expect(headers['cache-status']).toContain('hard-timeout')
    await bothOver()
    expect(signals.at(-1)?.aborted).toBe(true)
    go()
    expect((await request(url)).text).toBe('run 1')
    expect(signals).toHaveLength(2)
  })

  test('what the handler says counts for both', async () => {
    let runs = 0
    const handle: Handle = async (cache) => {
      runs += 1
      cache?.skip('on purpose')
      return `run ${runs}`
    }
    const url = `${await serve(handle, { name: 'outer' }, { name: 'inner' })}/a`
    for (const text of ['run 1', 'run 2']) expect((await request(url)).text).toBe(text)
  })
})
