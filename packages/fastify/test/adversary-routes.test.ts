import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

type Fastify = (typeof majors)[number]['fastify']

const serve = async (
  fastify: Fastify,
  options: FastifyCacheOptions,
  setUp: (app: FastifyInstance) => void,
): Promise<string> => {
  const app = fastify({ forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, options)
  setUp(app)
  return app.listen({ port: 0, host: '127.0.0.1' })
}

describe.each(majors)('$name: routes for one path that constraints tell apart', ({ fastify }) => {
  test('have entries of their own, fresh and stale, which a change invalidates together', async () => {
    const clock = fakeClock()
    const options = { ttl: '1m', staleWhileRevalidate: '1h', clock, backend: memory({ clock }) } as const
    let run = 0
    const origin = await serve(fastify, options, (app) => {
      for (const version of ['1.0.0', '2.0.0'])
        app.get('/a', { constraints: { version } }, async () => `${version}, run ${++run}`)
      app.get('/a', async () => `any, run ${++run}`)
      app.post('/a', async () => 'changed')
    })
    const ask = async (version?: string) =>
      (await request(`${origin}/a`, { headers: version === undefined ? {} : { 'accept-version': version } }))
        .text
    const askAll = async () => [await ask('1.x'), await ask('2.x'), await ask()]
    const first = ['1.0.0, run 1', '2.0.0, run 2', 'any, run 3']
    expect([await askAll(), await askAll()]).toEqual([first, first])
    await request(`${origin}/a`, { method: 'POST' })
    expect(await askAll()).toEqual(['1.0.0, run 4', '2.0.0, run 5', 'any, run 6'])
    clock.advance(90_000)
    for (const answer of [...(await askAll()), ...(await askAll())].map((text, at) => [text, at] as const))
      expect(answer[0]).toMatch(['1.0.0', '2.0.0', 'any'][answer[1] % 3] as string)
  })
})

const identifications: Readonly<Record<string, (request: FastifyRequest, token: string) => void>> = {
  'sets in the header': (incoming, token) => {
    incoming.headers.authorization = token
  },
  'sets in the header of Node': (incoming, token) => {
    incoming.raw.headers.authorization = token
  },
  'adds to the header': (incoming, token) => {
    ;(incoming as { headers: object }).headers = { authorization: token }
  },
}

describe.each(majors)('$name: Authorization that a hook behind the lookup', ({ fastify }) => {
  test.each(Object.entries(identifications))('%s keeps users apart', async (_, identify) => {
    const origin = await serve(fastify, { ttl: '1m' }, (app) => {
      app.addHook('preHandler', async (incoming) => identify(incoming, `Bearer ${incoming.headers['x-who']}`))
      app.get('/a', async (incoming) => `for ${incoming.headers.authorization}`)
    })
    for (const who of ['one', 'other']) {
      const { text } = await request(`${origin}/a`, { headers: { 'x-who': who } })
      expect(text).toBe(`for Bearer ${who}`)
    }
  })
})

const ways: Readonly<Record<string, (reply: FastifyReply) => void>> = {
  'writes to the response of Node': (reply) => void reply.raw.end('done'),
  'hijacks the reply': (reply) => void reply.hijack().raw.end('done'),
}

describe.each(majors)('$name: a change', ({ fastify }) => {
  test.each(Object.entries(ways))('invalidates where a hook in front of the cache %s', async (_, answer) => {
    let version = 0
    const origin = await serve(fastify, {}, (app) => {
      app.addHook('onRequest', (incoming, reply, next) => {
        if (incoming.method !== 'POST') return next()
        version += 1
        answer(reply)
      })
      app.get('/a', { config: { cache: { ttl: '5m', tags: ['a'] } } }, async () => `version ${version}`)
      app.post('/b', { config: { cacheInvalidates: { tags: ['a'] } } }, async () => 'never reached')
    })
    await request(`${origin}/a`)
    expect((await request(`${origin}/b`, { method: 'POST' })).text).toBe('done')
    // It has left before anybody could see it.
    await expect.poll(async () => (await request(`${origin}/a`)).text).toBe('version 1')
  })

  test.each(['alone', 'beside a hook'])('is no POST that is answered from the cache, %s', async (place) => {
    let runs = 0
    const origin = await serve(fastify, {}, (app) => {
      if (place !== 'alone') app.addHook('onSend', async () => undefined)
      const cache = { ttl: '5m', methods: ['GET', 'POST'], tags: ['a'], key: { body: 'json' } } as const
      app.post('/a', { config: { cache, cacheInvalidates: { tags: ['b'] } } }, async () => `run ${++runs}`)
    })
    const headers = { 'content-type': 'application/json' }
    for (let round = 0; round < 4; round += 1)
      expect((await request(`${origin}/a`, { method: 'POST', body: '{}', headers })).text).toBe('run 1')
  })
})
