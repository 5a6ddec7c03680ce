import { memory } from '@stowage/core'
import { asyncBackend, chaosBackend } from '@stowage/core/testing'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, open } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, Runs, serve, until } from './support.ts'

/** Ways in which a handler lets its head and body go. */
const answers: Readonly<Record<string, (response: Response) => unknown>> = {
  send: (response) => response.send('done'),
  json: (response) => response.status(201).json({ done: true }),
  'an empty 204': (response) => response.status(204).end(),
  redirect: (response) => response.redirect(303, '/items'),
  'writeHead and pieces': (response) => {
    response.writeHead(200, { 'X-A': '1' })
    response.write('one ')
    response.write(Buffer.from('two '))
    response.end('three')
  },
  'flushed head': (response) => {
    response.flushHeaders()
    setImmediate(() => response.end('later'))
  },
  'pieces that wait for drain': async (response) => {
    for (let at = 0; at < 8; at++)
      if (!response.write(Buffer.alloc(50_000, at)))
        await new Promise((resolve) => response.once('drain', resolve))
    response.end()
  },
  'a buffer that is used again': (response) => {
    const piece = Buffer.from('first ')
    response.write(piece)
    piece.fill('x')
    response.end('last')
  },
}

const latency = 50

const start = async (
  express: (typeof expresses)[number]['express'],
  inFront: boolean,
  answer: (response: Response) => unknown,
) => {
  const backend = chaosBackend(asyncBackend(memory()))
  const cache = makeCache({ backend })
  const acknowledged: number[] = []
  cache.on('invalidate', () => void acknowledged.push(performance.now()))
  const runs = new Runs()
  const app = express()
  if (inFront) app.use(cache)
  app.get(
    '/items',
    cache.route({ tags: ['items'] }),
    (_request, response) => void response.send(`${runs.add()}`),
  )
  app.post('/items', cache.invalidates({ tags: ['items'] }), (_request, response) => void answer(response))
  app.post('/plain', (_request, response) => void answer(response))
  const port = await serve(app)
  const slow = (): void => backend.chaos.set({ latency, only: ['tags.bump'] })
  return { port, cache, runs, slow, acknowledged }
}

