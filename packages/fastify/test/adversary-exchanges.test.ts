import { Readable } from 'node:stream'
import { request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

describe.each(majors)('$name: fields that hooks set in front of the cache', ({ fastify }) => {
  const create = async (options: FastifyCacheOptions = {}) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    let exchange = 0
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('X-Exchange', String(++exchange)).header('Vary', 'X-Outer')
    })
    await app.register(cachePlugin, options)
    return app
  }

  test('belong to the exchange also where the route is one of POST that is stored', async () => {
    const app = await create()
    let runs = 0
    const cache = { ttl: 60, methods: ['POST' as const], key: { body: 'json' as const } }
    app.post('/a', { config: { cache } }, async () => `run ${++runs}`)
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/a`
    const ask = () =>
      request(url, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } })
    for (const number of ['1', '2']) {
      const { text, headers } = await ask()
      expect([text, headers['x-exchange']]).toEqual(['run 1', number])
    }
  })

  test('belong to the exchange also where the route invalidates by a safe method', async () => {
    const app = await create()
    const config = { cache: '1m', cacheInvalidates: { tags: ['other'] } }
    app.get('/a', { config }, async () => 'a')
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/a`
    for (const number of ['1', '2']) expect((await request(url)).headers['x-exchange']).toBe(number)
    expect((await request(url)).headers['cache-status']).toMatch(/hit/)
  })

  test('stay, and those of the handler go, where another response is sent in the place of a stream that was waited for', async () => {
    const app = await create()
    app.get('/a', async (incoming, reply) => {
      reply.header('Cache-Control', 'max-age=0').header('ETag', '"1"').header('X-Inner', 'handler')
      const isAsked = incoming.headers['if-none-match'] !== undefined
      return reply.code(isAsked ? 304 : 200).send(Readable.from(isAsked ? [] : ['0123456789']))
    })
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/a`
    expect((await request(url)).text).toBe('0123456789')
    const { status, headers } = await request(url, { headers: { range: 'bytes=99-' } })
    expect([status, headers['content-range'], headers['x-inner']]).toEqual([416, 'bytes */10', undefined])
    expect([headers['x-exchange'], headers.vary]).toEqual(['2', 'X-Outer'])
  })
})
