import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen, majors, statusOf, until, withCache } from './support.ts'

const chunk = Buffer.alloc(64 * 1024, 'x')

const open = async (url: string): Promise<IncomingMessage> => {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage]
  return response
}

/** All that Fastify asks of a web stream: not every implementation is Node's. */
const readerOnly = (source: Readable): unknown => {
  const stream = Readable.toWeb(source)
  return { getReader: () => stream.getReader(), cancel: () => stream.cancel() }
}

describe.each([
  ['a stream', (source: Readable): unknown => source],
  ['a web stream', (source: Readable): unknown => Readable.toWeb(source)],
  ['a web stream of another implementation', readerOnly],
])('%s', (_, shape) => {
  test('is read no faster than its client reads', async () => {
    const app = await withCache({ ttl: '5m' })
    let made = 0
    const pieces = function* (): Generator<Buffer> {
      for (; made < 400; made += 1) yield chunk
    }
    app.get('/a', async (_request, reply) =>
      reply.send(shape(Readable.from(pieces(), { objectMode: false }))),
    )
    const response = await open(`${await listen(app)}/a`)
    response.pause()
    let before = -1
    await until(() => {
      const stands = made === before && made > 0
      before = made
      return stands
    })
    expect(made).toBeLessThan(400)
    let received = 0
    response.on('data', (piece: Buffer) => {
      received += piece.length
    })
    response.resume()
    await once(response, 'end')
    expect(received).toBe(400 * chunk.length)
  })

  test('whose client leaves is destroyed, and nothing of it is stored', async () => {
    const app = await withCache({ ttl: '5m' })
    const sources: Readable[] = []
    app.get('/a', async (_request, reply) => {
      const endless = sources.length === 0
      const source = new Readable({
        read() {
          this.push(chunk)
          if (!endless) this.push(null)
        },
      })
      sources.push(source)
      return reply.send(shape(source))
    })
    const url = `${await listen(app)}/a`
    const response = await open(url)
    response.destroy()
    await until(() => sources[0]?.destroyed === true, 'the end of the source')
    expect(statusOf(await request(url))).toMatch(/uri-miss/)
    expect(sources.length).toBe(2)
  })

  test('that fails leaves nothing, before its first piece and after it', async () => {
    const app = await withCache({ ttl: '5m' })
    let runs = 0
    app.get('/a', async (_request, reply) => {
      runs += 1
      const run = runs
      const pieces = async function* (): AsyncGenerator<Buffer> {
        if (run === 1) throw new Error('failed on purpose')
        yield Buffer.from('one ')
        if (run === 2) throw new Error('failed on purpose')
        yield Buffer.from('two')
      }
      return reply.send(shape(Readable.from(pieces(), { objectMode: false })))
    })
    const url = `${await listen(app)}/a`
    const ask = (): Promise<string> =>
      request(url).then(
        ({ status }) => String(status),
        () => 'cut off',
      )
    expect(await ask()).toMatch(/500|cut off/)
    expect(await ask()).toBe('cut off')
    expect(await request(url)).toMatchObject({ status: 200, text: 'one two' })
    expect(statusOf(await request(url))).toMatch(/hit/)
    expect(runs).toBe(3)
  })

  test('is stored where its client has it already, also when a condition holds', async () => {
    const app = await withCache({ ttl: '5m' })
    let runs = 0
    app.get('/a', async (_request, reply) => {
      runs += 1
      return reply.header('etag', '"v1"').send(shape(Readable.from(['one ', 'two'], { objectMode: false })))
    })
    const url = `${await listen(app)}/a`
    const known = await request(url, { headers: { 'if-none-match': '"v1"' } })
    expect(known).toMatchObject({ status: 304, text: '' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'one two' })
    expect(runs).toBe(1)
  })
})

test.each(majors)('$name: a web stream that HEAD asks for is let go unread', async ({ fastify }) => {
  const app = fastify({ forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, { ttl: '5m' })
  let cancelled = 0
  const long = () => {
    let left = 200
    return new ReadableStream({
      pull: (controller) => (left-- > 0 ? controller.enqueue(chunk) : controller.close()),
      cancel: () => {
        cancelled += 1
      },
    })
  }
  app.get('/a', async (_request, reply) => reply.send(long()))
  app.get('/b', async (_request, reply) => reply.send(new Response(long())))
  const origin = await listen(app)
  for (const path of ['/a', '/b'])
    expect(await request(`${origin}${path}`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  expect(cancelled).toBe(2)
})
