import { type ClientRequest, request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { memory } from '@stowage/core'
import { asyncBackend } from '@stowage/core/testing'
import type { RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, readAnswer, speak } from './client.ts'
import { type Express, expresses, makeCache, pause, Runs, serve, until } from './support.ts'

const readAll: RequestHandler = (request, _response, next) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    request.body = Buffer.concat(chunks).toString()
    next()
  })
}

type Layers = (express: Express, cached: RequestHandler) => RequestHandler[]

/** Where the body is parsed, and where the cache stands. */
const layers: Readonly<Record<string, Layers>> = {
  'json after the cache': (express, cached) => [cached, express.json()],
  'json before the cache': (express, cached) => [express.json(), cached],
  'text after the cache': (express, cached) => [cached, express.text({ type: '*/*' })],
  'text before the cache': (express, cached) => [express.text({ type: '*/*' }), cached],
  'raw after the cache': (express, cached) => [cached, express.raw({ type: '*/*' })],
  'raw before the cache': (express, cached) => [express.raw({ type: '*/*' }), cached],
  'read by hand after the cache': (_express, cached) => [cached, readAll],
  'every parser after the cache': (express, cached) => [
    cached,
    express.json(),
    express.urlencoded({ extended: true }),
    express.text(),
  ],
}

/** What the parsers have left for the handler. */
const shown = ({ body }: { body?: unknown }): unknown => (Buffer.isBuffer(body) ? body.toString() : body)

const limit = 20_000

const start = async (express: Express, order: Layers, body: 'json' | 'bytes' = 'json', later = false) => {
  const cache = makeCache({ backend: later ? asyncBackend(memory()) : memory() })
  const runs = new Runs()
  const app = express()
  const policy = cache.route({
    ttl: 60,
    methods: ['GET', 'HEAD', 'POST', 'QUERY'],
    key: { body, maxBodyBytes: limit },
  })
  app.all('/', order(express, policy), ((request, response) => {
    runs.add()
    response.json({ got: shown(request), method: request.method })
  }) as RequestHandler)
  const port = await serve(app)
  return { port, cache, runs }
}

const json = { 'content-type': 'application/json' }

const post = (
  port: number,
  body: string | Buffer,
  headers: Record<string, string> = json,
  method = 'POST',
): Promise<Answer> =>
  ask(port, '/', { method, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) }, body })

/** A body in pieces, without a length. */
const postChunked = (
  port: number,
  pieces: readonly string[],
  headers: Record<string, string> = json,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ port, method: 'POST', agent: false, headers }, (response) =>
      readAnswer(response).then(resolve, reject),
    )
    request.on('error', reject)
    void (async () => {
      for (const piece of pieces) {
        request.write(piece)
        await pause(1)
      }
      request.end()
    })()
  })

const got = (answer: Answer): unknown => {
  const { got: body } = JSON.parse(answer.text) as { got: unknown }
  return typeof body === 'string' && body.startsWith('{') ? JSON.parse(body) : body
}

const stores = [
  { answers: 'at once', later: false },
  { answers: 'later', later: true },
]

const cases = Object.entries(layers).flatMap(([title, order]) =>
  stores.map((store) => ({ title, order, ...store })),
)

