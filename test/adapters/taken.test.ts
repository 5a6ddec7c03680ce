import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from '@stowage/core/testing'
import { cacheMiddleware as forExpress } from '@stowage/express'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware as forKoa } from '@stowage/koa'
import { cached } from '@stowage/node'
import { expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'
import { express4, express5 } from './express.ts'
import { type FastifyModule, fastify4, fastify5 } from './fastify.ts'

type Handle = (response: ServerResponse) => unknown
type Listen = (handle: Handle) => RequestListener | Promise<RequestListener>

const options = { ttl: '1m' } as const

const onExpress =
  (express: typeof express5): Listen =>
  (handle) =>
    express()
      .use(forExpress(options))
      .use((_request, response) => void handle(response))

const onKoa =
  (Koa: KoaClass): Listen =>
  (handle) =>
    new Koa()
      .use(forKoa(options))
      .use((ctx) => {
        ctx.respond = false
        handle(ctx.res)
      })
      .callback()

const onNode: Listen = (handle) =>
  cached((_request, response) => void handle(response), options) as RequestListener

const onFastify =
  (fastify: FastifyModule): Listen =>
  async (handle) => {
    const app = fastify()
    await app.register(cachePlugin, options)
    app.all('/', (_request, reply) => {
      reply.hijack()
      handle(reply.raw)
    })
    await app.ready()
    return app.routing
  }

const listeners: readonly (readonly [string, Listen])[] = [
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['Fastify 5', onFastify(fastify5)],
  ['Fastify 4', onFastify(fastify4)],
  ['node:http', onNode],
]

/** Answers past Node's response. */
const take = (response: ServerResponse, text: string): void => {
  const { socket } = response
  if (socket === null) return
  response.detachSocket(socket)
  socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
}

const answered = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`

/** Answers past Node's response, and leaves it where it is. */
const write = (response: ServerResponse, text: string): void => void response.socket?.write(answered(text))

const ways = [
  ['takes the connection', take],
  ['writes to the connection', write],
] as const

const everywhere = listeners.flatMap(([name, listen]) =>
  ways.map(([how, answer]) => [name, how, listen, answer] as const),
)

const serve = async (listen: Listen, handle: Handle) => {
  const server = createServer(await listen(handle)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

test.each(everywhere)(
  '%s: of a handler that %s nobody waits for the answer',
  async (_, _how, listen, answer) => {
    const taken: ServerResponse[] = []
    const handle: Handle = (response) => {
      if (taken.length === 0) taken.push(response)
      else response.end('made')
    }
    const { server, url } = await serve(listen, handle)
    const first = request(url)
    await once(server, 'request')
    const second = request(url)
    await once(server, 'request')
    const began = performance.now()
    answer(taken[0] as ServerResponse, 'taken')
    expect((await first).text).toBe('taken')
    expect((await second).text).toBe('made')
    // Waiters are patient for 5 s.
    expect(performance.now() - began).toBeLessThan(4000)
  },
)

test.each(everywhere)(
  '%s: what a handler that %s may have changed is invalidated',
  async (_, _how, listen, answer) => {
    let version = 1
    const { url } = await serve(listen, (response) => {
      if (response.req.method === 'GET') response.end(`version ${version}`)
      else {
        version += 1
        answer(response, 'changed')
      }
    })
    for (const text of ['version 1', 'version 1']) expect((await request(url)).text).toBe(text)
    expect((await request(url, { method: 'DELETE' })).text).toBe('changed')
    expect((await request(url)).text).toBe('version 2')
  },
)

test('what a route names is invalidated where its handler takes the connection, by whatever method', async () => {
  let version = 1
  const cache = forExpress(options)
  const app = express5().use(cache)
  app.get('/change', cache.invalidates({ all: true }), (_request, response) => {
    version += 1
    take(response, 'changed')
  })
  app.get('/', (_request, response) => void response.end(`version ${version}`))
  const { url } = await serve(
    () => app,
    () => undefined,
  )
  for (const text of ['version 1', 'version 1']) expect((await request(url)).text).toBe(text)
  expect((await request(`${url}change`)).text).toBe('changed')
  expect((await request(url)).text).toBe('version 2')
})

test('what a handler that writes its answer in bytes may have changed is invalidated', async () => {
  let version = 1
  const { url } = await serve(onNode, (response) => {
    if (response.req.method === 'GET') return response.end(`version ${version}`)
    version += 1
    return response.socket?.write(new Uint8Array(Buffer.from(answered('changed'))))
  })
  for (const text of ['version 1', 'version 1']) expect((await request(url)).text).toBe(text)
  expect((await request(url, { method: 'DELETE' })).text).toBe('changed')
  expect((await request(url)).text).toBe('version 2')
})

test('of bytes that a handler sends nothing is made text', async () => {
  const bytes = new Uint8Array(Buffer.from('sent'))
  bytes.toString = () => {
    throw new Error('as long as all of them')
  }
  const { url } = await serve(onNode, (response) => void response.end(bytes))
  expect((await request(url)).text).toBe('sent')
})
