import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyReply } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

const withTrailer = (reply: FastifyReply, value: string): FastifyReply =>
  reply.trailer('x-sum', (_reply, _payload, done) => done(null, value))

describe.each(majors)('$name: trailers', ({ fastify }) => {
  const serve = async (from: 'handler' | 'onRequest' | 'onSend') => {
    const clock = fakeClock()
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    if (from === 'onRequest') app.addHook('onRequest', async (_, reply) => void withTrailer(reply, 'outer'))
    await app.register(cachePlugin, { clock, backend: memory({ clock }), staleIfError: '10m' })
    if (from === 'onSend') app.addHook('onSend', async (_, reply) => void withTrailer(reply, 'outer'))
    let runs = 0
    app.get('/', (_, reply) => {
      runs += 1
      reply.header('cache-control', 'max-age=60').header('etag', '"a"')
      if (from === 'handler') withTrailer(reply, `of ${runs}`)
      reply.code(runs > 1 ? 503 : 200).send(`run ${runs}`)
    })
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/`
    return { url, clock }
  }

  const conditional = { headers: { 'if-none-match': '"a"' } }

  test('of a handler reach the client whose request ran it, and are part of no stored response', async () => {
    const { url } = await serve('handler')
    const first = await request(url)
    expect(first).toMatchObject({ text: 'run 1', trailers: { 'x-sum': 'of 1' } })
    const hit = await request(url)
    expect(hit).toMatchObject({ text: 'run 1', trailers: {}, headers: { 'content-length': '5' } })
    expect(hit.headers).not.toHaveProperty('trailer')
  })

  test('of a handler are no part of a 304 in the place of its response', async () => {
    const { url } = await serve('handler')
    expect(await request(url, conditional)).toMatchObject({ status: 304, text: '', trailers: {} })
    expect(await request(url)).toMatchObject({ status: 200, text: 'run 1' })
  })

  test('of a handler that fails are no part of the stale response', async () => {
    const { url, clock } = await serve('handler')
    await request(url)
    clock.advance(90_000)
    const stale = await request(url)
    expect(stale).toMatchObject({
      status: 200,
      text: 'run 1',
      trailers: {},
      headers: { 'content-length': '5' },
    })
    expect(stale.headers).not.toHaveProperty('transfer-encoding')
  })

  test('of a hook in front of the cache go with whatever has a body', async () => {
    const { url, clock } = await serve('onRequest')
    const whole = { status: 200, text: 'run 1', trailers: { 'x-sum': 'outer' } }
    for (let round = 0; round < 2; round += 1) expect(await request(url)).toMatchObject(whole)
    expect(await request(url, conditional)).toMatchObject({ status: 304, text: '', trailers: {} })
    expect(await request(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '', trailers: {} })
    clock.advance(90_000)
    const stale = await request(url)
    expect(stale).toMatchObject(whole)
    expect(stale.headers['cache-status']).toContain('fwd-status=503')
  })

  test('that a hook adds to what is sent frame it by chunks, stored or not', async () => {
    const { url } = await serve('onSend')
    for (let round = 0; round < 2; round += 1) {
      const answer = await request(url)
      expect(answer).toMatchObject({ text: 'run 1', trailers: { 'x-sum': 'outer' } })
      expect(answer.headers).not.toHaveProperty('content-length')
    }
  })
})