describe.each(expresses)('$name: bodies in keys', ({ express }) => {
  test.each(cases)(
    '$title, a store that answers $answers: the handler gets its body, equal bodies share an entry',
    async ({ order, later }) => {
      const { port, runs } = await start(express, order, 'json', later)
      const bodies = ['{"a":1,"b":[1,2]}', '{"a":2}', '{}', JSON.stringify({ long: 'x'.repeat(15_000) })]
      for (const method of ['POST', 'QUERY'])
        for (const body of bodies) {
          const before = runs.of()
          const miss = await post(port, body, json, method)
          expect(miss.cache).toContain('fwd=uri-miss; fwd-status=200; ttl=60; stored')
          expect(got(miss)).toEqual(JSON.parse(body))
          const hit = await post(port, body, json, method)
          expect(hit.cache).toMatch(/^stowage; hit/)
          expect(hit.text).toBe(miss.text)
          expect(runs.of()).toBe(before + 1)
        }
    },
  )

  test('json: the order of members and the space between them do not matter; bytes: they do', async () => {
    const spellings = ['{"a":1,"b":{"c":2,"d":3}}', '{ "b": {"d":3, "c":2}, "a":1 }']
    for (const [kind, expected] of [
      ['json', 1],
      ['bytes', 2],
    ] as const) {
      const { port, runs } = await start(express, layers['json after the cache'] as Layers, kind)
      for (const body of [...spellings, ...spellings])
        expect(got(await post(port, body))).toEqual({ a: 1, b: { c: 2, d: 3 } })
      expect(runs.of()).toBe(expected)
    }
  })

  test('the same bytes of another type or coding are another request', async () => {
    const { port, runs } = await start(express, layers['every parser after the cache'] as Layers, 'bytes')
    const requests: [string | Buffer, Record<string, string>, unknown][] = [
      ['a=1&b=2', { 'content-type': 'application/x-www-form-urlencoded' }, { a: '1', b: '2' }],
      ['a=1&b=2', { 'content-type': 'text/plain' }, 'a=1&b=2'],
      ['{"a":1}', json, { a: 1 }],
      ['{"a":1}', { 'content-type': 'text/plain' }, { a: 1 }],
      [gzipSync('{"a":1}'), { ...json, 'content-encoding': 'gzip' }, { a: 1 }],
    ]
    for (const turn of [1, 2])
      for (const [body, headers, expected] of requests) {
        const answer = await post(port, body, headers)
        expect(got(answer)).toEqual(expected)
        expect(answer.cache.includes('hit')).toBe(turn === 2)
      }
    expect(runs.of()).toBe(requests.length)
  })

  test('methods, a body and none are kept apart', async () => {
    const { port, runs } = await start(express, layers['json after the cache'] as Layers)
    const all = async (): Promise<string[]> => [
      (await ask(port, '/')).text,
      (await post(port, '')).text,
      (await post(port, '', json, 'QUERY')).text,
      (await post(port, '{}')).text,
      (await post(port, '{}', json, 'QUERY')).text,
    ]
    const first = await all()
    expect(first.map((text) => (JSON.parse(text) as { method: string }).method)).toEqual([
      'GET',
      'POST',
      'QUERY',
      'POST',
      'QUERY',
    ])
    expect(await all()).toEqual(first)
    expect(runs.of()).toBe(5)
  })

  test.each(cases.filter(({ title }) => title.includes('after')))(
    '$title, a store that answers $answers: a body in pieces reaches the handler whole',
    async ({ order, later }) => {
      const { port, runs } = await start(express, order, 'json', later)
      const pieces = ['{"long":"', ...Array.from({ length: 10 }, (_, i) => String(i).repeat(100)), '"}']
      for (const turn of [1, 2]) {
        const answer = await postChunked(port, pieces)
        expect(got(answer)).toEqual(JSON.parse(pieces.join('')))
        expect(answer.cache.includes('hit')).toBe(turn === 2)
      }
      expect(runs.of()).toBe(1)
    },
  )

  test.each(cases)(
    '$title, a store that answers $answers: a body over the limit bypasses the cache and reaches the handler whole',
    async ({ title, order, later }) => {
      const { port, runs } = await start(express, order, 'json', later)
      const body = JSON.stringify({ long: 'y'.repeat(limit) })
      for (const turn of [1, 2]) {
        const answer = await post(port, body)
        expect(got(answer)).toEqual(JSON.parse(body))
        const whole = title.includes('before')
        if (!whole) expect(answer.cache).toContain('fwd=bypass; fwd-status=200; detail=request-body')
        expect(runs.of()).toBe(whole && answer.cache.includes('hit') ? 1 : turn)
      }
      if (title.includes('before')) return
      const pieces = [body.slice(0, 10_000), body.slice(10_000, 19_000), body.slice(19_000)]
      expect(got(await postChunked(port, pieces))).toEqual(JSON.parse(body))
      expect(runs.of()).toBe(3)
    },
  )

  test.each(cases.filter(({ title }) => title.includes('after')))(
    '$title, a store that answers $answers: an empty body is as without the cache',
    async ({ order, later }) => {
      const bare = express()
      const say: RequestHandler = (request, response) => {
        response.json({ got: shown(request), method: request.method })
      }
      const none: RequestHandler = (_request, _response, next) => next()
      bare.all('/', order(express, none), say)
      const expected = await serve(bare)
      const { port } = await start(express, order, 'json', later)
      for (const turn of [1, 2]) {
        expect((await post(port, '')).text, `${turn}`).toBe((await post(expected, '')).text)
        expect((await postChunked(port, [])).text).toBe((await postChunked(expected, [])).text)
        expect((await ask(port, '/', { method: 'POST' })).text).toBe(
          (await ask(expected, '/', { method: 'POST' })).text,
        )
      }
    },
  )

  test('a client that leaves in the middle of its body leaves nothing behind', async () => {
    for (const { later } of stores) {
      const { port, runs, cache } = await start(
        express,
        layers['json after the cache'] as Layers,
        'json',
        later,
      )
      const leaving: ClientRequest[] = []
      for (const headers of [{ ...json, 'content-length': '100' }, json]) {
        const request = httpRequest({ port, method: 'POST', agent: false, headers })
        request.on('error', () => undefined)
        request.write('{"a":')
        leaving.push(request)
      }
      await pause(20)
      for (const request of leaving) request.destroy()
      await pause(20)
      expect(got(await post(port, '{"a":1}'))).toEqual({ a: 1 })
      expect((await post(port, '{"a":1}')).cache).toMatch(/^stowage; hit/)
      expect(runs.of()).toBe(1)
      expect(cache.stats().errors).toBe(0)
    }
  })

  test('pipelined bodies are each answered with their own, hits included', async () => {
    const { port, runs } = await start(express, layers['json after the cache'] as Layers)
    const bodies = ['{"n":1}', '{"n":2}', '{"n":1}', '{"n":3}', '{"n":2}']
    const bytes = bodies
      .map(
        (body) =>
          `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      .join('')
    for (const turn of [1, 2]) {
      const received = await speak(
        port,
        bytes,
        (text) => (text.match(/"method":"POST"/g) ?? []).length === bodies.length,
      )
      expect(received.match(/\{"n":\d\}/g), `${turn}`).toEqual(bodies)
    }
    await until(() => runs.of() === 3)
  })

  test('a body that is no part of the key stays with its handler, and nothing is looked up', async () => {
    const runs = new Runs()
    const app = express()
    app.use(makeCache({ ttl: 60 }), express.json()).post('/', (request, response) => {
      response.json({ got: request.body as unknown, run: runs.add() })
    })
    const port = await serve(app)
    for (const turn of [1, 2]) {
      const answer = await post(port, '{"a":1}')
      expect([got(answer), answer.cache]).toEqual([{ a: 1 }, 'stowage; fwd=method; fwd-status=200'])
      expect(runs.of()).toBe(turn)
    }
  })
})
