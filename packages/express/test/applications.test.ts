import type { RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, Runs, serve, twins } from './support.ts'

const say =
  (runs: Runs, name = ''): RequestHandler =>
  (request, response) => {
    runs.add(name)
    response.send(`${name} ${request.originalUrl}`)
  }

describe.each(expresses)('$name: applications', ({ express }) => {
  test('the cache of a mounted application keeps what is mounted twice apart', async () => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const sub = express()
      sub.use(layer, freshFor60s).get('/:id', say(counted))
      app.use('/a', sub).use('/b', sub)
    })
    for (const turn of [1, 2])
      for (const path of ['/a/1', '/b/1', '/a/2'])
        expectSame(await ask(cached, path), await ask(bare, path), [], `${turn} ${path}`)
    expect(runs.of()).toBe(3)
  })

  test('one cache in the root, in a mounted application and at a route makes one lookup and one fill', async () => {
    const app = express()
    const sub = express()
    const cache = makeCache()
    const runs = new Runs()
    sub.use(cache).get('/x', cache.route({ ttl: 60 }), say(runs))
    app.use(cache, cache).use('/sub', cache, sub)
    const port = await serve(app)
    expect((await ask(port, '/sub/x')).cache).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored')
    expect((await ask(port, '/sub/x')).cache).toMatch(/^stowage; hit; ttl=(59|60)$/)
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, stored: 1 })
    expect(runs.of()).toBe(1)
  })

  test('two caches, one in front of the other, each hold the response and say so', async () => {
    const app = express()
    const outer = makeCache({ name: 'outer', etag: false })
    const inner = makeCache({ name: 'inner', etag: false })
    const runs = new Runs()
    app.use(outer, inner, freshFor60s).get('/', say(runs)).post('/', say(runs))
    const port = await serve(app)
    const path = '/'
    const first = await ask(port, path)
    expect(first.cache).toMatch(/^inner; fwd=uri-miss; .*stored, outer; fwd=uri-miss; .*stored$/)
    const second = await ask(port, path)
    expect(second.cache).toMatch(/^inner; fwd=uri-miss; .*stored, outer; hit; ttl=\d+$/)
    await outer.invalidate({ all: true })
    const third = await ask(port, path)
    expect(third.cache).toMatch(/^inner; hit; ttl=\d+, outer; fwd=uri-miss; .*stored$/)
    for (const answer of [second, third]) expectSame(answer, first)
    expect(runs.of()).toBe(1)
    // What an unsafe request invalidates is invalidated in both.
    await ask(port, path, { method: 'POST' })
    expect((await ask(port, path)).cache).toMatch(/^inner; fwd=uri-miss; .*, outer; fwd=uri-miss/)
    expect(runs.of()).toBe(3)
  })

  test('what a handler says counts for both of two caches', async () => {
    const app = express()
    const caches = [makeCache({ name: 'outer', ttl: 60 }), makeCache({ name: 'inner', ttl: 60 })] as const
    const runs = new Runs()
    app.use(...caches).get('/:what', (request, response) => {
      const { what } = request.params
      if (what === 'skip') request.cache?.skip()
      else request.cache?.ttl(30).tag('tagged').vary('X-Lang')
      response.send(`${runs.add(what)} ${request.cache?.status} ${request.get('x-lang')}`)
    })
    const port = await serve(app)
    const get = (path: string, lang = 'de') => ask(port, path, { headers: { 'x-lang': lang } })
    for (const turn of [1, 2]) expect((await get('/skip')).text).toBe(`${turn} miss de`)
    expect((await get('/said')).cache).toMatch(/^inner; .*ttl=30; stored, outer; .*ttl=30; stored$/)
    expect((await get('/said', 'en')).text).toBe('2 miss en')
    for (const cache of caches) await cache.invalidate({ tags: ['tagged'] })
    expect((await get('/said')).text).toBe('3 miss de')
  })

  test('two caches answer conditions, ranges and HEAD like one', async () => {
    const one = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s).get('/', say(counted))
    })
    const inner = makeCache({ etag: false })
    const two = await twins(express, (app, layer, counted) => {
      app.use(layer, inner, freshFor60s).get('/', say(counted))
    })
    const etag = String((await ask(one.bare, '/')).headers.etag)
    const requests = [{}, { 'if-none-match': etag }, { range: 'bytes=1-2' }, { range: 'bytes=99-' }]
    for (const headers of requests)
      for (const method of ['GET', 'HEAD'])
        expectSame(
          await ask(two.cached, '/', { headers, method }),
          await ask(one.cached, '/', { headers, method }),
          [],
          `${method} ${JSON.stringify(headers)}`,
        )
    expect(two.runs.of()).toBe(1)
  })

  test('one cache shared by two applications holds one entry for one URL', async () => {
    const cache = makeCache({ key: { host: false } })
    const runs = new Runs()
    const ports = await Promise.all(
      ['a', 'b'].map((name) => {
        const app = express()
        app.use(cache, freshFor60s).get('/', say(runs, name))
        return serve(app)
      }),
    )
    const texts: string[] = []
    for (const port of [...ports, ...ports]) texts.push((await ask(port, '/')).text)
    expect(new Set(texts).size).toBe(1)
    expect(runs.of('a') + runs.of('b')).toBe(1)
    await cache.invalidate({ url: '/' })
    for (const port of ports) texts.push((await ask(port, '/')).text)
    expect(runs.of('a') + runs.of('b')).toBe(2)
  })

  test('one cache shared by two applications keeps their hosts apart', async () => {
    const cache = makeCache()
    const runs = new Runs()
    for (const name of ['a', 'b']) {
      const app = express()
      app.use(cache, freshFor60s).get('/', say(runs, name))
      const port = await serve(app)
      for (const turn of [1, 2]) expect((await ask(port, '/')).text, `${turn}`).toBe(`${name} /`)
    }
    expect([runs.of('a'), runs.of('b')]).toEqual([1, 1])
  })

  test('a cache made by createCache serves two layers as one', async () => {
    const shared = makeCache({ ttl: 60 })
    const app = express()
    const runs = new Runs()
    app.use('/a', makeCache(shared), shared).get('/a', say(runs))
    const port = await serve(app)
    expect((await ask(port, '/a')).cache).toMatch(/^stowage; fwd=uri-miss[^,]*$/)
    expect((await ask(port, '/a')).cache).toMatch(/^stowage; hit[^,]*$/)
    expect(shared.stats()).toMatchObject({ hits: 1, misses: 1 })
  })

  test('an application behind a plain function is cached under the URL that the client sent', async () => {
    const inner = express()
    const runs = new Runs()
    inner.use(makeCache(), freshFor60s).get('/x', say(runs))
    const app = express()
    app.use('/deep', (request, response, next) => inner(request, response, next))
    app.use((request, response) => {
      request.url = '/x'
      inner(request, response)
    })
    const port = await serve(app)
    for (const path of ['/deep/x', '/x', '/rewritten', '/deep/x', '/x', '/rewritten'])
      expect((await ask(port, path)).text).toBe(` ${path}`)
    expect(runs.of()).toBe(3)
  })
})
