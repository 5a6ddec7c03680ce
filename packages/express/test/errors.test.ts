import { fakeClock } from '@stowage/core/testing'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, Runs, serve, twins } from './support.ts'

class HttpError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
    // The default handler shows it, and it must be the same in both applications.
    this.stack = `stack of ${status}`
  }
}

/** Every way a handler can fail with a status, by the majors in which Express sees it. */
const failures: readonly (readonly [
  title: string,
  fail: (status: number) => RequestHandler,
  since: number,
])[] = [
  [
    'throws',
    (status) => () => {
      throw new HttpError(status)
    },
    4,
  ],
  ['calls next', (status) => (_request, _response, next) => next(new HttpError(status)), 4],
  [
    'calls next later',
    (status) => (_request, _response, next) => void setImmediate(() => next(new HttpError(status))),
    4,
  ],
  ['rejects', (status) => () => Promise.reject(new HttpError(status)), 5],
  [
    'rejects after a while',
    (status) => async () => {
      await new Promise((resolve) => setImmediate(resolve))
      throw new HttpError(status)
    },
    5,
  ],
  [
    'answers with the status',
    (status) => (_request, response) => void response.status(status).send('bad'),
    4,
  ],
]

const renderError: ErrorRequestHandler = (error: HttpError, _request, response, _next) => {
  response.status(error.status).json({ error: error.message })
}

const cases = failures.flatMap(([title, fail, since]) =>
  [true, false].map((own) => ({ title, fail, since, own, handler: own ? 'its own' : 'the default' })),
)

describe.each(expresses)('$name: errors', ({ express, major }) => {
  test.each(cases.filter(({ since }) => since <= major))(
    'a handler that $title, with $handler error handler, is answered as without the cache and not stored',
    async ({ fail, own }) => {
      for (const status of [500, 404, 400, 503]) {
        const { bare, cached, runs } = await twins(
          express,
          (app, layer, counted) => {
            app.set('env', 'test')
            app.use(layer).get('/', (request, response, next) => {
              counted.add()
              return fail(status)(request, response, next)
            })
            if (own) app.use(renderError)
          },
          { ttl: 60 },
        )
        const expected = await ask(bare, '/')
        expect(expected.status).toBe(status)
        for (const turn of [1, 2]) {
          const got = await ask(cached, '/')
          expectSame(got, expected)
          expect(got.cache).toBe(`stowage; fwd=uri-miss; fwd-status=${status}; detail=error`)
          expect(runs.of()).toBe(turn)
        }
      }
    },
  )

  test.each(cases.filter(({ since }) => since <= major))(
    'a handler that $title, with $handler error handler, leaves the stale response to stand in',
    async ({ fail, own }) => {
      const clock = fakeClock()
      for (const [status, standsIn] of [
        [500, true],
        [502, true],
        [503, true],
        [504, true],
        [501, false],
        [404, false],
      ] as const) {
        const app = express()
        const runs = new Runs()
        app.set('env', 'test')
        app.use(makeCache({ ttl: 60, staleIfError: 60, clock }))
        app.get('/', (request, response, next) => {
          if (runs.add() > 1) return fail(status)(request, response, next)
          return void response.send('good')
        })
        if (own) app.use(renderError)
        const port = await serve(app)
        const good = await ask(port, '/')
        clock.advance(61_000)
        const got = await ask(port, '/')
        expect(got.status, String(status)).toBe(standsIn ? 200 : status)
        if (standsIn) {
          expectSame(got, good)
          expect(got.cache).toMatch(`fwd=stale; fwd-status=${status}; ttl=-1; detail=sie`)
        }
        expect(runs.of()).toBe(2)
        clock.advance(60_000)
        expect((await ask(port, '/')).status).toBe(status)
      }
    },
  )

  test('an error after the first bytes cuts the answer off, and nothing of it is stored', async () => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.set('env', 'test')
      app.use(layer, freshFor60s).get('/', (_request, response, next) => {
        counted.add()
        response.write('half', () => next(new HttpError(500)))
      })
    })
    for (const turn of [1, 2]) {
      const failed = (port: number): Promise<Answer | string> =>
        ask(port, '/').catch((error: Error) => error.message)
      expect(await failed(cached)).toBe(await failed(bare))
      expect(runs.of()).toBe(turn)
    }
  })

  test('an error handler that ends what has begun ends it as without the cache', async () => {
    const { bare, cached } = await twins(express, (app, layer) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response, next) => void response.write('half', () => next(new HttpError(500))))
      const finish: ErrorRequestHandler = (_error, _request, response, _next) =>
        void response.end(' and half')
      app.use(finish)
    })
    for (const turn of [1, 2]) expectSame(await ask(cached, '/'), await ask(bare, '/'), [], `${turn}`)
  })

  test('a view that is not there and a status by hand are answered as without the cache', async () => {
    const { bare, cached } = await twins(express, (app, layer) => {
      app.set('env', 'test')
      app.engine('x', (_path, _options, done) => done(new HttpError(500)))
      app.set('views', import.meta.dirname)
      app.use(layer, freshFor60s)
      app.get('/fails', (_request, response) => response.render('views/page.tpl'))
      app.get('/none', (_request, response) =>
        response.render('nothing.x', (error: Error | null) => response.send(`${error === null}`)),
      )
      app.engine('tpl', (_path, _options, done) => done(new HttpError(500)))
    })
    for (const path of ['/fails', '/none'])
      for (const turn of [1, 2])
        expectSame(await ask(cached, path), await ask(bare, path), [], `${path} ${turn}`)
  })

  test('errors declared fresh are stored as they are', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, _response, next) => next(new HttpError(404 + 0 * counted.add())))
      app.use(renderError)
    })
    const [miss, hit] = [await ask(cached, '/'), await ask(cached, '/')]
    expect(hit.cache).toMatch(/^stowage; hit/)
    expectSame(hit, miss)
    expect([hit.status, runs.of()]).toEqual([404, 1])
  })

  test('policy functions that throw are reported, and the handler answers', async () => {
    const fail = (): never => {
      throw new Error('policy')
    }
    const policies = [
      { ttl: fail },
      { tags: fail, ttl: 60 },
      { when: fail },
      { scope: fail },
      { key: { by: { fail } } },
    ]
    for (const policy of policies) {
      const app = express()
      const cache = makeCache()
      const errors: string[] = []
      const runs = new Runs()
      cache.on('error', ({ code }) => void errors.push(code))
      app.get('/', cache.route(policy), (_request, response) => void response.send(`${runs.add()}`))
      const port = await serve(app)
      for (const turn of [1, 2]) expect((await ask(port, '/')).text).toBe(`${turn}`)
      expect(errors).toEqual(['POLICY_FUNCTION', 'POLICY_FUNCTION'])
    }
  })
})
