import { Readable } from 'node:stream'
import { request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, Koa2, Koa3, type KoaClass } from './koa.ts'
import { createApp, serve } from './support.ts'

type Body = (ctx: Context) => unknown

const everywhere: Readonly<Record<string, Body>> = {
  'a string': () => 'text',
  markup: () => '<p>text</p>',
  'a buffer': () => Buffer.from([0, 255, 1]),
  JSON: () => ({ a: [1, 'é'] }),
  'a list': () => [1, 2],
  'an object with methods of streams': () => ({ a: 1, pipe: () => undefined, getReader: () => undefined }),
  'a number': () => 7,
  'a stream': () => Readable.from(['one ', Buffer.from('two')]),
  'a stream with its length': (ctx) => {
    ctx.length = 7
    return Readable.from(['one two'])
  },
  'an empty stream': () => Readable.from([]),
  'an empty string': () => '',
}

const of3: Readonly<Record<string, Body>> = {
  'null with a status of its own': (ctx) => {
    ctx.body = null
    ctx.status = 200
    return null
  },
  'a Blob': () => new Blob(['one ', 'two'], { type: 'text/plain' }),
  'a web stream': () => ReadableStream.from([Buffer.from('one '), Buffer.from('two')]),
  'a Response': () => new Response('one two', { status: 203, headers: { 'x-from': 'fetch' } }),
  'a Response without a body': () => new Response(null, { headers: { 'x-from': 'fetch' } }),
}

/** What Koa 2 takes for objects of no kind that it knows. */
const of2: Readonly<Record<string, Body>> = {
  'a web stream': () => ReadableStream.from(['one ']),
  'a web stream that somebody reads': () => {
    const stream = ReadableStream.from(['one '])
    stream.getReader()
    return stream
  },
}

const serveBody = async (Koa: KoaClass, body: Body) => {
  const { app, cache } = createApp({ etag: false }, Koa)
  const bare = new Koa()
  const seen = { runs: 0 }
  const handle = (ctx: Context): void => {
    ctx.set('Cache-Control', 'max-age=60')
    const given = body(ctx)
    if (given !== null) ctx.body = given
  }
  app.use(cache).use((ctx) => {
    seen.runs += 1
    handle(ctx)
  })
  bare.use(handle)
  return { seen, ports: await Promise.all([serve(bare), serve(app)]) }
}

const cases = [
  ...Object.entries({ ...everywhere, ...of2 }).map(([name, body]) => ({
    version: 'Koa 2',
    Koa: Koa2,
    name,
    body,
  })),
  ...Object.entries({ ...everywhere, ...of3 }).map(([name, body]) => ({
    version: 'Koa 3',
    Koa: Koa3,
    name,
    body,
  })),
]

describe.each(cases)('$version with $name', ({ Koa, body }) => {
  test('sends it as without a cache, and the same again from the cache', async () => {
    const { seen, ports } = await serveBody(Koa, body)
    const [bare, cached] = ports.map((port) => `http://127.0.0.1:${port}/`)
    const plain = await request(String(bare))
    for (const status of [/stored$/, /^stowage; hit/]) {
      const answer = await request(String(cached))
      expect(answer.headers['cache-status']).toMatch(status)
      expect([answer.status, answer.body]).toEqual([plain.status, plain.body])
      for (const name of ['content-type', 'cache-control', 'x-from'])
        expect(answer.headers[name], name).toEqual(plain.headers[name])
    }
    expect(seen.runs).toBe(1)
    const head = await request(String(cached), { method: 'HEAD' })
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([
      plain.status,
      0,
      String(plain.body.length),
    ])
  })
})

test('a body that is not stored is left as it was, for layers further out', async () => {
  const { app, cache } = createApp()
  const bodies: unknown[] = []
  const given = { a: 1 }
  app.use(async (ctx, next) => {
    await next()
    bodies.push(ctx.body)
  })
  app.use(cache).use((ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = given
  })
  await request(`http://127.0.0.1:${await serve(app)}/`)
  expect(bodies).toEqual([given])
  expect(bodies[0]).toBe(given)
})

test('a hit is a Buffer for layers further out', async () => {
  const { app, cache } = createApp({ ttl: '1m' })
  const bodies: unknown[] = []
  app.use(async (ctx, next) => {
    await next()
    bodies.push(ctx.body)
  })
  app.use(cache).use((ctx) => {
    ctx.body = 'text'
  })
  const url = `http://127.0.0.1:${await serve(app)}/`
  await request(url)
  await request(url)
  expect(bodies).toEqual(['text', Buffer.from('text')])
})

test('a status that nobody has answered is not stored, and one that is declared fresh is, with the text of Koa', async () => {
  const { app, cache } = createApp({ status: { 404: '10s' } })
  let runs = 0
  app.use(cache).use((ctx) => {
    runs += 1
    if (ctx.path === '/gone') ctx.set('Cache-Control', 'max-age=60')
    if (ctx.path === '/gone') ctx.status = 410
  })
  const port = await serve(app)
  for (const path of ['/gone', '/gone']) {
    const answer = await request(`http://127.0.0.1:${port}${path}`)
    expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([
      410,
      'Gone',
      'text/plain; charset=utf-8',
    ])
  }
  expect(runs).toBe(1)
})
