import { createServer } from 'node:http'
import { cached } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { fresh, serveCached } from './cached.ts'
import { ask, type Listener, listen, serve, speak } from './plain.ts'

const get = (target: string, lines: readonly string[] = [], version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\nHost: h.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`

/** Raw answers without what belongs to the exchange. */
const sorted = (received: string): string[] =>
  received
    .replace(/^(date|age|cache-status|etag|keep-alive): .*\r\n/gim, '')
    .toLowerCase()
    .split('\r\n')
    .sort()

const listener: Listener = (request, response) => {
  response.setHeader('Cache-Control', fresh)
  if (request.url === '/trailers') {
    response.writeHead(200, { Trailer: 'X-Sum' })
    response.write('body')
    response.addTrailers({ 'X-Sum': '7' })
    response.end()
  } else response.end(`${request.method} ${request.url}`)
}

const close = ['Connection: close']

describe('a connection', () => {
  test.each([
    ['HTTP/1.0', get('/', [], '1.0')],
    ['an absolute target', get('http://h.example/', close)],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n'],
    ['a body with GET', `${get('/', [...close, 'Content-Length: 2'])}ab`],
    ['an unknown method', 'PURGE / HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n'],
    ['trailers', get('/trailers', close)],
    ['pipelined requests', get('/1') + get('/2') + get('/1') + get('/3', close)],
    ['Expect: 100-continue', `${get('/', [...close, 'Expect: 100-continue', 'Content-Length: 2'])}ab`],
    ['an upgrade that nobody takes', get('/', ['Connection: upgrade, close', 'Upgrade: websocket'])],
  ])('with %s is as without the cache', async (_, bytes) => {
    const expected = await speak(await serve(listener), bytes)
    const { port } = await serveCached(listener as never, { etag: false })
    expect(sorted(await speak(port, bytes))).toEqual(sorted(expected))
  })

  test('trailers reach the client whose request ran the handler, and are part of no stored response', async () => {
    const { port } = await serveCached(listener as never)
    const first = await speak(port, get('/trailers', close))
    expect(first).toMatch(/\r\nX-Sum: 7\r\n\r\n$/)
    const hit = await speak(port, get('/trailers', close))
    expect(hit).toMatch(/\r\nCache-Status: stowage; hit/i)
    expect(hit).not.toMatch(/trailer:|x-sum|transfer-encoding/i)
    expect(hit).toMatch(/\r\ncontent-length: 4\r\n.*\r\n\r\nbody$/is)
  })

  test('CONNECT and a taken upgrade pass beside the cache', async () => {
    const handler = cached(listener as never)
    const server = createServer(handler)
    for (const event of ['connect', 'upgrade'])
      server.on(event, (_request, socket) => socket.end(`HTTP/1.1 101 ${event}\r\n\r\n`))
    const port = await listen(server)
    expect(await speak(port, 'CONNECT h.example:443 HTTP/1.1\r\nHost: h.example\r\n\r\n')).toContain(
      'connect',
    )
    expect(await speak(port, get('/', ['Connection: Upgrade', 'Upgrade: x']))).toContain('upgrade')
    expect(handler.stats()).toMatchObject({ misses: 0, bypasses: 0 })
  })

  test('an absolute target names no entry', async () => {
    const { port } = await serveCached(listener as never)
    expect(await speak(port, get('http://evil.example/', close))).toMatch(/fwd=bypass.*detail=target/)
    expect((await ask(port, '/', { headers: { host: 'evil.example' } })).cache).toContain('uri-miss')
  })

  test('who may be told another host or scheme by a proxy has entries of their own', async () => {
    let runs = 0
    const { port, handler } = await serveCached((request, response) => {
      runs += 1
      response.setHeader('Cache-Control', 'max-age=0, stale-while-revalidate=60')
      const { forwarded, 'x-forwarded-host': host, 'x-forwarded-proto': proto } = request.headers
      response.end(JSON.stringify([runs, forwarded, host, proto]))
    })
    const fields: readonly Record<string, string>[] = [
      {},
      { 'x-forwarded-host': 'a.example' },
      { 'x-forwarded-host': 'b.example' },
      { 'x-forwarded-proto': 'https' },
      { forwarded: 'for=1.2.3.4;host=a.example;proto=https' },
    ]
    for (const [index, headers] of fields.entries())
      expect(JSON.parse((await ask(port, '/', { headers })).text)[0]).toBe(index + 1)
    // Other clients behind the same proxy; and what is refreshed for them is for the same host.
    for (const [index, headers] of fields.entries()) {
      const refreshed = new Promise((resolve) => handler.on('refresh', resolve))
      const again = { ...headers, ...('forwarded' in headers && { forwarded: 'host=a.example;proto=https' }) }
      expect(JSON.parse((await ask(port, '/', { headers: again })).text)[0]).toBe(index + 1)
      await refreshed
      const { text } = await ask(port, '/', { headers: again })
      const {
        forwarded = null,
        'x-forwarded-host': host = null,
        'x-forwarded-proto': proto = null,
      } = again as Record<string, string>
      expect(JSON.parse(text).slice(1)).toEqual([forwarded, host, proto])
    }
  })
})
