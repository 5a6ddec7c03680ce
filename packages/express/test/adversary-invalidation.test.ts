import type { CacheOptions } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import express, { type Request } from 'express'
import { describe, expect, test } from 'vitest'
import { type Asking, ask } from './client.ts'
import { makeCache, serve, until } from './support.ts'

type Policy = Pick<CacheOptions<Request>, 'key' | 'methods' | 'scope'>
type Loaded = Request & { item?: string }

const json = { 'content-type': 'application/json' }

describe('what middleware had loaded before an invalidation is not stored as made after it', () => {
  const byQuery: Policy = { key: { query: ['page'] } }
  const byBody: Policy = { methods: ['POST', 'QUERY'], key: { body: 'json' } }
  const asked = (method: string): Asking => ({ method, headers: json, body: '{"a":1}' })
  const rows: readonly [name: string, policy: Policy, asking: Asking][] = [
    ['the rules of the whole cache', {}, {}],
    ['key rules of the route', byQuery, {}],
    ['functions of the route', { scope: () => 'all' }, {}],
    ['the body of a POST', byBody, asked('POST')],
    ['the body of a QUERY', byBody, asked('QUERY')],
    [
      'the body of a POST and the query',
      { ...byBody, key: { body: 'json', query: ['page'] } },
      asked('POST'),
    ],
  ]
  test.each(rows)('by %s', async (_name, policy, asking) => {
    const cache = makeCache()
    const app = express()
    let database = 'old'
    let slow: (() => void) | undefined
    app.use(cache, async (request, _response, next) => {
      ;(request as Loaded).item = database
      if (database === 'old') await new Promise<void>((resolve) => (slow = resolve))
      next()
    })
    app.all('/items', cache.route({ ttl: '5m', ...policy }), (request, response) => {
      response.send((request as Loaded).item)
    })
    const port = await serve(app)
    const first = ask(port, '/items', asking)
    await until(() => slow !== undefined, 'load')
    database = 'new'
    await cache.invalidate({ url: '/items' })
    slow?.()
    expect((await first).text).toBe('old')
    expect((await ask(port, '/items', asking)).text).toBe('new')
    expect(await ask(port, '/items', asking)).toMatchObject({
      text: 'new',
      cache: expect.stringMatching(/^stowage; hit/),
    })
  })
})

test('what a route looks up anew is as old as its request', async () => {
  const clock = fakeClock()
  const cache = makeCache({ clock })
  const app = express()
  app.use(cache, (_request, _response, next) => {
    clock.advance(7000)
    next()
  })
  const policy = cache.route({ ttl: '5m', key: { query: ['page'] } })
  app.get('/items', policy, (_request, response) => void response.set('Age', '1').send('x'))
  const port = await serve(app)
  await ask(port, '/items')
  expect((await ask(port, '/items')).headers.age).toBe('8')
})

describe('one resource is invalidated under every spelling that leads to it', () => {
  const rows: readonly [asked: string, named: string][] = [
    ['/u/a%40b.com', '/u/a@b.com'],
    ['/u/a@b.com', '/u/a%40b.com'],
    ['/u/a,b', '/u/a%2Cb'],
    ['/u/x%3Ay', '/u/x:y'],
    ['/u/caf%C3%A9', '/u/café'],
    ['/u/a%20b', '/u/a b'],
  ]
  test.each(rows)('%s as %s', async (asked, named) => {
    const cache = makeCache()
    const app = express()
    app.get('/u/:id', cache.route('5m'), (request, response) => void response.send(request.params.id))
    const port = await serve(app)
    await ask(port, asked)
    for (const selector of [{ url: named }, { urlPrefix: named }, { url: asked }]) {
      expect((await ask(port, asked)).cache).toMatch(/^stowage; hit/)
      await cache.invalidate(selector)
      expect((await ask(port, asked)).cache).toMatch(/uri-miss.*stored$/)
    }
  })

  test('by an unsafe request to another spelling', async () => {
    const app = express()
    app.use(makeCache({ ttl: '5m' }))
    app.get('/u/:id', (request, response) => void response.send(request.params.id))
    app.delete('/u/:id', (_request, response) => void response.status(204).end())
    const port = await serve(app)
    await ask(port, '/u/a%40b.com')
    await ask(port, '/u/a@b.com', { method: 'DELETE' })
    expect((await ask(port, '/u/a%40b.com')).cache).toMatch(/uri-miss.*stored$/)
  })
})
