import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware } from '@stowage/koa'
import { onTestFinished } from 'vitest'
import { majors as fastifies } from '../../packages/fastify/test/support.ts'
import { type KoaClass, majors as koas } from '../../packages/koa/test/koa.ts'

export const etag = '"new"'

/** Events, of which the first is long in coming. */
class Events extends Readable {
  override _read(): void {
    setTimeout(() => this.push('data: new\n\n') && this.push(null), 60)
  }
}

const fieldsOf = (body: unknown): Record<string, string> => ({
  'cache-control': 'max-age=60',
  etag,
  ...(body instanceof Events ? { 'content-type': 'text/event-stream' } : {}),
})

/** A stream that fails or hangs before it has a piece, or is whole. */
export const streams = {
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
  'is of events': () => new Events(),
  'is empty': () => Readable.from([], { objectMode: false }),
}
type Stream = keyof typeof streams

/** Serves what a handler answers with, fresh for a minute; its URL. */
export type Serve = (answer: (response: ServerResponse) => unknown, options: CacheOptions) => Promise<string>

const onKoa =
  (Koa: KoaClass): Serve =>
  async (answer, options) => {
    const cache = cacheMiddleware(options as never)
    const app = new Koa()
    app.silent = true
    app.use(cache).use(async (ctx) => {
      const body = await answer(ctx.res)
      ctx.set(fieldsOf(body))
      ctx.body = body
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
    app.get('/', async (_request, reply) => {
      const body = await answer(reply.raw)
      return reply.headers(fieldsOf(body)).send(body)
    })
    return app.listen({ port: 0, host: '127.0.0.1' })
  }

export const frameworks: readonly (readonly [string, Serve])[] = [
  ...koas.map(({ name, Koa }) => [name, onKoa(Koa)] as const),
  ...fastifies.map((major) => [major.name, onFastify(major)] as const),
]

/** A site that has answered with `old`, which is stale now, and makes a stream next. */
export const openStale = async (serve: Serve, kind: Stream, options: CacheOptions = {}) => {
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
