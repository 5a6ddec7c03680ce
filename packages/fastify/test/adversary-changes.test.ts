import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { asyncBackend, request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

type Fastify = (typeof majors)[number]['fastify']

/** An application of one resource with a version, and what is done to it. */
const serve = async (
  fastify: Fastify,
  options: FastifyCacheOptions,
  build: (app: FastifyInstance, change: () => void) => void,
): Promise<string> => {
  let version = 0
  const app = fastify({ forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, { ttl: '5m', ...options })
  app.get('/items', async () => `version ${version}`)
  build(app, () => {
    version += 1
  })
  return `${await app.listen({ port: 0, host: '127.0.0.1' })}/items`
}

const expectInvalidated = async (url: string): Promise<void> => {
  await request(url)
  expect((await request(url)).headers['cache-status']).toMatch(/hit/)
  // Some of them cut the connection.
  await request(url, { method: 'POST' }).catch(() => undefined)
  expect((await request(url)).text).toBe('version 1')
}

describe.each(majors)('$name: a change invalidates', ({ fastify }) => {
  test.each([
    ['at once', memory],
    ['later', () => asyncBackend(memory())],
  ])('where the handler for what is not found makes it, and the store answers %s', async (_when, backend) => {
    const url = await serve(fastify, { backend: backend() }, (app, change) => {
      app.setNotFoundHandler(async (_request, reply) => {
        change()
        return reply.code(200).send('done')
      })
    })
    await expectInvalidated(url)
  })

  test.each(['onRequest', 'preHandler'] as const)(
    'where a hook in front of its route answers, with the cache at %s',
    async (hook) => {
      const url = await serve(fastify, { hook }, (app, change) => {
        app.addHook(hook, async (incoming, reply) => {
          if (incoming.method !== 'POST') return
          change()
          return reply.code(303).header('location', '/items').send()
        })
        app.post('/items', async () => 'never')
      })
      await expectInvalidated(url)
    },
  )

  const ways: Readonly<Record<string, (reply: FastifyReply) => void>> = {
    'is hijacked': (reply) => {
      reply.hijack()
      reply.raw.writeHead(200)
      reply.raw.write('a')
      setImmediate(() => reply.raw.end('b'))
    },
    'throws after its head': (reply) => {
      reply.raw.writeHead(200)
      reply.raw.end('a')
      throw new Error('on purpose')
    },
    'destroys what it has begun': (reply) => {
      reply.hijack()
      reply.raw.write('a')
      setImmediate(() => reply.raw.destroy())
    },
    'streams, and fails amid it': (reply) => {
      const stream = new Readable({ read: () => undefined })
      stream.push('a')
      setTimeout(() => stream.destroy(new Error('on purpose')), 10)
      reply.send(stream)
    },
  }
  test.each(Object.entries(ways))('where the handler %s', async (_way, answer) => {
    const url = await serve(fastify, {}, (app, change) => {
      app.post('/items', (_request, reply) => {
        change()
        answer(reply)
      })
    })
    await expectInvalidated(url)
  })

  test('only where it is no error', async () => {
    const url = await serve(fastify, {}, (app) => {
      app.setNotFoundHandler((_request, reply) => void reply.code(404).send('nothing'))
    })
    await request(url)
    await request(url, { method: 'POST' })
    expect((await request(url)).headers['cache-status']).toMatch(/hit/)
  })
})
