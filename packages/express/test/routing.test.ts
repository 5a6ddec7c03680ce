import type { RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, Runs, serve, twins } from './support.ts'

/** Cache-Status without what depends on time. */
const outcome = (status: string): string => status.replace(/; ttl=-?\d+/, '').replace('stowage; ', '')

const visit = async (port: number, ...paths: string[]): Promise<string[]> => {
  const outcomes: string[] = []
  for (const path of paths) outcomes.push(outcome((await ask(port, path)).cache))
  return outcomes
}

const filled = 'fwd=uri-miss; fwd-status=200; stored'

const sayUrl =
  (runs: Runs): RequestHandler =>
  (request, response) => {
    runs.add(request.originalUrl)
    response.json({
      url: request.url,
      originalUrl: request.originalUrl,
      baseUrl: request.baseUrl,
      path: request.path,
      params: request.params,
      query: request.query,
      route: (request.route as { path: unknown }).path,
    })
  }

describe.each(expresses)('$name: routes', ({ express, major }) => {
  const rest = major === 5 ? '/rest/{*splat}' : '/rest/*'

  test('every way of finding a route fills and hits under its own URL', async () => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const say = sayUrl(counted)
      const inner = express.Router({ mergeParams: true })
      inner.get('/:item', say)
      const outer = express.Router()
      outer.get('/plain', say)
      outer.use('/:group/deep', inner)
      const sub = express()
      sub.get('/:id', say)
      sub.use('/router', outer)
      app.use(layer, freshFor60s)
      app.get('/', say)
      app.get('/items/:id', say)
      app.get(['/one', '/two'], say)
      app.get(/^\/re[a-z]+x$/, say)
      app.get(rest, say)
      app.use('/router', outer)
      app.use(['/here', '/there'], outer)
      app.use('/sub', sub)
      app.route('/route').get(say)
      app.all('/all', say)
    })
    const paths = [
      '/',
      '/items/1',
      '/items/2',
      '/items/1?a=1',
      '/items/%31',
      '/ITEMS/1',
      '/items/1/',
      '/one',
      '/two',
      '/regex',
      '/rest/a/b',
      '/router/plain',
      '/router/g/deep/i',
      '/router/h/deep/i',
      '/here/plain',
      '/there/plain',
      '/sub/7',
      '/sub/router/plain',
      '/sub/router/g/deep/i',
      '/route',
      '/all',
      '//',
      '/items/a%2Fb',
    ]
    for (const turn of [1, 2])
      for (const path of paths) {
        const got = await ask(cached, path)
        expectSame(got, await ask(bare, path), [], `${turn} ${path}`)
        expect(outcome(got.cache), path).toBe(
          turn === 1 ? (got.status === 200 ? filled : outcome(got.cache)) : 'hit',
        )
        expect(runs.of(path), path).toBeLessThanOrEqual(1)
      }
    expect(runs.of('/items/1')).toBe(1)
  })

  test('a route has its own policy, with the cache in front and without', async () => {
    for (const inFront of [true, false]) {
      const app = express()
      const cache = makeCache(inFront ? { ttl: 1 } : {})
      const runs = new Runs()
      if (inFront) app.use(cache)
      app.get('/five', cache.route(), sayUrl(runs))
      app.get('/ttl', cache.route({ ttl: '2m' }), sayUrl(runs))
      app.get('/number', cache.route(30), sayUrl(runs))
      app.get('/off', cache.route(false), sayUrl(runs))
      app.get('/none', sayUrl(runs))
      const port = await serve(app)
      const ttls: Record<string, string> = {}
      for (const path of ['/five', '/ttl', '/number', '/off', '/none'])
        ttls[path] = (await ask(port, path)).cache
      expect(ttls).toEqual({
        '/five': `stowage; fwd=uri-miss; fwd-status=200; ttl=${inFront ? 1 : 300}; stored`,
        '/ttl': 'stowage; fwd=uri-miss; fwd-status=200; ttl=120; stored',
        '/number': 'stowage; fwd=uri-miss; fwd-status=200; ttl=30; stored',
        '/off': 'stowage; fwd=bypass; fwd-status=200; detail=policy',
        '/none': inFront ? 'stowage; fwd=uri-miss; fwd-status=200; ttl=1; stored' : '',
      })
      expect(await visit(port, '/five', '/ttl', '/number')).toEqual(['hit', 'hit', 'hit'])
      expect(await visit(port, '/off')).toEqual(['fwd=bypass; fwd-status=200; detail=policy'])
      expect(runs.of('/off')).toBe(2)
    }
  })

  test('a policy of a router holds for its routes, and a route within outranks it', async () => {
    const app = express()
    const cache = makeCache()
    const runs = new Runs()
    const router = express.Router()
    router.use(cache.route({ ttl: 10 }))
    router.get('/a', sayUrl(runs))
    router.get('/b', cache.route({ ttl: 20 }), sayUrl(runs))
    app.use('/r', router).get('/outside', sayUrl(runs))
    const port = await serve(app)
    expect((await ask(port, '/r/a')).cache).toContain('ttl=10; stored')
    expect((await ask(port, '/r/b')).cache).toContain('ttl=20; stored')
    expect((await ask(port, '/outside')).cache).toBe('')
    expect(await visit(port, '/r/a', '/r/b')).toEqual(['hit', 'hit'])
    expect(runs.of('/r/a') + runs.of('/r/b')).toBe(2)
  })

  test('a route with key rules of its own is found by them, also in front of it', async () => {
    const app = express()
    const cache = makeCache()
    const runs = new Runs()
    app.use(cache)
    app.get('/lang', cache.route({ key: { query: ['q'], headers: ['x-lang'] } }), (request, response) => {
      runs.add()
      response.send(`${request.get('x-lang')} ${String(request.query.q)}`)
    })
    const port = await serve(app)
    const texts: string[] = []
    for (const lang of ['de', 'en', 'de', 'en'])
      for (const path of ['/lang?q=1&noise=1', '/lang?noise=2&q=1', '/lang?q=2'])
        texts.push((await ask(port, path, { headers: { 'x-lang': lang } })).text)
    expect(texts).toEqual([...Array(2)].flatMap(() => ['de 1', 'de 1', 'de 2', 'en 1', 'en 1', 'en 2']))
    expect(runs.of()).toBe(4)
  })

  test('arrays of handlers, parameters and next("route") run as without the cache, and only on a miss', async () => {
    const calls: string[] = []
    const note =
      (name: string): RequestHandler =>
      (_request, _response, next) => {
        calls.push(name)
        next()
      }
    const { bare, cached } = await twins(express, (app, layer) => {
      const router = express.Router()
      router.param('id', (request, response, next, id) => {
        calls.push(`param ${id}`)
        response.locals.id = request.params.id
        next()
      })
      router.get('/:id', note('skipped'), (_request, _response, next) => next('route'), note('never'))
      // Express flattens lists of any depth, its types only one level.
      const answerLocals: RequestHandler = (_request, response) => void response.json(response.locals)
      const nested = [note('a'), [note('b')]] as unknown as RequestHandler[]
      router.get('/:id', nested, note('c'), answerLocals)
      app.use(layer, freshFor60s, note('app')).use('/x', router)
    })
    const expected = await ask(bare, '/x/7')
    const order = calls.splice(0)
    expectSame(await ask(cached, '/x/7'), expected)
    expect(calls.splice(0)).toEqual(order)
    expectSame(await ask(cached, '/x/7'), expected)
    expect(calls).toEqual([])
    expect(order.filter((name) => name.startsWith('param'))).toEqual(['param 7'])
  })

  test('next("route") leaves the policy of the route it leaves behind', async () => {
    const app = express()
    const cache = makeCache()
    const runs = new Runs()
    app.use(cache)
    app.get('/:id', cache.route({ ttl: 60, tags: ['first'] }), (request, _response, next) => {
      if (request.params.id === 'second') next('route')
      else next()
    })
    app.get('/second', cache.route(false), sayUrl(runs))
    app.get('/:id', sayUrl(runs))
    const port = await serve(app)
    expect(await visit(port, '/second', '/second')).toEqual(
      Array(2).fill('fwd=bypass; fwd-status=200; detail=policy'),
    )
    expect(await visit(port, '/first', '/first')).toEqual([filled, 'hit'])
    await cache.invalidate({ tags: ['first'] })
    expect(await visit(port, '/first')).toEqual([filled])
  })

  test('entries know their route: its pattern invalidates and counts', async () => {
    const app = express()
    const cache = makeCache({ ttl: 60 })
    const runs = new Runs()
    const router = express.Router()
    router.get('/:id', sayUrl(runs)).get('/:id/parts', sayUrl(runs))
    app.use(cache).use('/items', router)
    const port = await serve(app)
    const paths = ['/items/1', '/items/2', '/items/1/parts']
    expect(await visit(port, ...paths)).toEqual([filled, filled, filled])
    await cache.invalidate({ route: '/items/:id' })
    expect(await visit(port, ...paths)).toEqual([filled, filled, 'hit'])
    const { byRoute } = cache.stats()
    expect(byRoute['/items/:id']).toMatchObject({ misses: 4, hits: 0 })
    expect(byRoute['/items/:id/parts']).toMatchObject({ misses: 1, hits: 1 })
  })

  test('what no route answers is not stored, unless the policy lists its status', async () => {
    for (const [status, stored] of [
      [{}, false],
      [{ 404: '10s' }, true],
    ] as const) {
      const app = express()
      app.use(makeCache({ ttl: 60, status }))
      const port = await serve(app)
      const first = await ask(port, '/nothing')
      expect([first.status, first.cache.includes('stored')]).toEqual([404, stored])
      const second = await ask(port, '/nothing')
      expect([second.status, second.cache.includes('hit')]).toEqual([404, stored])
      expectSame(second, first)
    }
  })

  test('the handler of a fill sees no condition of the client, that of a bypass sees them', async () => {
    const app = express()
    const seen: unknown[] = []
    app.use(makeCache({ ttl: 60 }))
    app.use('/', (request, response) => {
      seen.push([request.headers['if-none-match'], request.get('range'), request.fresh])
      response.set('ETag', '"v"').send('body')
    })
    const port = await serve(app)
    const headers = { 'if-none-match': '"v"', 'x-other': 'kept' }
    expect((await ask(port, '/', { headers })).status).toBe(304)
    expect((await ask(port, '/', { headers, method: 'POST' })).status).toBe(200)
    expect((await ask(port, '/part', { headers: { range: 'bytes=0-1' } })).cache).toContain('detail=range')
    expect(seen).toEqual([
      [undefined, undefined, false],
      ['"v"', undefined, false],
      [undefined, 'bytes=0-1', false],
    ])
  })
})
