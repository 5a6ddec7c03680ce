import { request } from '@stowage/core/testing'
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
