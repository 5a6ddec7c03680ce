import { createCache, memory } from '@stowage/core'
import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { describe, expect, test, vi } from 'vitest'
import { askTwice, createApp, listen, statusOf, withCache } from './support.ts'

const addRoutes = (app: FastifyInstance): void => {
  app.get('/unnamed', async () => 'a')
  app.get('/named', { config: { cache: { ttl: '5m', tags: ['named'] } } }, async () => 'a')
}

describe('a registration inside another', () => {
  const nested = async (): Promise<{ readonly app: FastifyInstance; readonly url: string }> => {
    const app = await withCache({ ttl: false })
    addRoutes(app)
    await app.register(
      async (inside) => {
        await inside.register(cachePlugin, { ttl: '7s', tags: ['inside'] })
        expect(inside.cache).toBe(app.cache)
        addRoutes(inside)
      },
      { prefix: '/inside' },
    )
    await app.register(async (beside) => addRoutes(beside), { prefix: '/beside' })
    return { app, url: await listen(app) }
  }

  test.each([
    ['/inside/unnamed', /ttl=7;/],
    ['/inside/named', /ttl=300;/],
    ['/named', /ttl=300;/],
    ['/beside/named', /ttl=300;/],
  ])('states defaults for its own routes alone: %s', async (path, ttl) => {
    const { url } = await nested()
    expect(statusOf(await request(url + path))).toMatch(ttl)
    expect(statusOf(await request(url + path))).toMatch(/hit/)
  })

  test.each(['/unnamed', '/beside/unnamed'])('leaves others as they were: %s', async (path) => {
    const { url } = await nested()
    const [, second] = await askTwice(url + path)
    expect(second.headers['cache-status']).toBeUndefined()
  })

  test('unites its tags with those of its routes, in the one cache', async () => {
    const { app, url } = await nested()
    const paths = ['/inside/unnamed', '/inside/named', '/named']
    for (const path of paths) await request(url + path)
    await app.cache.invalidate({ tags: ['inside'] })
    const after = await Promise.all(
      paths.map(async (path) => /hit/.test(statusOf(await request(url + path)))),
    )
    expect(after).toEqual([false, false, true])
  })

  test('that states no ttl opts nothing in', async () => {
    const app = await withCache()
    await app.register(async (inside) => {
      await inside.register(cachePlugin, { staleWhileRevalidate: '1m' })
      inside.get('/a', async () => 'a')
    })
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(statusOf(second)).not.toMatch(/hit/)
  })

  test('makes a cache of its own where it has a backend', async () => {
    const app = await withCache({ ttl: '5m' })
    await app.register(async (inside) => {
      await inside.register(cachePlugin, { ttl: '5m', name: 'inner', backend: memory() })
      expect(inside.cache).not.toBe(app.cache)
      inside.get('/a', async () => 'a')
    })
    const url = `${await listen(app)}/a`
    await request(url)
    expect(statusOf(await request(url))).toMatch(/^inner; hit/)
    await app.cache.invalidate({ all: true })
    expect(statusOf(await request(url))).toMatch(/^inner; hit/)
  })
})

describe('registered in a plugin of its own', () => {
  test('it covers nothing outside', async () => {
    const app = createApp()
    await app.register(async (inside) => {
      await inside.register(cachePlugin, { ttl: '5m' })
      inside.get('/inside', async () => 'a')
    })
    app.get('/outside', async () => 'a')
    const url = await listen(app)
    expect(statusOf((await askTwice(`${url}/inside`))[1])).toMatch(/hit/)
    expect((await askTwice(`${url}/outside`))[1].headers['cache-status']).toBeUndefined()
  })

  test('twice side by side makes two caches', async () => {
    const app = createApp()
    const caches: unknown[] = []
    for (const prefix of ['/a', '/b'])
      await app.register(
        async (inside) => {
          await inside.register(cachePlugin, { ttl: '5m' })
          caches.push(inside.cache)
          inside.get('/', async () => prefix)
        },
        { prefix },
      )
    const url = await listen(app)
    for (const prefix of ['/a', '/b'])
      expect((await askTwice(url + prefix))[1]).toMatchObject({ text: prefix, headers: { age: '0' } })
    expect(new Set(caches).size).toBe(2)
  })
})

describe('when the server closes', () => {
  test('the backend of a cache that the plugin has made closes as well', async () => {
    const backend = memory()
    const close = vi.spyOn(backend, 'close')
    const app = await withCache({ backend })
    await app.close()
    expect(close).toHaveBeenCalledTimes(1)
  })

  test('a cache that is shared stays open, also for registrations inside', async () => {
    const backend = memory()
    const close = vi.spyOn(backend, 'close')
    const cache = createCache<FastifyRequest>({ backend })
    const app = await withCache({ cache })
    await app.register(async (inside) => inside.register(cachePlugin, { ttl: '1m' }))
    await app.close()
    expect(close).not.toHaveBeenCalled()
    await cache.close()
  })
})

describe('a cache that is shared', () => {
  test('answers the other server with what one has stored, by the policies of each', async () => {
    const cache = createCache<FastifyRequest>({ key: { host: false } })
    const urls: string[] = []
    for (const name of ['one', 'two']) {
      const app = await withCache({ cache, ttl: '5m' })
      app.get('/a', async () => name)
      urls.push(`${await listen(app)}/a`)
    }
    const texts: string[] = []
    for (const url of urls) texts.push((await request(url)).text)
    expect(texts).toEqual(['one', 'one'])
    await cache.close()
  })
})
