import { Agent, createServer, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { memory } from '@stowage/core'
import { asyncBackend } from '@stowage/core/testing'
import type { Application } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, speak } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, listen, makeCache, pause, Runs, serve, twins } from './support.ts'

const get = (target: string, lines: readonly string[] = [], version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\nHost: h.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`

/** Raw answers without what belongs to the exchange. */
const settled = (received: string): string =>
  received.replace(/^(date|age|cache-status|keep-alive): .*\r\n/gim, '').toLowerCase()

const sorted = (received: string): string[] => settled(received).split('\r\n').sort()

const delayed = async (app: Application, runs: Runs): Promise<void> => {
  app.get('/wait/:ms', freshFor60s, async (request, response) => {
    runs.add(request.path)
    await pause(Number(request.params.ms))
    response.send(`<${request.path}>`)
  })
}

describe.each(expresses)('$name: connections', ({ express }) => {
  test('many requests on one connection are answered one by one', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.all('/:n', (request, response) => {
        counted.add(request.method)
        response.send(`number ${request.params.n}`)
      })
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    agent.on('free', (socket) => ports.add((socket as { localPort?: number }).localPort))
    for (let turn = 0; turn < 300; turn++) {
      const n = turn % 7
      const method = turn % 5 === 4 ? 'HEAD' : 'GET'
      const got = await ask(cached, `/${n}`, { agent, method })
      expect(got.text).toBe(method === 'HEAD' ? '' : `number ${n}`)
      expect(got.headers['content-length']).toBe('8')
    }
    agent.destroy()
    expect(ports.size).toBe(1)
    expect(runs.of('GET')).toBe(7)
  })

  test.each([['at once', undefined] as const, ['later', asyncBackend] as const])(
    'pipelined requests are answered in order, from a store that answers %s',
    async (_, wrap) => {
      const app = express()
      const runs = new Runs()
      app.use(makeCache({ backend: wrap === undefined ? memory() : wrap(memory()) }))
      await delayed(app, runs)
      const port = await serve(app)
      const targets = [
        '/wait/30',
        '/wait/0',
        '/wait/30',
        '/wait/10',
        '/wait/0',
        '/none',
        '/wait/10',
        '/wait/30',
      ]
      for (const turn of [1, 2]) {
        const received = await speak(
          port,
          targets.map((target) => get(target)).join('') + get('/wait/0', ['Connection: close']),
          () => false,
        )
        const bodies = received.match(/<\/wait\/\d+>|Cannot GET \/none/g)
        expect(bodies, `${turn}`).toEqual(
          [...targets, '/wait/0'].map((target) => (target === '/none' ? 'Cannot GET /none' : `<${target}>`)),
        )
      }
      for (const ms of [0, 10, 30]) expect(runs.of(`/wait/${ms}`)).toBe(1)
    },
  )

  test.each([
    ['HTTP/1.0', get('/', [], '1.0')],
    ['HTTP/1.0 with keep-alive', get('/', ['Connection: keep-alive'], '1.0')],
    ['Connection: close', get('/', ['Connection: close'])],
    ['an absolute target', get('http://h.example/', ['Connection: close'])],
    ['an absolute target of another host', get('http://other.example/', ['Connection: close'])],
    ['a target that is no path', 'OPTIONS * HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n'],
    ['a body with GET', `${get('/', ['Connection: close', 'Content-Length: 2'])}ab`],
    ['an unknown method', 'PURGE / HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n'],
    ['a chunked response', get('/chunked', ['Connection: close'])],
    ['a chunked response for HTTP/1.0', get('/chunked', [], '1.0')],
  ])('%s is answered as without the cache', async (_, bytes) => {
    const { bare, cached } = await twins(express, (app, layer) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => void response.send('body'))
      app.get('/chunked', (_request, response) => {
        response.write('one')
        response.end('two')
      })
    })
    const done = (received: string): boolean => /keep-alive/i.test(bytes) && received.endsWith('body')
    const expected = await speak(bare, bytes, done)
    expect(sorted(await speak(cached, bytes, done))).toEqual(sorted(expected))
    const again = await speak(cached, bytes, done)
    expect(again.endsWith('body') || again.includes('one')).toBe(/body|one/.test(expected))
  })

  test("an absolute target names nobody else's entry", async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s).get('/', (request, response) => {
        counted.add()
        response.send(`${request.get('host')} ${request.url}`)
      })
    })
    const forged = await speak(cached, get('http://evil.example/', ['Connection: close']), () => false)
    expect(forged).toMatch(/cache-status: stowage; fwd=bypass; fwd-status=200; detail=target/i)
    for (const turn of [1, 2])
      expect((await ask(cached, '/', { headers: { host: 'h.example' } })).text, `${turn}`).toBe('h.example /')
    expect(runs.of()).toBe(2)
  })

  test('Expect: 100-continue is answered, by Node and by hand', async () => {
    for (const byHand of [false, true]) {
      const app = express()
      app.use(makeCache(), freshFor60s).post('/', (request, response) => {
        if (byHand) response.writeContinue()
        let length = 0
        request.on('data', (chunk: Buffer) => {
          length += chunk.length
        })
        request.on('end', () => response.send(`${length}`))
      })
      const server = createServer(app)
      if (byHand) server.on('checkContinue', app)
      const port = await listen(server)
      const text = await new Promise<string>((resolve, reject) => {
        const request = httpRequest({
          port,
          method: 'POST',
          agent: false,
          headers: { expect: '100-continue', 'content-length': 5 },
        })
        request.on('continue', () => request.end('hello'))
        request.on('response', (response) => response.on('data', (data) => resolve(String(data))))
        request.on('error', reject)
        request.flushHeaders()
      })
      expect(text).toBe('5')
    }
  })

  test('early hints and processing reach the client before the answer, from a handler that runs', async () => {
    const { bare, cached } = await twins(express, (app, layer) => {
      app.use(layer, freshFor60s).get('/', (_request, response) => {
        response.writeProcessing()
        response.writeEarlyHints({ link: ['</a.css>; rel=preload'] }, () => response.send('body'))
      })
    })
    const bytes = get('/', ['Connection: close'])
    const expected = await speak(bare, bytes, () => false)
    expect(expected).toContain('HTTP/1.1 103 Early Hints')
    expect(sorted(await speak(cached, bytes, () => false))).toEqual(sorted(expected))
    const hit = await speak(cached, bytes, () => false)
    expect(hit).toMatch(/^HTTP\/1\.1 200 OK/)
  })

  test('an upgrade passes beside the cache, and one that is not taken is answered unstored', async () => {
    const { runs, build } = upgrading(express)
    const port = await listen(build(true))
    const handshake = get('/socket', ['Connection: Upgrade', 'Upgrade: websocket'])
    const talk = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let received = ''
      socket.setEncoding('latin1').on('error', reject)
      socket.on('data', (data) => {
        received += data
        if (received.endsWith('\r\n\r\n')) socket.write('ping')
        if (received.endsWith('ping')) socket.end()
      })
      socket.on('close', () => resolve(received))
      socket.write(handshake)
    })
    expect(talk).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n(.|\r\n)*\r\n\r\nping$/)
    expect(runs.of()).toBe(0)

    const plain = await listen(build(false))
    for (const turn of [1, 2]) {
      const refused = await speak(plain, handshake, (received) => received.includes('no socket'))
      expect(refused).toMatch(/cache-status: stowage; fwd=bypass; fwd-status=200; detail=upgrade/i)
      expect(runs.of()).toBe(turn)
    }
    expect((await ask(plain, '/socket')).cache).toContain('fwd=uri-miss')
  })
})

const upgrading = (express: (typeof expresses)[number]['express']) => {
  const runs = new Runs()
  const build = (takes: boolean) => {
    const app = express()
    app.use(makeCache(), freshFor60s).get('/socket', (_request, response) => {
      runs.add()
      response.send('no socket')
    })
    const server = createServer(app)
    if (takes)
      server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
        socket.on('data', (data) => void socket.write(data)).on('end', () => socket.end())
      })
    return server
  }
  return { runs, build }
}
