import type { RequestListener } from 'node:http'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock, listen, request, type TestResponse } from '@stowage/core/testing'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Application, Request, RequestHandler, Response } from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExpressModule, express4, express5 } from './express.ts'

interface Served {
  readonly app: Application
  readonly cache: ExpressCache
  readonly get: (path: string, user?: string) => Promise<TestResponse>
  readonly clock: ReturnType<typeof fakeClock>
  /** Resolves when so many requests have come. */
  readonly arrived: (requests: number) => Promise<void>
}

const createGate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined
  const passed = new Promise<void>((resume) => {
    open = resume
  })
  return { passed, open: () => open() }
}

const later = (): Promise<void> => new Promise((resume) => setImmediate(resume))

const userOf = (request: Request): string => String((request as { user?: unknown }).user)

/** Takes the user from a field that the cache does not know to be one. */
const authenticate =
  (passed: Promise<void> | undefined, seen: string[] = []): RequestHandler =>
  async (req, res, next) => {
    const user = String(req.headers['x-user'])
    seen.push(user)
    await passed
    if (user === 'nobody') {
      res.status(401).send('who is it?')
      return
    }
    Object.assign(req, { user })
    next()
  }

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('%s', (_, express: ExpressModule) => {
  const serve = async (options: CacheOptions<Request>, build: (served: Served) => void): Promise<Served> => {
    const clock = fakeClock()
    const app = express()
    const cache = cacheMiddleware({ backend: memory({ clock }), clock, ...options })
    let url = ''
    const get = (path: string, user?: string): Promise<TestResponse> =>
      request(url + path, user === undefined ? {} : { headers: { 'x-user': user } })
    let requests = 0
    const arrived = async (atLeast: number): Promise<void> => {
      while (requests < atLeast) await later()
    }
    const served = { app, cache, get, clock, arrived }
    build(served)
    const counted = (...[request, response]: Parameters<RequestListener>): void => {
      requests += 1
      app(request, response)
    }
    const server = await listen(counted, cache)
    url = server.url
    onTestFinished(() => server.close())
    return served
  }

  describe('a cache in front, and a route inside of routers and applications', () => {
    test.each(['router', 'sub-application', 'router of a sub-application'])(
      'in a %s: parameters, the name of the route, and refreshes',
      async (kind) => {
        let runs = 0
        const { cache, get, clock } = await serve({}, ({ app, cache: used }) => {
          const inner = kind === 'sub-application' ? express() : express.Router()
          const handler = (req: Request, res: Response): void => {
            runs += 1
            res.send(`${req.params.id} of run ${runs}`)
          }
          inner.get('/items/:id', used.route({ ttl: '1m', staleWhileRevalidate: '1m' }), handler)
          app.use(used)
          if (kind === 'router of a sub-application') app.use('/api', express().use(inner))
          else app.use('/api', inner)
        })
        expect((await get('/api/items/7')).text).toBe('7 of run 1')
        expect((await get('/api/items/7')).headers['cache-status']).toBe('stowage; hit; ttl=60')
        clock.advance(90_000)
        const refreshed = new Promise<{ ok: boolean }>((resolve) => cache.on('refresh', resolve))
        expect((await get('/api/items/7')).text).toBe('7 of run 1')
        expect((await refreshed).ok).toBe(true)
        expect((await get('/api/items/7')).text).toBe('7 of run 2')
        await get('/api/items/8')
        await cache.invalidate({ route: '/api/items/:id' })
        expect((await get('/api/items/7')).text).toBe('7 of run 4')
        expect(Object.keys(cache.stats().byRoute)).toEqual(['/api/items/:id'])
      },
    )

    test('the same cache twice in front is one cache', async () => {
      const { get } = await serve({ ttl: '1m' }, ({ app, cache }) => {
        app.use(cache, cache)
        app.get('/a', cache.route({}), cache.route({}), (_req, res) => void res.send('a'))
      })
      expect((await get('/a')).headers['cache-status']).toBe(
        'stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored',
      )
      expect((await get('/a')).headers['cache-status']).toBe('stowage; hit; ttl=60')
    })
  })

  describe('key rules that only the route knows', () => {
    test('are remembered in front, so that a hit passes nothing in between', async () => {
      const seen: string[] = []
      const { get } = await serve({ key: { query: 'none' } }, ({ app, cache }) => {
        app.use(cache, authenticate(undefined, seen))
        app.get(
          '/a',
          cache.route({ ttl: '1m', key: { query: ['page'] } }),
          (req, res) => void res.send(req.url),
        )
      })
      for (const page of ['1', '2'])
        expect((await get(`/a?page=${page}`, 'ann')).text).toBe(`/a?page=${page}`)
      expect(seen.length).toBe(2)
      for (const page of ['1', '2'])
        expect((await get(`/a?page=${page}&x`, 'ann')).text).toBe(`/a?page=${page}`)
      expect(seen.length).toBe(2)
    })

    test('stay with the route where they are functions: who the user is, is found out before', async () => {
      const seen: string[] = []
      let runs = 0
      const { get } = await serve({}, ({ app, cache }) => {
        app.use(cache, authenticate(undefined, seen))
        app.get('/me', cache.route({ ttl: '1m', scope: ({ raw }) => userOf(raw) }), (req, res) => {
          runs += 1
          res.send(userOf(req))
        })
      })
      for (const user of ['ann', 'bob', 'ann', 'bob', 'nobody', 'ann']) {
        const { text, status } = await get('/me', user)
        expect([status, text]).toEqual(user === 'nobody' ? [401, 'who is it?'] : [200, user])
      }
      expect(runs).toBe(2)
      expect(seen.length).toBe(6)
    })
  })

  describe('requests that wait in front while the first one finds its route', () => {
    const users = Array.from({ length: 24 }, (__, index) => `user ${index % 6}`)

    test.each([
      ['a scope', { scope: ({ raw }: { raw: Request }) => userOf(raw) }],
      ['a part of the key', { key: { by: { user: ({ raw }: { raw: Request }) => userOf(raw) } } }],
      ['a field of the key', { key: { headers: ['x-user'] } }],
      ['no store at all', { scope: 'private' }],
    ] as const)('each get the answer of their own user: %s', async (_name, rules) => {
      const gate = createGate()
      const seen: string[] = []
      let runs = 0
      const { get, arrived } = await serve({}, ({ app, cache }) => {
        app.use(cache, authenticate(gate.passed, seen))
        app.get('/me', cache.route({ ttl: '1m', ...rules }), async (req, res) => {
          runs += 1
          await later()
          res.send(userOf(req))
        })
      })
      const all = users.map((user) => get('/me', user))
      await arrived(users.length)
      expect(seen.length).toBe(1)
      gate.open()
      expect((await Promise.all(all)).map(({ text }) => text)).toEqual(users)
      expect(runs).toBe('scope' in rules && rules.scope === 'private' ? users.length : 6)
      expect((await get('/me', 'user 3')).text).toBe('user 3')
      expect((await get('/me', 'user 99')).text).toBe('user 99')
    })

    test('are not refused because the first one is', async () => {
      const gate = createGate()
      const seen: string[] = []
      const { get, arrived } = await serve({}, ({ app, cache }) => {
        app.use(cache, authenticate(gate.passed, seen))
        app.get(
          '/me',
          cache.route({ ttl: '1m', key: { headers: ['x-user'] } }),
          (req, res) => void res.send(userOf(req)),
        )
      })
      const first = get('/me', 'nobody')
      await arrived(1)
      const others = ['ann', 'bob', 'nobody'].map((user) => get('/me', user))
      await arrived(4)
      expect(seen).toEqual(['nobody'])
      gate.open()
      expect((await first).status).toBe(401)
      expect((await Promise.all(others)).map(({ status, text }) => `${status} ${text}`)).toEqual([
        '200 ann',
        '200 bob',
        '401 who is it?',
      ])
    })
  })
})
