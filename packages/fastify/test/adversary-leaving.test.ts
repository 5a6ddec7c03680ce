import { EventEmitter, once } from 'node:events'
import { request as start } from 'node:http'
import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyReply } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

type Fastify = (typeof majors)[number]['fastify']

const endings: Readonly<Record<string, (reply: FastifyReply) => unknown>> = {
  'returns nothing': () => undefined,
  'returns nothing of a 204': (reply) => void reply.code(204),
  'returns its answer': () => 'done',
  'returns its reply': (reply) => reply.send('done'),
}

/** A request that changes what GET answers only when its client has left; what GET answers then. */
const leave = async (
  fastify: Fastify,
  ending: (reply: FastifyReply) => unknown,
  method: 'POST' | 'GET' = 'POST',
) => {
  const app = fastify({ forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, { ttl: '5m' })
  const events = new EventEmitter()
  let version = 0
  app.get('/items', { config: { cache: { ttl: '5m', tags: ['items'] } } }, async () => `version ${version}`)
  const handler = async (_request: unknown, reply: FastifyReply): Promise<unknown> => {
    const gone = once(reply.raw, 'close')
    events.emit('entered')
    await gone
    version += 1
    setImmediate(() => events.emit('over'))
    return ending(reply)
  }
  app.route({ method, url: '/orders', config: { cacheInvalidates: { tags: ['items'] } }, handler })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  expect((await request(`${origin}/items`)).text).toBe('version 0')
  const entered = once(events, 'entered')
  const over = once(events, 'over')
  const post = start(`${origin}/orders`, { method }).on('error', () => undefined)
  post.end()
  await entered
  post.destroy()
  await over
  return (await request(`${origin}/items`)).text
}

describe.each(majors)('$name: a change whose client leaves before its handler is done', ({ fastify }) => {
  test.each(Object.entries(endings))('invalidates where that one %s', async (_, ending) => {
    expect(await leave(fastify, ending)).toBe('version 1')
  })

  test('invalidates where a GET is said to make it, and returns nothing', async () => {
    expect(await leave(fastify, () => undefined, 'GET')).toBe('version 1')
  })

  test('and fails invalidates nothing', async () => {
    const fail = () => Promise.reject(new Error('on purpose'))
    expect(await leave(fastify, fail)).toBe('version 0')
  })
})

test.each(majors)(
  '$name: a change invalidates where its client leaves before a stream in the place of a stale response has begun',
  async ({ fastify }) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    const clock = fakeClock()
    await app.register(cachePlugin, { ttl: '1m', clock, backend: memory({ clock }) })
    const events = new EventEmitter()
    let version = 0
    app.get('/items', { config: { cache: { ttl: '1h', tags: ['items'] } } }, async () => `version ${version}`)
    const next = { config: { cacheInvalidates: { tags: ['items'] } } }
    app.get('/next', next, async (_request, reply) => {
      version += 1
      const stream = new Readable({ read: () => undefined }).on('close', () => events.emit('over'))
      if (version === 1) stream.push(null)
      else events.emit('entered')
      return reply.header('etag', '"1"').send(stream)
    })
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    await request(`${origin}/next`)
    clock.advance(90_000)
    expect((await request(`${origin}/items`)).text).toBe('version 1')
    const entered = once(events, 'entered')
    const over = once(events, 'over')
    const asked = start(`${origin}/next`).on('error', () => undefined)
    asked.end()
    await entered
    asked.destroy()
    await over
    expect((await request(`${origin}/items`)).text).toBe('version 2')
  },
)