describe.each(expresses)('$name: invalidation by a route', ({ express }) => {
  const cases = Object.entries(answers).flatMap(([title, answer]) =>
    [true, false].map((inFront) => ({ title, answer, inFront, place: inFront ? 'with' : 'without' })),
  )

  test.each(cases)(
    '$title, $place the cache in front: nothing leaves before it is acknowledged',
    async ({ answer, inFront }) => {
      const { port, slow, acknowledged, runs } = await start(express, inFront, answer)
      const plain = await ask(port, '/plain', { method: 'POST' })
      acknowledged.length = 0
      await ask(port, '/items')
      slow()
      const [headAt, whole] = await new Promise<[number, Buffer]>((resolve, reject) => {
        const request = open(port, '/items', { method: 'POST' })
        request.on('error', reject)
        request.on('response', (response) => {
          const at = performance.now()
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => resolve([at, Buffer.concat(chunks)]))
        })
        request.end()
      })
      expect(acknowledged.length).toBeGreaterThan(0)
      expect(headAt).toBeGreaterThanOrEqual(Math.max(...acknowledged))
      expect(whole.equals(plain.body)).toBe(true)
      expect((await ask(port, '/items')).text).toBe('2')
      expect(runs.of()).toBe(2)
    },
  )

  test('an error that comes while the answer waits does not change it', async () => {
    const app = express()
    const backend = chaosBackend(asyncBackend(memory()), { latency, only: ['tags.bump'] })
    const cache = makeCache({ backend })
    const mishaps: readonly ((response: Response) => unknown)[] = [
      (response) => response.status(500).json({ late: true }),
      (response) => response.writeHead(500).end('late'),
      (response) => response.redirect('/late'),
      (response) => response.setHeader('X-Late', '1'),
      (response) => response.removeHeader('Content-Type'),
    ]
    app.post('/:at', cache.invalidates({ all: true }), (request, response) => {
      response.set('X-Early', '1').send('answer')
      mishaps[Number(request.params.at)]?.(response)
    })
    const port = await serve(app)
    const expected = await ask(port, '/99', { method: 'POST' })
    for (const at of mishaps.keys()) {
      const got = await ask(port, `/${at}`, { method: 'POST' })
      expect([got.status, got.text, got.headers['x-early'], got.headers['x-late']]).toEqual([
        200,
        'answer',
        '1',
        undefined,
      ])
      expect(got.headers['content-type']).toBe(expected.headers['content-type'])
    }
  })

  test('a client that leaves meanwhile does not stop the invalidation', async () => {
    const { port, slow, runs, acknowledged } = await start(express, true, (response) => response.send('done'))
    await ask(port, '/items')
    slow()
    const request = open(port, '/items', { method: 'POST' })
    request.on('error', () => undefined)
    request.end()
    setTimeout(() => request.destroy(), latency / 2)
    await until(() => acknowledged.length > 0)
    expect((await ask(port, '/items')).text).toBe('2')
    expect(runs.of()).toBe(2)
  })

  test('a store that does not answer delays the answer by no more than the deadline', async () => {
    const backend = chaosBackend(asyncBackend(memory()), { hangRate: 1, only: ['tags.bump'] })
    const cache = makeCache({ backend, backendDeadline: '40ms' })
    const errors: string[] = []
    cache.on('error', ({ code }) => void errors.push(code))
    const app = express()
    app.post('/', cache.invalidates({ all: true }), (_request, response) => void response.send('done'))
    const port = await serve(app)
    const began = performance.now()
    expect((await ask(port, '/', { method: 'POST' })).text).toBe('done')
    expect(performance.now() - began).toBeLessThan(1000)
    expect(new Set(errors)).toEqual(new Set(['BACKEND_INVALIDATE']))
    backend.chaos.release()
  })

  test('selectors may come from the request, and only an answer that is no error invalidates', async () => {
    const cache = makeCache()
    cache.on('error', () => undefined)
    const runs = new Runs()
    const app = express()
    const say: RequestHandler = (request, response) => void response.send(`${runs.add(request.path)}`)
    app.use(cache)
    app.get(
      '/items/:id',
      cache.route({ ttl: 60, tags: (view: { url: URL }) => [`item:${view.url.pathname.split('/')[2]}`] }),
      say,
    )
    app.get('/list', cache.route({ tags: ['list'] }), say)
    app.put(
      '/touch/:id/:status',
      cache.invalidates((request) => ({ tags: [`item:${request.params.id}`] })),
      cache.invalidates({ url: '/list' }),
      (request, response) => {
        const status = Number(request.params.status)
        if (status === 599) throw new Error('thrown')
        response.status(status).end()
      },
    )
    app.put(
      '/broken',
      cache.invalidates(() => ({ nonsense: 1 }) as never),
      say,
    )
    const quiet: ErrorRequestHandler = (_error, _request, response, _next) => void response.status(500).end()
    app.use(quiet)
    const port = await serve(app)
    const versions = async (): Promise<string[]> => {
      const texts: string[] = []
      for (const path of ['/items/1', '/items/2', '/list']) texts.push((await ask(port, path)).text)
      return texts
    }
    expect(await versions()).toEqual(['1', '1', '1'])
    for (const status of [400, 404, 409, 500, 503, 599]) {
      await ask(port, `/touch/1/${status}`, { method: 'PUT' })
      expect(await versions(), String(status)).toEqual(['1', '1', '1'])
    }
    await ask(port, '/touch/1/204', { method: 'PUT' })
    expect(await versions()).toEqual(['2', '1', '2'])
    await ask(port, '/touch/2/302', { method: 'PUT' })
    expect(await versions()).toEqual(['2', '2', '3'])
    expect((await ask(port, '/broken', { method: 'PUT' })).status).toBe(200)
    expect(cache.stats().errors).toBe(1)
  })

  test('an unsafe request invalidates its own URL and those that its answer names', async () => {
    const app = express()
    const runs = new Runs()
    app.use(makeCache(), freshFor60s)
    app.get(['/a', '/b', '/c'], (request, response) => void response.send(`${runs.add(request.path)}`))
    app.post('/a', (_request, response) => void response.location('/b').status(201).end())
    app.delete('/c', (_request, response) => void response.status(404).end())
    const port = await serve(app)
    for (const path of ['/a', '/b', '/c']) await ask(port, path)
    await ask(port, '/a', { method: 'POST' })
    await ask(port, '/c', { method: 'DELETE' })
    for (const path of ['/a', '/b', '/c']) await ask(port, path)
    expect([runs.of('/a'), runs.of('/b'), runs.of('/c')]).toEqual([2, 2, 1])
  })

  test('soft invalidation keeps what is stale for its windows', async () => {
    const cache = makeCache({ ttl: 60, staleWhileRevalidate: 60 })
    const runs = new Runs()
    const app = express()
    app.use(cache).get('/', (_request, response) => void response.send(`${runs.add()}`))
    app.post(
      '/other',
      cache.invalidates({ all: true }, { mode: 'stale' }),
      (_request, response) => void response.end(),
    )
    const port = await serve(app)
    await ask(port, '/')
    await ask(port, '/other', { method: 'POST' })
    const stale = await ask(port, '/')
    expect([stale.text, stale.cache.includes('detail=swr')]).toEqual(['1', true])
    await until(() => runs.of() === 2)
    expect((await ask(port, '/')).text).toBe('2')
  })

  test('an answer begun by an outer layer still invalidates', async () => {
    const cache = makeCache()
    const runs = new Runs()
    const app = express()
    app.use((request, response, next) => {
      if (request.method === 'POST') response.writeHead(200).write('begun ')
      next()
    })
    app.use(cache).get('/', freshFor60s, (_request, response) => void response.send(`${runs.add()}`))
    app.post('/', (_request, response) => void response.end('ended'))
    const port = await serve(app)
    await ask(port, '/')
    expect((await ask(port, '/', { method: 'POST' })).text).toBe('begun ended')
    expect((await ask(port, '/')).text).toBe('2')
  })
})
