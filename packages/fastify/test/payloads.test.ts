import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { asyncBackend, request } from '@stowage/core/testing'
import type { FastifyReply } from 'fastify'
import { describe, expect, test } from 'vitest'
import { askTwice, listen, statusOf, withCache } from './support.ts'

/** Fields that a stored response has otherwise; the tag of a stream is known at its end. */
const ofOneExchange = new Set(['age', 'cache-status', 'content-length', 'date', 'etag', 'transfer-encoding'])

const bytes = Buffer.from([0, 255, 128, 10])

describe('what a handler answers with comes back from the cache', () => {
  test.each<[string, (reply: FastifyReply) => unknown, string]>([
    ['an object', () => ({ a: 1 }), '{"a":1}'],
    ['a string', () => 'text', 'text'],
    ['text of several bytes a letter', () => 'grüße, мир, 世界', 'grüße, мир, 世界'],
    ['a Buffer', () => Buffer.from('bytes'), 'bytes'],
    ['a typed array', () => new Uint8Array(Buffer.from('typed')), 'typed'],
    ['JSON made by hand', (reply) => reply.type('application/json').send('{"b":2}'), '{"b":2}'],
    [
      'what a serializer of its own has made',
      (reply) => reply.serializer(() => 'made').send({ a: 1 }),
      'made',
    ],
    ['a stream', () => Readable.from(['one ', 'two']), 'one two'],
    ['a stream without a type', (reply) => reply.send(Readable.from([Buffer.from('raw')])), 'raw'],
    ['a web stream', () => new Blob(['web']).stream(), 'web'],
    ['a Response', () => new Response('fetched', { headers: { 'x-own': 'yes' } }), 'fetched'],
    ['a Response without a body', () => new Response(null, { status: 404 }), ''],
    ['nothing', (reply) => reply.send(), ''],
    ['204', (reply) => reply.code(204).send(), ''],
    ['204 with a text that nobody gets', (reply) => reply.code(204).send('text'), ''],
  ])('%s', async (_, answer, text) => {
    const app = await withCache({ ttl: '5m', status: { 404: '1m' } })
    let runs = 0
    app.get('/a', async (_request, reply) => {
      runs += 1
      return answer(reply)
    })
    const [first, second] = await askTwice(`${await listen(app)}/a`)
    expect(first.text).toBe(text)
    expect(second).toMatchObject({ status: first.status, text })
    const fieldsOf = ({ headers }: typeof first): object =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneExchange.has(name)))
    expect(fieldsOf(second)).toEqual(fieldsOf(first))
    expect(statusOf(second)).toMatch(/hit/)
    expect(runs).toBe(1)
  })

  test('bytes that are no text', async () => {
    const app = await withCache({ ttl: '5m' })
    app.get('/a', async (_request, reply) => reply.type('image/x').send(bytes))
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(second.body.equals(bytes)).toBe(true)
  })
})

describe('what is written to the response of node:http', () => {
  test.each([
    ['after hijack()', true],
    ['without it', false],
  ])('%s is sent and not stored, and nobody hangs', async (_, hijacks) => {
    const app = await withCache({ ttl: '5m' })
    let runs = 0
    app.get('/a', (_request, reply) => {
      runs += 1
      if (hijacks) reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/plain' })
      reply.raw.write('run ')
      reply.raw.end(String(runs))
    })
    const url = `${await listen(app)}/a`
    const together = await Promise.all([1, 2, 3].map(() => request(url)))
    expect(together.map(({ text }) => text).sort()).toEqual(['run 1', 'run 2', 'run 3'])
    expect(statusOf(await request(url))).toMatch(/detail=skip/)
    expect(runs).toBe(4)
  })

  test.each([
    ['at once', memory],
    ['later', () => asyncBackend(memory())],
  ])(
    'invalidates where the method is unsafe, before it leaves, and the store answers %s',
    async (_, backend) => {
      const app = await withCache({ ttl: '5m', backend: backend() })
      let version = 0
      app.get('/a', async () => `version ${version}`)
      app.post('/a', (_request, reply) => {
        version += 1
        reply.hijack()
        reply.raw.end('done')
      })
      const url = `${await listen(app)}/a`
      await request(url)
      expect((await request(url, { method: 'POST' })).text).toBe('done')
      expect((await request(url)).text).toBe('version 1')
    },
  )
})

