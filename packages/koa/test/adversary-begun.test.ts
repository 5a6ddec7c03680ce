import { once } from 'node:events'
import { get } from 'node:http'
import { Readable } from 'node:stream'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, type KoaClass, majors } from './koa.ts'
import { createApp, serve, until } from './support.ts'

/** A stream that fails or hangs before it has a piece, or is whole. */
const streams = {
  fails: () =>
    new Readable({
      read() {
        this.destroy(new Error('on purpose'))
      },
    }),
  hangs: () => new Readable({ read: () => undefined }),
  begins: () => Readable.from(['new ', 'one'], { objectMode: false }),
  'is empty': () => Readable.from([], { objectMode: false }),
}
type Stream = keyof typeof streams

/** An application that has answered with `old`, which is stale now, and makes a stream next. */
const open = async (Koa: KoaClass, kind: Stream, options: CacheOptions<Context> = {}) => {
  const clock = fakeClock()
  const { app, cache } = createApp(
    { clock, backend: memory({ clock }), staleIfError: '10m', ...options },
    Koa,
  )
  const made: Readable[] = []
  let runs = 0
  app.use(cache).use((ctx) => {
    runs += 1
    ctx.set('Cache-Control', 'max-age=60')
    if (runs === 1) {
      ctx.body = 'old'
      return
    }
    const stream = streams[kind]()
    made.push(stream)
    ctx.body = stream
  })
  const url = `http://127.0.0.1:${await serve(app)}/`
  await request(url)
  clock.advance(90_000)
  return { url, made }
}

describe.each(majors)('$name: a stream in the place of a stale response', ({ Koa }) => {
  test('that fails is stood in for by a stale response, and nothing is stored', async () => {
    const { url } = await open(Koa, 'fails')
    for (let round = 0; round < 2; round += 1)
      expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that does not begin in time is stood in for by a stale response', async () => {
    const { url } = await open(Koa, 'hangs', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that begins is sent and stored', async () => {
    for (const [kind, text] of [
      ['begins', 'new one'],
      ['is empty', ''],
    ] as const) {
      const { url, made } = await open(Koa, kind)
      for (let round = 0; round < 2; round += 1)
        expect(await request(url)).toMatchObject({ status: 200, text })
      expect(made.length).toBe(1)
    }
  })

  test('whose client leaves before is destroyed', async () => {
    const { url, made } = await open(Koa, 'hangs')
    const asked = get(url).on('error', () => undefined)
    await until(() => made.length === 1, 'the stream')
    const [stream] = made as [Readable]
    const closed = once(stream, 'close')
    stream.on('error', () => undefined)
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })
})
