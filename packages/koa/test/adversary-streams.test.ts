import { fakeClock, request } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { Koa3 } from './koa.ts'
import { createApp, serve, until } from './support.ts'

test.each([
  ['a web stream', (stream: ReadableStream) => stream],
  ['a Response', (stream: ReadableStream) => new Response(stream)],
])('%s that is not sent, because the client has it already, is let go of', async (_name, bodyOf) => {
  const { app, cache } = createApp({}, Koa3)
  let cancelled = 0
  app.use(cache).use((ctx) => {
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(Buffer.from('x')),
      cancel: () => {
        cancelled += 1
      },
    })
    ctx.body = bodyOf(stream)
    ctx.set('ETag', '"a"')
  })
  const url = `http://127.0.0.1:${await serve(app)}/`
  const { status } = await request(url, { headers: { 'if-none-match': '"a"' } })
  expect(status).toBe(304)
  await until(() => cancelled === 1, 'the end of the stream')
})

test('a web stream that somebody reads fails as without the cache: a stale response stands in, and Koa tells of it', async () => {
  const clock = fakeClock()
  const { app, cache } = createApp({ clock, staleIfError: '10m' }, Koa3)
  const bare = new Koa3()
  bare.silent = true
  const locked = (): ReadableStream => {
    const stream = new ReadableStream()
    stream.getReader()
    return stream
  }
  bare.use((ctx) => {
    ctx.body = locked()
  })
  let runs = 0
  app.use(cache).use((ctx) => {
    runs += 1
    ctx.set('Cache-Control', 'max-age=60')
    ctx.body = runs === 1 ? 'old' : locked()
  })
  const told: unknown[] = []
  for (const each of [app, bare]) each.on('error', (error: Error) => told.push(error.message))
  expect((await request(`http://127.0.0.1:${await serve(bare)}/`)).status).toBe(500)
  const url = `http://127.0.0.1:${await serve(app)}/`
  await request(url)
  clock.advance(90_000)
  expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  expect(told).toHaveLength(2)
  expect(told[1]).toBe(told[0])
})
