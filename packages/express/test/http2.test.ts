import {
  connect,
  constants,
  createSecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { memory } from '@stowage/core'
import { asyncBackend, chaosBackend, fakeClock } from '@stowage/core/testing'
import type { Application, RequestHandler } from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask, expectSame } from './client.ts'
import { bridgeHttp2 } from './http2-bridge.ts'
import { engine, freshFor60s } from './shapes.ts'
import { type Express, expresses, makeCache, Runs, until } from './support.ts'
import { cert, key } from './tls.ts'

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const serveHttp2 = (app: Application): Promise<number> =>
  listening(createSecureServer({ allowHTTP1: true, key, cert }, app as never))

interface Answer2 {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly cache: string
  readonly text: string
}

const perExchange = ['date', 'age', 'cache-status']

const answerOf = (headers: IncomingHttpHeaders, text: string): Answer2 => {
  const kept = Object.entries(headers).filter(([name]) => !perExchange.includes(name))
  return {
    status: Number(headers[':status']),
    headers: Object.fromEntries(kept),
    cache: String(headers['cache-status'] ?? ''),
    text,
  }
}

/** Undefined where the stream ends without an answer. */
const ask2 = (
  port: number,
  path: string,
  headers: OutgoingHttpHeaders = {},
  patience = 5000,
): Promise<Answer2 | undefined> =>
  new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
    const stream = session.request({ ':path': path, ...headers })
    let head: IncomingHttpHeaders | undefined
    let text = ''
    const giveUp = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), patience)
    stream.setEncoding('utf8')
    stream.on('response', (received) => {
      head = received
    })
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('error', () => undefined)
    session.on('error', reject)
    stream.on('close', () => {
      clearTimeout(giveUp)
      session.destroy()
      resolve(head === undefined ? undefined : answerOf(head, text))
    })
    stream.end()
  })

const shapes: Readonly<Record<string, RequestHandler>> = {
  '/send': (_request, response) => void response.send('sent'),
  '/json': (_request, response) => void response.json({ a: 1 }),
  '/end': (_request, response) => void response.end('ended'),
  '/empty': (_request, response) => void response.status(204).end(),
  '/writes': (_request, response) => {
    response.writeHead(200, { 'x-a': '1' })
    response.write('one ')
    setImmediate(() => response.end('two'))
  },
  '/flush': (_request, response) => {
    response.flushHeaders()
    response.end('flushed')
  },
  '/redirect': (_request, response) => response.redirect('/elsewhere'),
  '/render': (_request, response) => response.render('page.tpl', { title: 'T' }),
  '/file': (_request, response) => response.sendFile('page.tpl', { root: views }),
  '/status': (_request, response) => void response.status(410).send('gone'),
  '/big': (_request, response) => void response.send('big'.repeat(200_000)),
}

const views = new URL('./views', import.meta.url).pathname

const build = (express: Express, layer: RequestHandler | undefined, runs: Runs): Application => {
  const app = express()
  bridgeHttp2(express, app)
  app.engine('tpl', engine).set('views', views)
  if (layer !== undefined) app.use(layer)
  app.use(freshFor60s)
  for (const [path, handler] of Object.entries(shapes))
    app.all(path, (request, response, next) => {
      runs.add(path)
      return handler(request, response, next)
    })
  return app
}

const noLayer: RequestHandler = (_request, _response, next) => next()

