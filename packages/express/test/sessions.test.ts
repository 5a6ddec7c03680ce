import { fakeClock } from '@stowage/core/testing'
import type { Application, RequestHandler } from 'express'
import session from 'express-session'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { expresses, type Runs, twins } from './support.ts'

declare module 'express-session' {
  interface SessionData {
    user?: string
    views?: number
  }
}

const sessions = (saveUninitialized: boolean, rolling = false): RequestHandler =>
  session({ secret: 'secret', resave: false, saveUninitialized, rolling })

const cookieOf = (answer: Answer): string | undefined => answer.headers['set-cookie']?.[0]?.split(';', 1)[0]

const withCookie = (cookie: string | undefined): { headers: Record<string, string> } => ({
  headers: cookie === undefined ? {} : { cookie },
})

/** A page for everybody, one that greets the user, one that counts in the session, and the login. */
const mountPages = (app: Application, runs: Runs): void => {
  app.get('/public', (_request, response) => {
    runs.add('public')
    response.set('Cache-Control', 'public, max-age=60').send('for everybody')
  })
  app.get('/hello', (request, response) => {
    runs.add('hello')
    response.set('Cache-Control', 'max-age=60').send(`hello ${request.session.user ?? 'stranger'}`)
  })
  app.get('/views', (request, response) => {
    runs.add('views')
    request.session.views = (request.session.views ?? 0) + 1
    response.set('Cache-Control', 'max-age=60').send(`view ${request.session.views}`)
  })
  app.get('/login/:user', (request, response) => {
    runs.add('login')
    request.session.user = request.params.user
    response.set('Cache-Control', 'max-age=60').send(`welcome ${request.params.user}`)
  })
}

const places = ['outside', 'inside'] as const

const cases = places.flatMap((place) =>
  [true, false].map((saveUninitialized) => ({ place, saveUninitialized })),
)

