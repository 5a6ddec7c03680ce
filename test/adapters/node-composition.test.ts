import { createServer, type IncomingMessage } from 'node:http'
import { createCache } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import { type CachedListener, cached } from '@stowage/node'
import type { Request } from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { express5 } from './express.ts'

const serve = async (handler: CachedListener): Promise<string> => {
  const { url, close } = await listen(handler, handler)
  onTestFinished(close)
  return url
}

describe('a cache in front, and one inside of the application', () => {
  test('that are two make one fill and one entry each in Cache-Status', async () => {
    let runs = 0
    const app = express5()
    const inner = cacheMiddleware({ name: 'inner', clock: fakeClock() })
    app.use(inner)
    app.get('/a', inner.route('1m'), (req, res) => {
      runs += 1
      req.cache?.tag('both')
      res.set('Cache-Control', 'max-age=60').send(`run ${runs}`)
    })
    const outer = cached(app, { name: 'outer', clock: fakeClock() })
    const url = await serve(outer)
    const first = await request(`${url}/a`)
    expect(first.headers['cache-status']).toBe(
      'inner; fwd=uri-miss; fwd-status=200; ttl=60; stored, outer; fwd=uri-miss; fwd-status=200; ttl=60; stored',
    )
    const second = await request(`${url}/a`)
    expect([second.text, String(second.headers['cache-status']).split(', ').at(-1)]).toEqual([
      'run 1',
      'outer; hit; ttl=60',
    ])
    await outer.invalidate({ tags: ['both'] })
    const third = await request(`${url}/a`)
    expect([third.text, third.headers['cache-status']]).toEqual([
      'run 1',
      'inner; hit; ttl=60, outer; fwd=uri-miss; fwd-status=200; ttl=60; stored',
    ])
    // The handler did not run for what the outer one has now: it has the inner one's answer, without a tag.
    await inner.invalidate({ tags: ['both'] })
    await outer.invalidate({ url: '/a' })
    expect((await request(`${url}/a`)).text).toBe('run 2')
    expect(runs).toBe(2)
    await inner.close()
  })

  test('that are one: the route refines what was looked up in front', async () => {
    let runs = 0
    const cache = createCache<Request>({ clock: fakeClock() })
    const app = express5()
    const inside = cacheMiddleware(cache)
    app.use(inside)
    app.get('/items/:id', inside.route({ ttl: '5m', key: { query: ['page'] } }), (req, res) => {
      runs += 1
      res.send(`${req.originalUrl} of run ${runs}`)
    })
    // Policy functions of the route get what Express has made of this very request.
    const url = await serve(cached(app, cache as unknown as CachedListener))
    const first = await request(`${url}/items/7?page=1&x=1`)
    expect(first.headers['cache-status']).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=300; stored')
    const second = await request(`${url}/items/7?page=1&x=2`)
    expect([second.text, second.headers['cache-status']]).toEqual([
      '/items/7?page=1&x=1 of run 1',
      'stowage; hit; ttl=300',
    ])
    expect((await request(`${url}/items/7?page=2`)).text).toContain('of run 2')
    await cache.invalidate({ route: '/items/:id' })
    expect((await request(`${url}/items/7?page=2`)).text).toContain('of run 3')
  })

  test('twice in front is once', async () => {
    let runs = 0
    const cache = createCache<IncomingMessage>({ ttl: '1m', clock: fakeClock() })
    const url = await serve(
      cached(
        cached((_request, response) => {
          runs += 1
          response.end(`run ${runs}`)
        }, cache),
        cache,
      ),
    )
    expect((await request(url)).headers['cache-status']).toBe(
      'stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored',
    )
    expect((await request(url)).headers['cache-status']).toBe('stowage; hit; ttl=60')
  })

  test('leaves to the application what somebody further out has begun to answer', async () => {
    const handler = cached((_request, response) => void response.end('rest'), { ttl: '1m' })
    const server = createServer((incoming, response) => {
      response.writeHead(200)
      response.write('begun, ')
      handler(incoming, response)
    })
    const { url, close } = await listen(
      (incoming, response) => server.emit('request', incoming, response),
      handler,
    )
    onTestFinished(close)
    for (const turn of [1, 2]) expect((await request(url)).text, `${turn}`).toBe('begun, rest')
  })
})
