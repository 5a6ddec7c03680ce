import { once } from 'node:events'
import { get } from 'node:http'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from './support.ts'

// They are CommonJS, and Vitest would make modules of them.
const require = createRequire(import.meta.url)
type Fastify = typeof import('fastify')
const majors = [
  { name: 'Fastify 5', fastify: require('fastify') as Fastify },
  { name: 'Fastify 4', fastify: require('fastify4') as Fastify },
]

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
const open = async (fastify: Fastify, kind: Stream, options: FastifyCacheOptions = {}) => {
  const clock = fakeClock()
  const app = fastify({ forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, { clock, backend: memory({ clock }), staleIfError: '10m', ...options })
  const made: Readable[] = []
  let runs = 0
  app.get('/', (_request, reply) => {
    runs += 1
    reply.header('cache-control', 'max-age=60')
    if (runs === 1) {
      reply.send('old')
      return
    }
    const stream = streams[kind]()
    made.push(stream)
    reply.send(stream)
  })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/`
  await request(url)
  clock.advance(90_000)
  return { url, made }
}

describe.each(majors)('$name: a stream in the place of a stale response', ({ fastify }) => {
  test('that fails is stood in for by a stale response, and nothing is stored', async () => {
    const { url } = await open(fastify, 'fails')
    for (let round = 0; round < 2; round += 1)
      expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that does not begin in time is stood in for by a stale response', async () => {
    const { url } = await open(fastify, 'hangs', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that begins is sent and stored', async () => {
    for (const [kind, text] of [
      ['begins', 'new one'],
      ['is empty', ''],
    ] as const) {
      const { url, made } = await open(fastify, kind)
      for (let round = 0; round < 2; round += 1)
        expect(await request(url)).toMatchObject({ status: 200, text })
      expect(made.length).toBe(1)
    }
  })

  test('whose client leaves before is destroyed', async () => {
    const { url, made } = await open(fastify, 'hangs')
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
