import { fakeClock } from '@stowage/core/testing'
import { isRevalidation } from '@stowage/express'
import type { RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { expresses, makeCache, Runs, serve, until } from './support.ts'

const start = async (
  express: (typeof expresses)[number]['express'],
  handler: (run: number) => RequestHandler,
  policy: Parameters<typeof makeCache>[0] = { ttl: 60 },
) => {
  const clock = fakeClock()
  const cache = makeCache({ clock, ...policy })
  const runs = new Runs()
  const app = express()
  app.use(cache).all('/', (request, response, next) => handler(runs.add())(request, response, next))
  app.use(cache).all('/:id', (request, response, next) => handler(runs.add())(request, response, next))
  const port = await serve(app)
  const get = (path = '/', headers: Record<string, string> = {}): Promise<Answer> =>
    ask(port, path, { headers })
  return { clock, cache, runs, port, get }
}

describe.each(expresses)('$name: req.cache', ({ express }) => {
  test('it says why the handler runs', async () => {
    const seen: unknown[] = []
    const { clock, get, port, cache } = await start(
      express,
      () => (request, response) => {
        seen.push([request.method, request.cache?.status, request.cache?.stale !== undefined])
        response.send('x')
      },
      { ttl: 60, staleWhileRevalidate: 10 },
    )
    await get()
    clock.advance(65_000)
    await get()
    await until(() => seen.length === 2)
    clock.advance(80_000)
    await get()
    await ask(port, '/', { method: 'POST' })
    await get('/', { 'cache-control': 'no-store' })
    expect(seen).toEqual([
      ['GET', 'miss', false],
      ['GET', 'refresh', true],
      ['GET', 'revalidate', true],
      ['POST', 'bypass', false],
      ['GET', 'bypass', false],
    ])
    expect(cache.stats().bypasses).toBe(2)
  })

  test('ttl outranks the fields of the response, and false stores nothing', async () => {
    for (const [said, field, expected] of [
      [5, 'max-age=60', 'ttl=5; stored'],
      ['2m', 'max-age=60', 'ttl=120; stored'],
      ['90s', undefined, 'ttl=90; stored'],
      [false, 'max-age=60', 'detail=skip'],
      [5, 'no-store', 'detail=no-store'],
      [5, 'private', 'detail=private'],
    ] as const) {
      const { get } = await start(express, () => (request, response) => {
        request.cache?.ttl(said)
        if (field !== undefined) response.set('Cache-Control', field)
        response.send('x')
      })
      expect((await get()).cache).toBe(`stowage; fwd=uri-miss; fwd-status=200; ${expected}`)
    }
  })

  test('verbs chain, and count until the head has left; tags and skip until the end', async () => {
    const { get, cache, runs } = await start(express, (run) => async (request, response) => {
      request.cache?.ttl('5m').tag('early').vary('X-Lang')
      response.write('head ')
      await new Promise((resolve) => setImmediate(resolve))
      request.cache?.tag('late').ttl(1).vary('X-None')
      if (request.params.id === 'skipped') request.cache?.skip('changed my mind')
      response.end(`${run}`)
    })
    const first = await get('/', { 'x-lang': 'de' })
    expect(first.cache).toContain('ttl=300; stored')
    expect((await get('/', { 'x-lang': 'en' })).cache).toContain('fwd=vary-miss')
    for (const tag of ['early', 'late']) {
      const before = runs.of()
      expect((await get('/', { 'x-lang': 'de' })).cache).toMatch(/^stowage; hit/)
      expect((await get('/', { 'x-lang': 'de', 'x-none': '1' })).cache).toMatch(/^stowage; hit/)
      await cache.invalidate({ tags: [tag] })
      expect((await get('/', { 'x-lang': 'de' })).cache).toContain('fwd=')
      expect(runs.of()).toBe(before + 1)
    }
    for (const turn of [1, 2]) expect((await get('/skipped')).cache, `${turn}`).not.toContain('hit')
  })

  test('vary by what the handler names keeps its answers apart', async () => {
    const { get, runs } = await start(express, () => (request, response) => {
      request.cache?.vary('X-Tenant')
      response.send(request.get('x-tenant') ?? 'none')
    })
    for (const turn of [1, 2])
      for (const tenant of ['a', 'b', undefined]) {
        const answer = await get('/', tenant === undefined ? {} : { 'x-tenant': tenant })
        expect(answer.text, `${turn}`).toBe(tenant ?? 'none')
      }
    expect(runs.of()).toBe(3)
  })

  test('notModified keeps the stored response, for clients, for conditions and in the background', async () => {
    const stales: unknown[] = []
    const { clock, get, runs } = await start(
      express,
      (run) => (request, response) => {
        const { cache } = request
        if (cache?.stale === undefined) {
          response.set({ ETag: '"v1"', 'X-Kept': '1' }).send(`body of run ${run}`)
          return
        }
        stales.push(cache.stale, isRevalidation(request))
        response.set('X-New', '2')
        cache.notModified()
      },
      { ttl: 60, staleWhileRevalidate: 10 },
    )
    const first = await get()
    clock.advance(80_000)
    const validated = await get()
    expect(validated.cache).toBe('stowage; fwd=stale; fwd-status=304; ttl=60; stored')
    expectSame(validated, first, ['x-new'])
    expect(validated.headers['x-new']).toBe('2')
    clock.advance(80_000)
    const conditional = await get('/', { 'if-none-match': '"v1"' })
    expect([conditional.status, conditional.body.length]).toEqual([304, 0])
    clock.advance(65_000)
    expect((await get()).cache).toContain('detail=swr')
    await until(() => runs.of() === 4)
    const fresh = await get()
    expect(fresh.cache).toBe('stowage; hit; ttl=60')
    expectSame(fresh, validated)
    expect(stales).toEqual([{ etag: '"v1"' }, false, { etag: '"v1"' }, false, { etag: '"v1"' }, true])
  })

  test('notModified without a stored response throws, and the error handler answers', async () => {
    const { get } = await start(express, () => (request) => request.cache?.notModified())
    const answer = await get()
    expect([answer.status, answer.text.includes('req.cache.stale')]).toEqual([500, true])
  })

  test('a handler that is asked for a condition of the stored response answers with what has changed', async () => {
    const { clock, get, runs } = await start(express, (run) => (_request, response) => {
      response.set('ETag', run < 3 ? '"v1"' : '"v2"').send(run < 3 ? 'old' : 'new')
    })
    await get()
    clock.advance(61_000)
    expect((await get()).cache).toContain('fwd-status=304')
    clock.advance(61_000)
    const changed = await get()
    expect([changed.text, changed.cache]).toEqual([
      'new',
      'stowage; fwd=stale; fwd-status=200; ttl=60; stored',
    ])
    expect((await get()).text).toBe('new')
    expect(runs.of()).toBe(3)
  })

  test('skip and tags leave no trace where there is no cache', async () => {
    const app = express()
    app.get('/', (request, response) => {
      request.cache?.ttl('1m').tag('a').skip()
      response.send(String(request.cache))
    })
    expect((await ask(await serve(app), '/')).text).toBe('undefined')
  })
})