describe.each(expresses)('$name: express-session beside the cache', ({ express }) => {
  const start = ({ place, saveUninitialized }: (typeof cases)[number], rolling = false) =>
    twins(express, (app, layer, runs) => {
      const handlers = [sessions(saveUninitialized, rolling), layer]
      app.use(place === 'outside' ? handlers : handlers.reverse())
      mountPages(app, runs)
    })

  test.each(cases)('$place, saveUninitialized $saveUninitialized: no cookie is given twice', async (how) => {
    const { bare, cached } = await start(how)
    const given: string[] = []
    for (const path of ['/public', '/hello', '/views', '/login/ann'])
      for (const turn of [1, 2, 3]) {
        const answer = await ask(cached, path)
        const cookie = cookieOf(answer)
        if (cookie !== undefined) given.push(cookie)
        const expected = cookieOf(await ask(bare, path))
        // A hit inside of which the session lies starts none.
        const mayLack = how.place === 'inside' && turn > 1 && answer.cache.includes('hit')
        if (!mayLack) expect(cookie === undefined, `${path} ${turn}`).toBe(expected === undefined)
      }
    expect(new Set(given).size).toBe(given.length)
    expect(given.length).toBeGreaterThan(0)
  })

  test.each(cases)(
    '$place, saveUninitialized $saveUninitialized: everybody reads their own name, in any order',
    async (how) => {
      const { cached } = await start(how)
      const ann = cookieOf(await ask(cached, '/login/ann'))
      const bob = cookieOf(await ask(cached, '/login/bob'))
      expect(ann).not.toBe(bob)
      const users = [
        [ann, 'ann'],
        [undefined, 'stranger'],
        [bob, 'bob'],
      ] as const
      for (const [cookie, name] of [...users, ...users, ...[...users].reverse()]) {
        const answer = await ask(cached, '/hello', withCookie(cookie))
        expect(answer.text).toBe(`hello ${name}`)
        if (cookie !== undefined) expect(answer.cache).not.toMatch(/hit|stored/)
      }
      expect((await ask(cached, '/views', withCookie(ann))).text).toBe('view 1')
      expect((await ask(cached, '/views', withCookie(ann))).text).toBe('view 2')
      expect((await ask(cached, '/views', withCookie(bob))).text).toBe('view 1')
    },
  )

  test.each(cases)(
    '$place, saveUninitialized $saveUninitialized: what is declared public is shared by all',
    async (how) => {
      const { bare, cached, runs } = await start(how)
      const ann = cookieOf(await ask(cached, '/login/ann'))
      const bareAnn = cookieOf(await ask(bare, '/login/ann'))
      await ask(cached, '/public', withCookie(ann))
      const before = runs.of('public')
      for (const turn of [1, 2]) {
        const answer = await ask(cached, '/public', withCookie(ann))
        expect(answer.cache, `${turn}`).toMatch(/^stowage; hit/)
        expectSame(answer, await ask(bare, '/public', withCookie(bareAnn)))
      }
      expect(runs.of('public')).toBe(before)
    },
  )

  test('outside: what begins a session is not stored, unless it is declared public', async () => {
    for (const saveUninitialized of [true, false]) {
      const { cached, runs } = await start({ place: 'outside', saveUninitialized })
      const visit = async (path: string): Promise<Answer[]> => [
        await ask(cached, path),
        await ask(cached, path),
        await ask(cached, path),
      ]
      const views = await visit('/views')
      expect(views.map(({ text }) => text)).toEqual(['view 1', 'view 1', 'view 1'])
      expect(new Set(views.map(cookieOf)).size).toBe(3)
      expect(runs.of('views')).toBe(3)

      const hello = await visit('/hello')
      expect(runs.of('hello')).toBe(saveUninitialized ? 3 : 1)
      expect(new Set(hello.map(cookieOf)).size).toBe(saveUninitialized ? 3 : 1)

      const shared = await visit('/public')
      expect(shared.map(({ cache }) => cache.includes('hit'))).toEqual([false, true, true])
      expect(new Set(shared.map(cookieOf)).size).toBe(saveUninitialized ? 3 : 1)
    }
  })

  test('outside: an empty answer whose head waits for the session store is not stored either', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(sessions(false), layer)
      app.get('/', (request, response) => {
        request.session.views = counted.add()
        response.set({ 'Cache-Control': 'max-age=60', 'X-View': String(request.session.views) }).end()
      })
    })
    for (const turn of [1, 2]) {
      const answer = await ask(cached, '/')
      expect(answer.headers['x-view']).toBe(String(turn))
      expect(cookieOf(answer)).toBeDefined()
    }
    expect(runs.of()).toBe(2)
  })

  test('outside: the answer to a condition and a validated response keep their cookies apart', async () => {
    const clock = fakeClock()
    const { cached, runs } = await twins(
      express,
      (app, layer, counted) => {
        app.use(sessions(true), layer)
        app.get('/', (_request, response) => {
          counted.add()
          response.set({ 'Cache-Control': 'public, max-age=60', ETag: '"v"' })
          response.send('body')
        })
      },
      { clock },
    )
    const headers = { 'if-none-match': '"v"' }
    const answers = [await ask(cached, '/', { headers }), await ask(cached, '/', { headers })]
    clock.advance(61_000)
    answers.push(await ask(cached, '/', { headers }), await ask(cached, '/'))
    expect(answers.map(({ status }) => status)).toEqual([304, 304, 304, 200])
    expect(answers.map(({ cache }) => cache.replace(/; ttl.*/, ''))).toEqual([
      'stowage; fwd=uri-miss; fwd-status=200',
      'stowage; hit',
      'stowage; fwd=stale; fwd-status=304',
      'stowage; hit',
    ])
    expect(new Set(answers.map(cookieOf)).size).toBe(4)
    expect(runs.of()).toBe(2)
  })

  test('inside: a response that starts a session is not stored, one that starts none is', async () => {
    const starts = await start({ place: 'inside', saveUninitialized: true })
    for (const turn of [1, 2]) {
      expect((await ask(starts.cached, '/hello')).cache).toContain('detail=set-cookie')
      expect(starts.runs.of('hello')).toBe(turn)
    }
    const none = await start({ place: 'inside', saveUninitialized: false })
    for (const hit of [false, true])
      expect((await ask(none.cached, '/hello')).cache.includes('hit')).toBe(hit)
    for (const turn of [1, 2]) {
      expect((await ask(none.cached, '/views')).cache).toContain('detail=set-cookie')
      expect(none.runs.of('views')).toBe(turn)
    }
  })

  test("outside: a rolling session is prolonged by a hit, and is the client's own", async () => {
    const { cached } = await start({ place: 'outside', saveUninitialized: false }, true)
    const ann = cookieOf(await ask(cached, '/login/ann'))
    const bob = cookieOf(await ask(cached, '/login/bob'))
    for (const cookie of [ann, bob, ann]) {
      const answer = await ask(cached, '/public', withCookie(cookie))
      expect(cookieOf(answer)).toBe(cookie)
    }
  })
})
