import { once } from 'node:events'
import {
  connect,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { fakeClock } from '@stowage/core/testing'
import { cached, type Http2Listener } from '@stowage/node'
import { expect, onTestFinished, test } from 'vitest'
import { ask2 } from './cached.ts'
import { cert, key } from './tls.ts'

const serve = async (listener: Http2Listener, handler = cached(listener, { ttl: '1m' })): Promise<string> => {
  const server = createSecureServer({ key, cert, allowHTTP1: true }, handler)
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

const ask1 = (origin: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asking = request(origin, { agent: false, rejectUnauthorized: false }, (response) => {
      response.setEncoding('utf8').on('data', resolve)
    })
    asking.on('error', reject).end()
  })

test.each([
  ['x-content-type-options', ['nosniff', 'nosniff']],
  ['etag', ['"a"', '"b"']],
  ['http2-settings', 'AAMAAABkAAQAAP__'],
])(
  'what HTTP/2 forbids of a response over HTTP/1.1, as %s, fails no hit over HTTP/2',
  async (name, value) => {
    let runs = 0
    const origin = await serve((_request, response) => {
      runs += 1
      response.setHeader(name, value)
      response.end('made')
    })
    expect(await ask1(origin)).toBe('made')
    expect(await ask2(origin, '/')).toMatchObject({ status: 200, text: 'made' })
    expect(runs).toBe(1)
  },
)

const file = fileURLToPath(import.meta.url)

const answers: Readonly<Record<string, (response: Http2ServerResponse) => void>> = {
  respond: ({ stream }) => {
    stream.respond()
    stream.end('changed')
  },
  respondWithFile: ({ stream }) => stream.respondWithFile(file, { ':status': 201 }),
}

const items = () => {
  let version = 1
  return (answer: (response: Http2ServerResponse) => void): Http2Listener =>
    ({ method }: Http2ServerRequest, response) => {
      if (method === 'GET') response.end(`version ${version}`)
      else {
        version += 1
        answer(response)
      }
    }
}

test.each(Object.entries(answers))(
  'what a handler may have changed that answers by %s of its stream is invalidated',
  async (_, answer) => {
    const origin = await serve(items()(answer))
    for (const text of ['version 1', 'version 1']) expect((await ask2(origin, '/')).text).toBe(text)
    expect((await ask2(origin, '/', { ':method': 'DELETE' })).status).toBeLessThan(300)
    expect((await ask2(origin, '/')).text).toBe('version 2')
  },
)

test('an error that a handler answers on its stream invalidates nothing', async () => {
  const origin = await serve(items()(({ stream }) => stream.respond({ ':status': 409 }, { endStream: true })))
  expect((await ask2(origin, '/')).text).toBe('version 1')
  expect((await ask2(origin, '/', { ':method': 'DELETE' })).status).toBe(409)
  expect((await ask2(origin, '/')).text).toBe('version 1')
})

test('a listener of HTTP/2 finds in a background refresh what it finds in a request', async () => {
  const clock = fakeClock()
  const listener: Http2Listener = (request, response) => {
    response.createPushResponse({ ':path': '/style.css' }, (error, pushed) => {
      if (!error) pushed.end()
    })
    const { ':scheme': scheme, ':authority': authority, ':path': path, ':method': method } = request.headers
    response.end(`${method} ${scheme}://${authority}${path} ${request.scheme}://${request.authority}`)
  }
  const handler = cached(listener, { ttl: '1m', staleWhileRevalidate: '1h', clock })
  const origin = await serve(listener, handler)
  const text = `GET ${origin}/page?a=1 ${origin}`
  expect((await ask2(origin, '/page?a=1')).text).toBe(text)
  clock.advance(70_000)
  const refreshed = new Promise((resolve) => handler.on('refresh', resolve))
  expect((await ask2(origin, '/page?a=1')).cache).toContain('detail=swr')
  expect(await refreshed).toMatchObject({ ok: true })
  expect(await ask2(origin, '/page?a=1')).toMatchObject({ text, cache: 'stowage; hit; ttl=60' })
})

test('what lists the fields of a background refresh, as of HTTP/1.1, finds those that HTTP/1.1 has', async () => {
  const clock = fakeClock()
  let runs = 0
  const listener: Http2Listener = ({ headers, httpVersionMajor }, response) => {
    const fields = Object.entries(headers).filter(([name]) => httpVersionMajor < 2 || !name.startsWith(':'))
    new Headers(fields.map(([name, value]) => [name, String(value)]))
    runs += 1
    response.end(`run ${runs}`)
  }
  const handler = cached(listener, { ttl: '1m', staleWhileRevalidate: '1h', clock })
  const origin = await serve(listener, handler)
  expect((await ask2(origin, '/')).text).toBe('run 1')
  clock.advance(70_000)
  const refreshed = new Promise((resolve) => handler.on('refresh', resolve))
  await ask2(origin, '/')
  expect(await refreshed).toMatchObject({ ok: true })
  expect((await ask2(origin, '/')).text).toBe('run 2')
})

test('a 304 over HTTP/2 has each cookie of its handler in a field of its own', async () => {
  const cookies = ['a=1; Path=/', 'b=2']
  const origin = await serve((_request, response) => {
    response.setHeader('etag', '"e"')
    response.setHeader('set-cookie', cookies)
    response.end('for one')
  })
  const session = connect(origin, { rejectUnauthorized: false })
  onTestFinished(() => session.destroy())
  const [head] = await once(session.request({ 'if-none-match': '"e"' }), 'response')
  expect(head).toMatchObject({ ':status': 304, 'set-cookie': cookies })
})
