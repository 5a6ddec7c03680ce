import { EventEmitter, once } from 'node:events'
import { get, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware } from '@stowage/koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors as fastifies } from '../../packages/fastify/test/support.ts'
import { type KoaClass, majors as koas } from '../../packages/koa/test/koa.ts'
import { until } from '../../packages/koa/test/support.ts'

/** A stream that fails or hangs before it has a piece, or is whole. */
const streams = {
  fails: () =>
    new Readable({
      read() {
        this.destroy(new Error('on purpose'))
      },
    }),
  hangs: () => new Readable({ read: () => undefined }),
  stops: () => {
    const stream = new Readable({ read: () => undefined })
    stream.push('new ')
    return stream
  },
  begins: () => Readable.from(['new ', 'one'], { objectMode: false }),
  'is empty': () => Readable.from([], { objectMode: false }),
}
type Stream = keyof typeof streams

/** Serves what a handler answers with, fresh for a minute; its URL. */
type Serve = (answer: (response: ServerResponse) => unknown, options: CacheOptions) => Promise<string>

const etag = '"new"'

const onKoa =
  (Koa: KoaClass): Serve =>
  async (answer, options) => {
    const cache = cacheMiddleware(options as never)
    const app = new Koa()
    app.silent = true
    app.use(cache).use(async (ctx) => {
      ctx.set({ 'Cache-Control': 'max-age=60', ETag: etag })
      ctx.body = await answer(ctx.res)
    })
    const { url, close } = await listen(app.callback(), cache as never)
    onTestFinished(close)
    return url
  }

const onFastify =
  ({ fastify }: (typeof fastifies)[number]): Serve =>
  async (answer, options) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, options as never)
    app.get('/', async (_request, reply) =>
      reply.headers({ 'cache-control': 'max-age=60', etag }).send(await answer(reply.raw)),
    )
    return app.listen({ port: 0, host: '127.0.0.1' })
  }

const frameworks: readonly (readonly [string, Serve])[] = [
  ...koas.map(({ name, Koa }) => [name, onKoa(Koa)] as const),
  ...fastifies.map((major) => [major.name, onFastify(major)] as const),
]

/** A site that has answered with `old`, which is stale now, and makes a stream next. */
const open = async (serve: Serve, kind: Stream, options: CacheOptions = {}) => {
  const clock = fakeClock()
  const made: Readable[] = []
  let runs = 0
  const answer = (): unknown => {
    runs += 1
    if (runs === 1) return 'old'
    const stream = streams[kind]()
    made.push(stream)
    return stream
  }
  const url = await serve(answer, { clock, backend: memory({ clock }), staleIfError: '10m', ...options })
  await request(`${url}/`)
  clock.advance(90_000)
  return { url: `${url}/`, made }
}

describe.each(frameworks)('%s: a stream in the place of a stale response', (_name, serve) => {
  test('that fails is stood in for by a stale response, and nothing is stored', async () => {
    const { url } = await open(serve, 'fails')
    for (let round = 0; round < 2; round += 1)
      expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('of the web that fails is stood in for as well', async () => {
    const clock = fakeClock()
    let runs = 0
    const failing = { pull: () => Promise.reject(new Error('on purpose')) }
    const answer = (): unknown => {
      runs += 1
      return runs === 1 ? 'old' : new ReadableStream(failing)
    }
    const url = await serve(answer, { clock, backend: memory({ clock }), staleIfError: '10m' })
    await request(`${url}/`)
    clock.advance(90_000)
    expect(await request(`${url}/`)).toMatchObject({ status: 200, text: 'old' })
    expect(runs).toBe(2)
  })

  test('that does not begin in time is stood in for by a stale response', async () => {
    const { url } = await open(serve, 'hangs', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that begins is sent and stored', async () => {
    for (const [kind, text] of [
      ['begins', 'new one'],
      ['is empty', ''],
    ] as const) {
      const { url, made } = await open(serve, kind)
      for (let round = 0; round < 2; round += 1)
        expect(await request(url)).toMatchObject({ status: 200, text })
      expect(made.length).toBe(1)
    }
  })

  test('whose client leaves before is destroyed', async () => {
    const { url, made } = await open(serve, 'hangs')
    const asked = get(url).on('error', () => undefined)
    await until(() => made.length === 1, 'the stream')
    const [stream] = made as [Readable]
    const closed = once(stream, 'close')
    stream.on('error', () => undefined)
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })
  test('whose client has left before it was made is destroyed', async () => {
    const clock = fakeClock()
    const events = new EventEmitter()
    const stream = streams.hangs().on('error', () => undefined)
    let runs = 0
    const answer = async (response: ServerResponse): Promise<unknown> => {
      runs += 1
      if (runs === 1) return 'old'
      events.emit('entered')
      await once(response, 'close')
      return stream
    }
    const url = await serve(answer, { clock, backend: memory({ clock }), staleIfError: '10m' })
    await request(`${url}/`)
    clock.advance(90_000)
    const entered = once(events, 'entered')
    const closed = once(stream, 'close')
    const asked = get(url).on('error', () => undefined)
    await entered
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })

  test('whose client leaves while it is recorded, for that one has it already, is destroyed', async () => {
    const { url, made } = await open(serve, 'stops')
    const asked = get(url, { headers: { 'if-none-match': etag } }).on('error', () => undefined)
    await until(() => made[0]?.readableFlowing === true, 'the stream')
    const [stream] = made as [Readable]
    const closed = once(stream, 'close')
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })
})