describe('an answer that does not leave as it was judged', () => {
  test('since a later hook fails is not stored, and the error says nothing of being so', async () => {
    const app = await withCache({ ttl: '5m' })
    let fails = true
    app.addHook('onSend', async (_request, _reply, payload) => {
      if (fails && !String(payload).includes('on purpose')) throw new Error('failed on purpose')
      return payload
    })
    app.get('/a', async () => 'fine')
    const url = `${await listen(app)}/a`
    const failed = await request(url)
    expect(failed.status).toBe(500)
    expect(statusOf(failed)).not.toMatch(/stored/)
    fails = false
    expect(statusOf(await request(url))).toMatch(/uri-miss/)
    expect(statusOf(await request(url))).toMatch(/hit/)
  })

  test('since Node refuses a field is an error, and not stored', async () => {
    const app = await withCache({ ttl: '5m' })
    app.get('/a', async (_request, reply) => reply.header('x-wrong', 'line\nbreak').send('text'))
    const url = `${await listen(app)}/a`
    for (const response of await askTwice(url)) expect(statusOf(response)).not.toMatch(/hit/)
  })

  test('while an invalidation is awaited is sent once, also where a handler does not return its reply', async () => {
    const app = await withCache({ ttl: '5m', backend: asyncBackend(memory()) })
    app.post('/a', async (_request, reply) => {
      reply.send('said once')
    })
    const response = await request(`${await listen(app)}/a`, { method: 'POST' })
    expect(response).toMatchObject({ status: 200, text: 'said once' })
  })
})

describe('errors', () => {
  test('that a handler throws go to the error handler, whose answer is judged', async () => {
    const app = await withCache({ ttl: '5m', status: { 404: '1m' } })
    let runs = 0
    app.setErrorHandler((error: Error, _request, reply) => reply.code(404).send({ error: error.message }))
    app.get('/a', async () => {
      runs += 1
      throw new Error('no such thing')
    })
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(second).toMatchObject({ status: 404, text: '{"error":"no such thing"}' })
    expect(statusOf(second)).toMatch(/hit/)
    expect(runs).toBe(1)
  })

  test.each([
    ['thrown', () => Promise.reject(new Error('down'))],
    ['answered', (reply: FastifyReply) => reply.code(503).send('down')],
    ['sent', (reply: FastifyReply) => reply.send(new Error('down'))],
  ])('of the server leave the stale response in their place: %s', async (_, fail) => {
    let now = Date.now()
    const app = await withCache({ ttl: '1m', staleIfError: '1h', clock: () => now })
    let fails = false
    app.get('/a', async (_request, reply) => (fails ? fail(reply) : 'fine'))
    const url = `${await listen(app)}/a`
    await request(url)
    fails = true
    now += 90_000
    const stale = await request(url)
    expect(stale).toMatchObject({ status: 200, text: 'fine' })
    expect(stale.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  test('of a route that is not there are none of its business', async () => {
    const app = await withCache({ ttl: '5m', status: { 404: '1m' } })
    const [, second] = await askTwice(`${await listen(app)}/nowhere`)
    expect(second.status).toBe(404)
    expect(second.headers['cache-status']).toBeUndefined()
  })

  test('by callNotFound() are judged for the route that called', async () => {
    const app = await withCache({ ttl: '5m', status: { 404: '1m' } })
    app.get('/a', (_request, reply) => reply.callNotFound())
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(second.status).toBe(404)
    expect(statusOf(second)).toMatch(/hit/)
  })
})

describe('request.cache.notModified()', () => {
  test('freshens what is stored', async () => {
    let now = Date.now()
    const app = await withCache({ ttl: '1m', clock: () => now })
    let runs = 0
    app.get('/a', async (incoming, reply) => {
      runs += 1
      if (incoming.cache.stale?.etag === undefined) return reply.header('etag', '"v1"').send('made once')
      incoming.cache.notModified()
      return reply
    })
    const url = `${await listen(app)}/a`
    await request(url)
    now += 90_000
    expect(await request(url)).toMatchObject({ status: 200, text: 'made once' })
    expect(statusOf(await request(url))).toMatch(/hit/)
    expect(runs).toBe(2)
  })
})
