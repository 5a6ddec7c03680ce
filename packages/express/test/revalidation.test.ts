import { AsyncLocalStorage } from 'node:async_hooks'
import { createReadStream } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fakeClock } from '@stowage/core/testing'
import { isRevalidation } from '@stowage/express'
import compression from 'compression'
import type { Application, Request, RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import session from 'express-session'
import morgan from 'morgan'
import { describe, expect, test } from 'vitest'
import { ask, open } from './client.ts'
import { thisFile } from './shapes.ts'
import { type Express, expresses, makeCache, Runs, serve, until } from './support.ts'

type Build = (app: Application, layer: RequestHandler, handler: RequestHandler, express: Express) => void

/** An application with one cached page that numbers its versions, and what its background refreshes came to. */
const start = async (
  express: Express,
  build: Build,
  answer: RequestHandler = (_request, response) => void response.send(`version ${response.locals.run}`),
) => {
  // From now on: limiters set a Date of their own.
  const clock = fakeClock(Date.now())
  const cache = makeCache({ clock, ttl: 60, staleWhileRevalidate: 600 })
  const runs = new Runs()
  const refreshes: boolean[] = []
  cache.on('refresh', ({ ok }) => void refreshes.push(ok))
  const app = express()
  build(
    app,
    cache,
    (request, response, next) => {
      response.locals.run = runs.add()
      return answer(request, response, next)
    },
    express,
  )
  const port = await serve(app)
  const settled = (count: number): Promise<void> =>
    until(() => refreshes.length === count, `refresh ${count}`)
  return { clock, cache, runs, refreshes, port, settled }
}

const ways: Readonly<Record<string, Build>> = {
  'a route': (app, layer, handler) => void app.use(layer).get('/a/b/:id', handler),
  'a router': (app, layer, handler, express) => {
    app.use('/a', layer, express.Router().use('/b', express.Router().get('/:id', handler)))
  },
  'a mounted application': (app, layer, handler, express) => {
    app.use(layer).use('/a', express().use('/b', express().get('/:id', handler)))
  },
  'the cache in a mounted application': (app, layer, handler, express) => {
    const inner = express()
    inner.use(layer).get('/b/:id', handler)
    app.use('/a', inner)
  },
  'the cache in a router of a mounted application': (app, layer, handler, express) => {
    const router = express.Router()
    router.use(layer).get('/:id', handler)
    app.use('/a', express().use('/b', router))
  },
  'compression outside': (app, layer, handler) =>
    void app.use(compression({ threshold: 0 }), layer).get('/a/b/:id', handler),
  'compression inside': (app, layer, handler) =>
    void app.use(layer, compression({ threshold: 0 })).get('/a/b/:id', handler),
  'body parsers and a view of everything': (app, layer, handler, express) => {
    app.use(
      express.json(),
      express.urlencoded({ extended: true }),
      morgan('tiny', { stream: { write: () => undefined } }),
    )
    app.use(layer).all('/a/b/:id', handler)
  },
}

const text = (answer: { body: Buffer; headers: Record<string, unknown> }): string =>
  (answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body).toString()

describe.each(expresses)('$name: background revalidation', ({ express }) => {
  test.each(Object.entries(ways))(
    '%s: a stale response is served at once and refreshed behind it',
    async (_, build) => {
      const seen: unknown[] = []
      const { clock, port, runs, settled } = await start(express, build, (request, response) => {
        seen.push([
          isRevalidation(request),
          request.originalUrl,
          request.baseUrl + request.url,
          request.params.id,
        ])
        response.send(`version ${response.locals.run}`)
      })
      const headers = { 'accept-encoding': 'gzip' }
      const get = async (): Promise<[string, string]> => {
        const answer = await ask(port, '/a/b/7?q=1', { headers })
        return [text(answer), answer.cache]
      }
      await get()
      clock.advance(90_000)
      expect(await get()).toEqual(['version 1', 'stowage; hit; ttl=-30; detail=swr'])
      await settled(1)
      expect(await get()).toEqual(['version 2', 'stowage; hit; ttl=60'])
      expect(runs.of()).toBe(2)
      expect(seen).toEqual([
        [false, '/a/b/7?q=1', '/a/b/7?q=1', '7'],
        [true, '/a/b/7?q=1', '/a/b/7?q=1', '7'],
      ])
    },
  )

  test('it carries nothing of the client but what is in the key', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: Request[] = []
    const stores: unknown[] = []
    const build: Build = (app, layer, handler) => {
      app.use((_request, _response, next) => storage.run('client', next))
      app.use(layer).get('/', handler)
    }
    const { clock, port, settled } = await start(express, build, (request, response) => {
      seen.push(request)
      stores.push(storage.getStore())
      response.set({ Vary: 'X-Lang', 'Cache-Control': 'public, max-age=60' }).send('x')
    })
    const headers = {
      host: 'h.example',
      cookie: 'sid=secret',
      authorization: 'Bearer secret',
      'x-api-key': 'secret',
      'user-agent': 'client',
      'x-lang': 'de',
      'x-forwarded-for': '10.1.1.1',
      'if-none-match': '"client"',
      range: 'bytes=0-0',
    }
    for (const turn of [1, 2]) {
      await ask(port, '/', { headers: turn === 1 ? { host: 'h.example', 'x-lang': 'de' } : headers })
      clock.advance(90_000)
    }
    await settled(1)
    const replay = seen[1] as Request
    expect(Object.keys(replay.headers).sort()).toEqual(['host', 'if-none-match', 'x-lang'])
    expect([replay.headers.host, replay.headers['x-lang']]).toEqual(['h.example', 'de'])
    // The condition is that of the stored response.
    expect(replay.headers['if-none-match']).toMatch(/^W\//)
    expect([replay.protocol, replay.method]).toEqual(['http', 'GET'])
    // An address for documentation (RFC 5737): nobody's, and no trusted proxy's.
    expect(replay.ip).toBe('192.0.2.1')
    // Its own request passes the same middleware, in a context of its own.
    expect(stores).toEqual(['client', 'client'])
  })

  test('what a client left in asynchronous context outside of Express is not visible', async () => {
    const storage = new AsyncLocalStorage<string>()
    const stores: unknown[] = []
    const inner = await start(
      express,
      (app, layer, handler) => void app.use(layer).get('/', handler),
      (request, response) => {
        stores.push([isRevalidation(request), storage.getStore()])
        response.send('x')
      },
    )
    const outer = express()
    const target = inner.port
    outer.use((_request, response, next) => {
      storage.run('client', () => ask(target, '/').then(() => response.end(), next))
    })
    const port = await serve(outer)
    await ask(port, '/')
    inner.clock.advance(90_000)
    await ask(port, '/')
    await inner.settled(1)
    expect(stores).toHaveLength(2)
    expect(stores[1]).toEqual([true, undefined])
  })

  test('rate limits, sessions and logs can leave it out', async () => {
    const lines: string[] = []
    const store = new session.MemoryStore()
    const skip = { skip: (request: object) => isRevalidation(request) }
    const sessions = session({ secret: 's', resave: false, saveUninitialized: true, store })
    const build: Build = (app, layer, handler) => {
      app.use(morgan(':status', { ...skip, stream: { write: (line) => void lines.push(line) } }))
      app.use(rateLimit({ limit: 2, windowMs: 60_000, validate: false, ...skip }))
      app.use((request, response, next) =>
        isRevalidation(request) ? next() : sessions(request, response, next),
      )
      app.use(layer).get('/', handler)
    }
    const { clock, port, runs, refreshes, settled } = await start(express, build, (_request, response) => {
      response.set('Cache-Control', 'public, max-age=60').send('x')
    })
    await ask(port, '/')
    clock.advance(90_000)
    const stale = await ask(port, '/')
    expect([stale.headers['x-ratelimit-remaining'], stale.cache.includes('swr')]).toEqual(['0', true])
    await settled(1)
    expect([refreshes, runs.of(), lines.length]).toEqual([[true], 2, 2])
    const kept = await new Promise((resolve) => store.length?.((_error, count) => resolve(count)))
    expect(kept).toBe(2)
  })

  test('a limiter that counts it as well may refuse it: the stale response stays', async () => {
    const build: Build = (app, layer, handler) => {
      app.use(rateLimit({ limit: 2, windowMs: 60_000, validate: false, keyGenerator: () => 'all' }))
      app.use(layer).get('/', handler)
    }
    const { clock, port, runs, refreshes, settled, cache } = await start(express, build)
    const errors: string[] = []
    cache.on('error', ({ code }) => void errors.push(code))
    await ask(port, '/')
    clock.advance(90_000)
    expect((await ask(port, '/')).text).toBe('version 1')
    await settled(1)
    expect([refreshes, errors, runs.of()]).toEqual([[false], ['REVALIDATION_FAILED'], 1])
  })

  test('files and long streams are refreshed through it', async () => {
    const streams: readonly RequestHandler[] = [
      (_request, response) =>
        response.sendFile(thisFile, { etag: false, lastModified: false, cacheControl: false }),
      (_request, response) => void createReadStream(thisFile).pipe(response),
      async (_request, response) => {
        for (let at = 0; at < 64; at++)
          if (!response.write(Buffer.alloc(64 * 1024, at)))
            await new Promise((resolve) => response.once('drain', resolve))
        response.end()
      },
    ]
    for (const stream of streams) {
      const build: Build = (app, layer, handler) => void app.use(layer).get('/', handler)
      const { clock, port, runs, settled, refreshes } = await start(express, build, stream)
      const first = await ask(port, '/')
      clock.advance(90_000)
      await ask(port, '/')
      await settled(1)
      const fresh = await ask(port, '/')
      expect([refreshes, runs.of(), fresh.body.equals(first.body)]).toEqual([[true], 2, true])
      expect(fresh.cache).toBe('stowage; hit; ttl=60')
    }
  })

  test('many stale hits have one refresh between them, also where its client leaves', async () => {
    let release: () => void = () => undefined
    const build: Build = (app, layer, handler) => void app.use(layer).get('/', handler)
    const { clock, port, runs, settled } = await start(express, build, async (request, response) => {
      if (isRevalidation(request)) await new Promise<void>((resolve) => (release = resolve))
      response.send(`version ${response.locals.run}`)
    })
    await ask(port, '/')
    clock.advance(90_000)
    const leaving = open(port, '/')
    leaving.on('error', () => undefined).on('response', () => leaving.destroy())
    leaving.end()
    await until(() => runs.of() === 2)
    const stale = await Promise.all(Array.from({ length: 20 }, () => ask(port, '/')))
    expect(new Set(stale.map((answer) => answer.text))).toEqual(new Set(['version 1']))
    release()
    await settled(1)
    expect((await ask(port, '/')).text).toBe('version 2')
    expect(runs.of()).toBe(2)
  })
})
