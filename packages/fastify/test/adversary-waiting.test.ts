import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { asyncBackend, request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

const late: Readonly<Record<string, Handler>> = {
  'an error in the same turn': async (_request, reply) => {
    reply.code(202).send('done')
    throw new Error('on purpose')
  },
  'an error a turn later': async (_request, reply) => {
    reply.code(202).send('done')
    await null
    throw new Error('on purpose')
  },
  'another answer': (_request, reply) => {
    reply.code(202).send('done')
    reply.code(201).header('x-second', '1').send({ second: true })
  },
  'another answer that is returned': async (_request, reply) => {
    reply.code(202).send('done')
    return { second: true }
  },
}

/** Answers again after so many turns of the microtask queue: one of them is that in which the first goes on. */
const againAfter =
  (turns: number): Handler =>
  async (_request, reply) => {
    reply.code(202).send('done')
    for (let turn = 0; turn < turns; turn += 1) await null
    return 'second'
  }

describe.each(majors)('$name: an answer that waits for its invalidation', ({ fastify }) => {
  const serve = async (handler: Handler, hook?: Handler) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { ttl: '5m', backend: asyncBackend(memory()) })
    if (hook !== undefined)
      app.addHook('onRequest', async (incoming, reply) => void (await hook(incoming, reply)))
    app.post('/a', handler as never)
    return `${await app.listen({ port: 0, host: '127.0.0.1' })}/a`
  }

  test.each(Object.entries(late))('is not changed by %s', async (_, handler) => {
    const { status, text, headers } = await request(await serve(handler), { method: 'POST' })
    expect([status, text, headers['content-type'], headers['x-second']]).toEqual([
      202,
      'done',
      'text/plain; charset=utf-8',
      undefined,
    ])
  })

  test('is not changed by another answer in any of the turns until it goes on', async () => {
    const turns = Array.from({ length: 24 }, (_, n) => n)
    const answers = turns.map(
      async (n) => (await request(await serve(againAfter(n)), { method: 'POST' })).text,
    )
    expect(await Promise.all(answers)).toEqual(turns.map(() => 'done'))
  })

  test('is an error of the application where Fastify refuses to send it', async () => {
    const url = await serve((_request, reply) => {
      reply.header('x-a', 'of two\nlines').send('done')
    })
    const { status, text } = await request(url, { method: 'POST' })
    expect([status, text]).toEqual([500, expect.stringContaining('ERR_INVALID_CHAR')])
  })

  test('of a hook keeps its request from the handler, also where the hook does not return its reply', async () => {
    let runs = 0
    const handler = async () => {
      runs += 1
      return 'handled'
    }
    const url = await serve(handler, (_request, reply) => {
      reply.code(202).send('done')
    })
    expect(await request(url, { method: 'POST' })).toMatchObject({ status: 202, text: 'done' })
    expect(runs).toBe(0)
  })
})

test.each(majors)(
  '$name: a stream after a head that went past Fastify is sent, and not stored',
  async ({ fastify }) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { ttl: '5m' })
    let runs = 0
    app.get('/a', (_request, reply) => {
      runs += 1
      reply.raw.writeHead(200, { 'x-run': String(runs) })
      reply.send(Readable.from(['one ', 'two'], { objectMode: false }))
    })
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/a`
    for (const run of ['1', '2']) {
      const { text, headers } = await request(url)
      expect([text, headers['x-run']]).toEqual(['one two', run])
    }
  },
)
