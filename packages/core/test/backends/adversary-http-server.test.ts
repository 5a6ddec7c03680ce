import { request as send } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CacheBackend, cacheServer, httpApi, memory } from '@stowage/core'
import { chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve, token } from './http-site.ts'

const bearer = { authorization: `Bearer ${token}` }

const ask = (url: string, path: string, { method = 'GET', body }: { method?: string; body?: string } = {}) =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const request = send(new URL(url), { method, path, headers: bearer }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject)
    })
    request.on('error', reject)
    request.end(body)
  })

const raw = (url: string): Socket => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return socket
}

/** All that comes until the connection ends. */
const talk = (url: string, message: string): Promise<string> => {
  const socket = raw(url)
  socket.end(message)
  return text(socket).catch(() => '')
}

describe('cacheServer: a store that fails or hangs', () => {
  test('a store that hangs is answered for within the deadline, and at once while it goes on', async () => {
    const hanging = chaosBackend(mockBackend(), { hangRate: 1 })
    const url = await serve(cacheServer({ backend: hanging, token }))
    const began = performance.now()
    const first = await Promise.all(Array.from({ length: 6 }, () => ask(url, '/cache/key')))
    expect(first.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 503])
    expect(performance.now() - began).toBeLessThan(9000)
    const between = performance.now()
    expect((await ask(url, '/cache/key')).status).toBe(503)
    expect(performance.now() - between).toBeLessThan(1000)
    expect(JSON.parse((await ask(url, '/health')).body)).toMatchObject({ status: 'unhealthy' })
  })

  test('a store that throws at once, and one that answers nonsense, break nothing', async () => {
    const throwing = (): never => {
      throw new Error('secret')
    }
    const stores: CacheBackend[] = [
      { get: throwing, set: throwing, delete: throwing, close: () => undefined },
      { ...mockBackend(), get: () => 7 as never, stats: () => null as never },
    ]
    for (const backend of stores) {
      const url = await serve(cacheServer({ backend, token }))
      const client = httpApi({ baseUrl: url, authToken: token, timeout: '300ms', maxRetries: 0 })
      onTestFinished(() => client.close())
      await expect(client.get('key')).rejects.toMatchObject({ name: 'CacheBackendError' })
      expect((await ask(url, '/nothing')).status).toBe(404)
    }
  })
})

describe('cacheServer: clients that do not behave', () => {
  const head = `Host: x\r\nAuthorization: Bearer ${token}\r\n`

  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a length that is no number', `PUT /cache/a HTTP/1.1\r\n${head}Content-Length: ten\r\n\r\n`],
    [
      'a length and chunks',
      `PUT /cache/a HTTP/1.1\r\n${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['chunks that are none', `PUT /cache/a HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a body that breaks off', `PUT /cache/a HTTP/1.1\r\n${head}Content-Length: 50\r\n\r\n{"value":"v"`],
    ['a path that is none', `GET http://[ HTTP/1.1\r\n${head}Connection: close\r\n\r\n`],
    ['an asterisk', `OPTIONS * HTTP/1.1\r\n${head}Connection: close\r\n\r\n`],
  ])('%s changes nothing and stops nobody', async (_name, message) => {
    const store = memory()
    const url = await serve(cacheServer({ backend: store, token }))
    expect(await talk(url, message)).not.toMatch(/^HTTP\/1.1 2/)
    expect(store.stats().entries).toBe(0)
    expect((await ask(url, '/cache/key')).status).toBe(404)
  })

  test('a mark that is none is not repeated', async () => {
    const url = await serve(cacheServer({ backend: memory(), token }))
    const request = (mark: string) =>
      talk(url, `GET /cache/a HTTP/1.1\r\n${head}Connection: close\r\nStowage-Mark: ${mark}\r\n\r\n`)
    expect(await request('good-1')).toContain('stowage-mark: good-1')
    for (const mark of ['a b', '<script>', 'x'.repeat(65), ''])
      expect(await request(mark)).not.toContain('stowage-mark')
  })

  test('clients that do not read what they ask for take no more memory than was set aside', async () => {
    const store = memory()
    store.set('large', 'x'.repeat(15 * 1024 ** 2), 60)
    const url = await serve(cacheServer({ backend: store, token }))
    const sockets = Array.from({ length: 20 }, () => {
      const socket = raw(url)
      socket.pause()
      socket.write(`GET /cache/large HTTP/1.1\r\n${head}\r\n`)
      return socket
    })
    // Four times a message of the largest size are 130 MiB: eight or so of these answers.
    await expect.poll(async () => (await ask(url, '/cache/large')).status, { timeout: 10_000 }).toBe(503)
    expect((await ask(url, '/cache/small')).status).toBe(404)
    for (const socket of sockets) socket.destroy()
    await expect.poll(async () => (await ask(url, '/cache/large')).status, { timeout: 10_000 }).toBe(200)
  })

  test('a connection on which nothing moves is not kept for ever', async () => {
    let socket: Socket | undefined
    const listener = cacheServer({
      backend: { ...mockBackend(), get: () => new Promise(() => undefined) },
      token,
    })
    const url = await serve((request, response) => {
      socket = request.socket
      listener(request, response)
    })
    raw(url).write(`GET /cache/a HTTP/1.1\r\n${head}\r\n`)
    await expect.poll(() => socket?.timeout).toBe(120_000)
  })
})
