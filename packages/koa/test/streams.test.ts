import { PassThrough, Readable } from 'node:stream'
import { open, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Context, compress, majors } from './koa.ts'
import { createApp, serve, until } from './support.ts'

const fresh = { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain' }

describe.each(majors)('$name: a stream', ({ Koa }) => {
  const openStream = async (
    make: () => unknown,
    layers: (app: ReturnType<typeof createApp>) => void = () => undefined,
  ) => {
    const made = createApp({}, Koa)
    const { app, cache } = made
    layers(made)
    const responses: Context['res'][] = []
    app.use(cache).use((ctx) => {
      responses.push(ctx.res)
      ctx.set(fresh)
      ctx.body = make()
    })
    return { url: `http://127.0.0.1:${await serve(app)}/`, cache, responses }
  }

  test('is let go with its client, and leaves nothing in the store', async () => {
    const source = new PassThrough()
    const { url, cache } = await openStream(() => source)
    source.write('a part')
    const started = await open(url)
    await started.read()
    started.destroy()
    await until(() => source.destroyed, 'the end of the stream')
    expect(cache.stats().stored).toBe(0)
  })

  test('that fails amid its body leaves nothing in the store', async () => {
    const source = new PassThrough()
    const { url, cache, responses } = await openStream(() => source)
    source.write('a part')
    const started = await open(url)
    await started.read()
    source.destroy(new Error('on purpose'))
    // Koa 2 leaves its client waiting, with and without a cache.
    if (Koa === majors[1]?.Koa) await until(() => responses[0]?.destroyed === false)
    else await expect(started.finish()).rejects.toThrow()
    started.destroy()
    await until(() => responses[0]?.destroyed === true)
    expect(cache.stats().stored).toBe(0)
  })

  test('is read no faster than its client reads', async () => {
    let pulled = 0
    const chunk = Buffer.alloc(65_536)
    const source = new Readable({
      highWaterMark: chunk.length,
      read() {
        pulled += 1
        this.push(pulled > 400 ? null : chunk)
      },
    })
    const { url } = await openStream(() => source)
    const started = await open(url)
    // What the sockets of both sides take is a few megabytes at most.
    let before = -1
    while (pulled !== before) {
      before = pulled
      await new Promise((resume) => setTimeout(resume, 50))
    }
    expect(pulled).toBeLessThan(300)
    expect((await started.finish()).body.length).toBe(400 * chunk.length)
  })

  test('goes through layers further out, and is stored as it was', async () => {
    const { url } = await openStream(
      () => Readable.from(['one '.repeat(1000), 'two']),
      ({ app }) => app.use(compress({ threshold: 0, br: false, zstd: false })),
    )
    const zipped = await request(url, { headers: { 'accept-encoding': 'gzip' } })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    const bare = await request(url)
    expect(bare.headers['cache-status']).toMatch(/hit/)
    expect(bare.text).toBe(`${'one '.repeat(1000)}two`)
  })

  test('that a layer further out does not read leaves nothing in the store', async () => {
    const source = Readable.from(['never read'])
    const { url, cache } = await openStream(
      () => source,
      ({ app }) =>
        app.use(async (ctx, next) => {
          await next()
          ctx.status = 304
        }),
    )
    expect((await request(url)).status).toBe(304)
    await until(() => source.destroyed, 'the end of the stream')
    expect(cache.stats().stored).toBe(0)
  })

  test('leaves no listener on a connection that is kept', async () => {
    const { url, responses } = await openStream(() => Readable.from(['text']))
    const { Agent } = await import('node:http')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<unknown>()
    const counts: number[] = []
    const { request: ask } = await import('node:http')
    for (let visit = 0; visit < 6; visit += 1) {
      await new Promise<void>((resolve, reject) => {
        const sent = ask(`${url}?${visit}`, { agent }, (response) => {
          const socket = responses.at(-1)?.socket
          sockets.add(socket)
          response.resume().on('end', () => setImmediate(resolve))
          counts.push(socket?.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0) ?? -1)
        })
        sent.on('error', reject).end()
      })
    }
    agent.destroy()
    sockets.delete(null)
    expect(sockets.size).toBeLessThanOrEqual(1)
    expect(new Set(counts.slice(1)).size).toBe(1)
  })
})