/** Errors that nobody handles, for as long as `run` takes. */
const uncaughtIn = async (run: () => Promise<void>): Promise<string[]> => {
  const messages: string[] = []
  process.setUncaughtExceptionCaptureCallback((error) => void messages.push(error.message))
  try {
    await run()
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  return messages
}

describe.each(expresses)('$name: TLS and HTTP/2', ({ express }) => {
  test('HTTPS is another scheme: what is stored for one is not given to the other', async () => {
    const app = express()
    const runs = new Runs()
    app.use(makeCache(), freshFor60s).get('/', (request, response) => {
      runs.add()
      response.send(request.protocol)
    })
    const port = await listening(createServer({ key, cert }, app))
    const { createServer: createPlain } = await import('node:http')
    const plain = await listening(createPlain(app))
    const headers = { host: 'h.example' }
    for (const turn of [1, 2]) {
      expect((await ask(port, '/', { tls: true, headers })).text, `${turn}`).toBe('https')
      expect((await ask(plain, '/', { headers })).text).toBe('http')
    }
    expect(runs.of()).toBe(2)
  })

  test('HTTP/1.1 at a server for both is as at a server of its own', async () => {
    const runs = new Runs()
    const cached = await serveHttp2(build(express, makeCache({ etag: false }), runs))
    const bare = await serveHttp2(build(express, undefined, new Runs()))
    for (const path of Object.keys(shapes))
      for (const turn of [1, 2]) {
        const got = await ask(cached, path, { tls: true })
        expectSame(got, await ask(bare, path, { tls: true }), [], `${path} ${turn}`)
        expect(runs.of(path)).toBe(1)
      }
  })

  test('Express alone does not work over HTTP/2, and works no better with the cache', async () => {
    const app = (layer: RequestHandler): Application =>
      express()
        .use(layer, freshFor60s)
        .get('/', (_request, response) => void response.send('sent'))
    const outcomes: unknown[] = []
    for (const layer of [noLayer, makeCache()]) {
      const port = await serveHttp2(app(layer))
      let answer: Answer2 | undefined
      const errors = await uncaughtIn(async () => {
        answer = await ask2(port, '/', {}, 100)
      })
      outcomes.push([answer?.status, errors.length > 0])
    }
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[0]).toEqual([undefined, true])
  })

  test('over HTTP/2 with a bridge, responses are the same with the cache and without', async () => {
    const runs = new Runs()
    const cached = await serveHttp2(build(express, makeCache({ etag: false }), runs))
    const bare = await serveHttp2(build(express, undefined, new Runs()))
    for (const path of Object.keys(shapes)) {
      const expected = await ask2(bare, path)
      for (const turn of [1, 2]) {
        const got = await ask2(cached, path)
        // A hit has its length, also where the handler had streamed.
        const { 'content-length': length, ...others } = got?.headers ?? {}
        const { 'content-length': expectedLength, ...expectedOthers } = expected?.headers ?? {}
        expect(others, `${path} ${turn}`).toEqual(expectedOthers)
        expect([expectedLength, String(expected?.text.length)]).toContain(length ?? expectedLength)
        expect(got?.text === expected?.text).toBe(true)
        expect(got?.cache).toMatch(turn === 1 ? /; stored$/ : /^stowage; hit/)
      }
      const head = await ask2(cached, path, { ':method': 'HEAD' })
      expect([head?.status, head?.text]).toEqual([expected?.status, ''])
      expect(runs.of(path)).toBe(1)
      const post = await ask2(cached, path, { ':method': 'POST' })
      expect(post?.cache).toContain('fwd=method')
      expect(post?.text === expected?.text).toBe(true)
    }
  })

  test('over HTTP/2, conditions and ranges are answered from what HTTP/1.1 has stored, and the reverse', async () => {
    const runs = new Runs()
    const port = await serveHttp2(build(express, makeCache(), runs))
    const headers = { host: `localhost:${port}` }
    const stored = await ask(port, '/send', { tls: true, headers })
    const etag = String(stored.headers.etag)
    expect((await ask2(port, '/send', { 'if-none-match': etag }))?.status).toBe(304)
    const part = await ask2(port, '/send', { range: 'bytes=1-2' })
    expect([part?.status, part?.text]).toEqual([206, 'en'])
    await ask2(port, '/json')
    expect((await ask(port, '/json', { tls: true, headers })).cache).toMatch(/^stowage; hit/)
    expect([runs.of('/send'), runs.of('/json')]).toEqual([1, 1])
  })

  test('over HTTP/2, a stale response is refreshed in the background', async () => {
    const clock = fakeClock()
    const runs = new Runs()
    const cache = makeCache({ clock, staleWhileRevalidate: 60 })
    const port = await serveHttp2(build(express, cache, runs))
    const refreshed: boolean[] = []
    cache.on('refresh', ({ ok }) => void refreshed.push(ok))
    await ask2(port, '/json')
    clock.advance(61_000)
    expect((await ask2(port, '/json'))?.cache).toContain('detail=swr')
    await until(() => refreshed.length === 1)
    expect(refreshed).toEqual([true])
    expect((await ask2(port, '/json'))?.cache).toBe('stowage; hit; ttl=60')
    expect(runs.of('/json')).toBe(2)
  })

  test('over HTTP/2, an answer waits for its invalidation', async () => {
    const backend = chaosBackend(asyncBackend(memory()))
    const cache = makeCache({ backend })
    const app = express()
    bridgeHttp2(express, app)
    app.use(cache).all('/', (_request, response) => {
      response.writeHead(200, { 'x-a': '1' })
      response.write('first ')
      response.end('second')
    })
    const port = await serveHttp2(app)
    backend.chaos.set({ latency: 30 })
    const began = performance.now()
    const answer = await ask2(port, '/', { ':method': 'POST' })
    expect(performance.now() - began).toBeGreaterThan(25)
    expect([answer?.status, answer?.headers['x-a'], answer?.text]).toEqual([200, '1', 'first second'])
  })
})
