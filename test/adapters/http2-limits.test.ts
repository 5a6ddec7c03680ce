import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { CacheOptions, HandlerCache, ResponseCache } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware } from '@stowage/koa'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'
import { ask2 } from '../../packages/node/test/cached.ts'

const load = createRequire(new URL('../../packages/fastify/package.json', import.meta.url))
type Fastify = typeof import('../../packages/fastify/test/support.ts').Fastify

type Handle = (cache: HandlerCache | undefined, response: { destroy(): void }) => Promise<string>
interface Served {
  readonly origin: string
  readonly cache: Pick<ResponseCache<never>, 'on'>
}
type Serve = (handle: Handle, options: CacheOptions) => Promise<Served>

const listening = async (server: Http2Server): Promise<string> => {
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

const onKoa =
  (Koa: KoaClass): Serve =>
  async (handle, options) => {
    const cache = cacheMiddleware(options as never)
    const app = new Koa().use(cache).use(async (ctx) => {
      ctx.body = await handle(ctx.cache, ctx.res)
    })
    return { origin: await listening(createServer(app.callback() as never)), cache }
  }

const inFrontOfKoa: Serve = async (handle, options) => {
  const app = new Koa3().use(async (ctx) => {
    ctx.body = await handle((ctx.req as { cache?: HandlerCache }).cache, ctx.res)
  })
  const cache = cached(app.callback(), options as never)
  return { origin: await listening(createServer(cache)), cache }
}

const onFastify =
  (version: string): Serve =>
  async (handle, options) => {
    let server: Http2Server | undefined
    const app = (load(version) as Fastify)({
      http2: true,
      serverFactory: (listener: never) => {
        server = createServer(listener)
        return server
      },
    } as never)
    await app.register(cachePlugin, options as never)
    app.get('/a', (request, reply) => handle(request.cache, reply.raw))
    await app.ready()
    if (server === undefined) throw new Error('the factory was not asked')
    return { origin: await listening(server), cache: app.cache as never }
  }

test('Koa over HTTP/2: Node has nothing to warn of where a stream is stored', async () => {
  // Node says it once a process: this is the first test.
  const warnings: string[] = []
  const note = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  const app = new Koa3().use(cacheMiddleware({ ttl: '1m' })).use((ctx) => {
    ctx.body = Readable.from(['one ', 'two'])
  })
  const origin = await listening(createServer(app.callback() as never))
  const stored = 'stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored'
  expect(await ask2(origin, '/a')).toEqual({ status: 200, text: 'one two', cache: stored })
  expect(await ask2(origin, '/a')).toMatchObject({ text: 'one two', cache: expect.stringContaining('hit') })
  expect(warnings).toEqual([])
})

describe.each<readonly [string, Serve]>([
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['Fastify 5', onFastify('fastify')],
  ['Fastify 4', onFastify('fastify4')],
  ['node:http2 in front of Koa', inFrontOfKoa],
])('%s over HTTP/2: a handler', (_, serve) => {
  /** A handler that answers at once the first time, and later when it is let go. */
  const withStale = async (limits: CacheOptions) => {
    const clock = fakeClock()
    let runs = 0
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const signals: (AbortSignal | undefined)[] = []
    const handle: Handle = async (cache) => {
      runs += 1
      const run = runs
      signals.push(cache?.signal)
      if (run > 1) await gate
      return `run ${run}`
    }
    const options = { clock, ttl: '1m', staleIfError: '10m', ...limits } as const
    const { origin, cache } = await serve(handle, options)
    cache.on('error', () => undefined)
    expect((await ask2(origin, '/a')).text).toBe('run 1')
    clock.advance(61_000)
    return { origin, cache, go: () => go(), signals }
  }

  test('over its softTimeout goes on: the stale response is sent, its own is stored', async () => {
    const { origin, cache, go } = await withStale({ softTimeout: '30ms' })
    const stale = { status: 200, text: 'run 1', cache: 'stowage; fwd=stale; ttl=-1; detail=soft-timeout' }
    expect(await ask2(origin, '/a')).toEqual(stale)
    const stored = new Promise((resolve) => cache.on('store', resolve))
    go()
    await stored
    expect(await ask2(origin, '/a')).toEqual({ status: 200, text: 'run 2', cache: 'stowage; hit; ttl=60' })
  })

  test('over its hardTimeout is told to stop, and the stale response is sent', async () => {
    const { origin, go, signals } = await withStale({ hardTimeout: '30ms' })
    const stale = { status: 200, text: 'run 1', cache: 'stowage; fwd=stale; ttl=-1; detail=hard-timeout' }
    expect(await ask2(origin, '/a')).toEqual(stale)
    expect(signals.at(-1)?.aborted).toBe(true)
    go()
    expect((await ask2(origin, '/a')).text).toBe('run 1')
  })

  test('that destroys its response before the head is stood in for by the stale response', async () => {
    const clock = fakeClock()
    let runs = 0
    const handle: Handle = async (_cache, response) => {
      runs += 1
      if (runs > 1) response.destroy()
      return `run ${runs}`
    }
    const { origin, cache } = await serve(handle, { clock, ttl: '1m', staleIfError: '10m' })
    const reported: string[] = []
    cache.on('error', ({ code }) => reported.push(code))
    await ask2(origin, '/a')
    clock.advance(61_000)
    const stale = { status: 200, text: 'run 1', cache: 'stowage; fwd=stale; ttl=-1; detail=sie' }
    expect(await ask2(origin, '/a')).toEqual(stale)
    expect(reported).toEqual(['HANDLER_FAILED'])
  })
})
