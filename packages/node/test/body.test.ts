import { createServer, type IncomingMessage } from 'node:http'
import { connect as connect2, createSecureServer } from 'node:http2'
import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import type { RequestBody } from '@stowage/core'
import { readBody } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { listen, serve, speak } from './plain.ts'

const limit = 1000

const bytesIn = (body: RequestBody | undefined): string | undefined =>
  body !== undefined && 'bytes' in body ? body.bytes.toString() : undefined

/** What was read for the key, and what was left for the handler. */
const observe = async (before: (request: IncomingMessage) => unknown = () => undefined) => {
  const seen: [read: string | undefined, left: string][] = []
  const port = await serve(async (request, response) => {
    await before(request)
    const read = bytesIn(await readBody(request, limit))
    seen.push([read, await textOf(request).catch(() => 'cut off')])
    response.end(String(seen.length))
  })
  return { port, seen }
}

const post = (lines: readonly string[], body: string): string =>
  `POST / HTTP/1.1\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`

const chunked = (...pieces: string[]): string =>
  [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')

const sized = (body: string): string => post([`Content-Length: ${body.length}`, 'Connection: close'], body)
const inChunks = (...pieces: string[]): string =>
  post(['Transfer-Encoding: chunked', 'Connection: close'], chunked(...pieces))

const a = (length: number): string => 'a'.repeat(length)

const requests: readonly (readonly [title: string, bytes: string, read: string | undefined, left: string])[] =
  [
    ['none', post(['Connection: close'], ''), '', ''],
    ['empty', sized(''), '', ''],
    ['empty in chunks', inChunks(), '', ''],
    ['short', sized('body'), 'body', 'body'],
    ['in chunks', inChunks('one ', 'two ', 'three'), 'one two three', 'one two three'],
    ['as long as the limit', sized(a(limit)), a(limit), a(limit)],
    ['longer than the limit', sized(a(limit + 1)), undefined, a(limit + 1)],
    ['as long as the limit, in chunks', inChunks(a(limit / 2), a(limit / 2)), a(limit), a(limit)],
    ['longer than the limit, in chunks', inChunks(a(limit), 'b', 'c'), undefined, `${a(limit)}bc`],
    ['much longer than the limit, in chunks', inChunks(...Array(50).fill(a(5000))), undefined, a(250_000)],
  ]

describe('a body', () => {
  const moments = {
    'as it comes': () => undefined,
    'when some of it has come': () => new Promise((resolve) => setImmediate(resolve)),
    'when all of it has come': () => new Promise((resolve) => setTimeout(resolve, 20)),
  }

  test.each(
    requests.flatMap(([title, bytes, read, left]) =>
      Object.entries(moments).map(([moment, before]) => ({ title, bytes, read, left, moment, before })),
    ),
  )('$title, read $moment, is left for the handler', async ({ bytes, read, left, before }) => {
    const { port, seen } = await observe(before)
    await speak(port, bytes)
    expect(seen).toEqual([[read, left]])
  })

  test('that trickles in is read whole', async () => {
    const { port, seen } = await observe()
    const received = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      socket.on('data', (data) => {
        text += String(data)
      })
      socket.on('close', () => resolve(text))
      void (async () => {
        for (const byte of inChunks('one ', 'two ', 'three')) {
          socket.write(byte)
          if (byte === '\n') await new Promise((next) => setTimeout(next, 1))
        }
      })()
    })
    expect(received).toContain('200 OK')
    expect(seen).toEqual([['one two three', 'one two three']])
  })

  test('that is decoded to text by somebody before is left as text', async () => {
    const { port, seen } = await observe((request) => request.setEncoding('utf8'))
    await speak(port, post([`Content-Length: ${Buffer.byteLength('häß')}`, 'Connection: close'], 'h\xe4\xdf'))
    await speak(port, sized('plain'))
    expect(seen.at(-1)).toEqual(['plain', 'plain'])
  })

  test('of which the client sends only a part is none, and its connection is gone', async () => {
    const seen: unknown[] = []
    const port = await serve(async (request) => {
      seen.push(await readBody(request, limit))
    })
    const socket = connect(port, '127.0.0.1')
    socket.write(post(['Content-Length: 10'], 'half'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.destroy()
    await expect.poll(() => seen).toEqual([undefined])
  })

  test('that was read for the key and for nothing else does not hold up the connection', async () => {
    let count = 0
    const port = await serve(async (request, response) => {
      await readBody(request, limit)
      count++
      response.end(`answer ${count}`)
    })
    const one = post(['Content-Length: 900'], a(900))
    const received = await speak(port, one.repeat(5), (text) => text.includes('answer 5'))
    expect(received.match(/answer \d/g)).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4', 'answer 5'])
  })

  test('over HTTP/2 is read and left as well', async () => {
    const { cert, key } = await import('./tls.ts')
    const seen: unknown[] = []
    const server = createSecureServer({ cert, key }, (request, response) => {
      void (async () => {
        const read = bytesIn(await readBody(request as unknown as IncomingMessage, limit))
        seen.push([read, await textOf(request)])
        response.end('done')
      })()
    })
    const port = await new Promise<number>((resolve) =>
      server.listen(0, () => resolve((server.address() as { port: number }).port)),
    )
    for (const body of ['short', a(limit + 500)]) {
      const session = connect2(`https://localhost:${port}`, { rejectUnauthorized: false })
      const stream = session.request({ ':method': 'POST', ':path': '/' })
      stream.end(body)
      await textOf(stream)
      session.destroy()
    }
    server.close()
    expect(seen).toEqual([
      ['short', 'short'],
      [undefined, a(limit + 500)],
    ])
  })
})

describe('what a parser has left', () => {
  const withBody = (body: unknown, type = 'application/json', more: object = {}): Promise<unknown> =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        void (async () => {
          await textOf(request)
          Object.assign(request, { body, ...more })
          resolve(await readBody(request, limit))
          response.end()
        })()
      })
      void listen(server).then((port) =>
        speak(port, post([`Content-Type: ${type}`, 'Content-Length: 2', 'Connection: close'], '{}')),
      )
    })

  test('is taken where it is all of the body', async () => {
    expect(await withBody({ a: 1 })).toEqual({ parsed: { a: 1 } })
    expect(await withBody(Buffer.from('raw'), 'application/octet-stream')).toEqual({
      bytes: Buffer.from('raw'),
    })
    expect(await withBody({ a: '1' }, 'application/x-www-form-urlencoded')).toEqual({ parsed: { a: '1' } })
    expect(await withBody({ a: 1 }, 'application/problem+json; charset=utf-8')).toEqual({ parsed: { a: 1 } })
  })

  test('is not taken where it may be a part', async () => {
    expect(await withBody(undefined)).toBeUndefined()
    expect(await withBody({ a: 1 }, 'multipart/form-data')).toBeUndefined()
    expect(await withBody({ a: 1 }, 'application/json', { file: {} })).toBeUndefined()
    expect(await withBody({ a: 1 }, 'application/json', { files: [] })).toBeUndefined()
  })
})
