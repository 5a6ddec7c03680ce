import { CacheConfigError, createCache } from '@stowage/core'
import { request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyRequest, RouteOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { askTwice, createApp, listen, statusOf, withCache } from './support.ts'

/** The error of a call that is to fail by its configuration. */
const configErrorOf = async (act: () => unknown): Promise<CacheConfigError> => {
  try {
    await act()
  } catch (error) {
    expect(error).toBeInstanceOf(CacheConfigError)
    return error as CacheConfigError
  }
  throw new Error('nothing was thrown')
}

describe('what cannot work is refused', () => {
  test('when the plugin is registered, with every problem at once', async () => {
    const options = { tll: '5m', keep: '5 minutes', hook: 'onSend' } as unknown as FastifyCacheOptions
    const error = await configErrorOf(() => createApp().register(cachePlugin, options).ready())
    expect(error.problems.map(({ code, path }) => [code, path])).toEqual([
      ['CACHE_CONFIG_UNKNOWN_OPTION', 'tll'],
      ['CACHE_CONFIG_DURATION', 'keep'],
      ['CACHE_CONFIG_TYPE', 'hook'],
    ])
    expect(error.problems.every(({ message }) => message.startsWith('cachePlugin'))).toBe(true)
    expect(error.problems[0]?.hint).toBe('ttl')
  })

  test.each([[{}], [null], [new Map()]])('where what is given as a cache is none: %o', async (cache) => {
    const options = { cache, hook: 'onSend' } as unknown as FastifyCacheOptions
    const error = await configErrorOf(() => createApp().register(cachePlugin, options).ready())
    expect(error.problems.map(({ code, path }) => [code, path])).toEqual([
      ['CACHE_CONFIG_TYPE', 'cache'],
      ['CACHE_CONFIG_TYPE', 'hook'],
    ])
  })

  test('where a route is declared, whose method and pattern it names', async () => {
    const app = await withCache()
    const config = {
      cache: { ttl: '5 minutes' },
      cacheInvalidates: { tag: 'items' },
    } as unknown as NonNullable<RouteOptions['config']>
    const error = await configErrorOf(() => app.get('/items/:id', { config }, async () => 'item'))
    expect(error.problems.map(({ code }) => code)).toEqual(['CACHE_CONFIG_DURATION', 'CACHE_CONFIG_SELECTOR'])
    for (const { message } of error.problems) expect(message).toMatch(/^GET \/items\/:id: /)
  })

  test.each([
    ['a route of several methods', { method: ['GET', 'POST'], url: '/a', prefix: '' }, 'GET,POST /a'],
    ['a route in a plugin with a prefix', { method: 'GET', url: '/a', prefix: '/api' }, 'GET /api/a'],
  ])('of %s as well', async (_, { prefix, ...route }, named) => {
    const app = await withCache()
    const config = { cache: { ttl: -1 } } as const
    const declare = app.register(
      async (inside) => {
        inside.route({ ...route, config, handler: async () => 'a' } as RouteOptions)
      },
      { prefix },
    )
    const error = await configErrorOf(() => declare.ready())
    expect(error.message).toContain(`${named}: `)
  })

  test('where options of the whole cache stand beside a cache that is shared', async () => {
    const options = { cache: createCache<FastifyRequest>(), namespace: 'mine' }
    const error = await configErrorOf(() => createApp().register(cachePlugin, options).ready())
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_UNKNOWN_OPTION', path: 'namespace' })
  })
})

describe('a policy in the config of a route', () => {
  test.each([
    ['an object', { ttl: '5m' }, /ttl=300/],
    ['a string', '2m', /ttl=120/],
    ['a number', 30, /ttl=30/],
    ['the name of a policy', 'brief', /ttl=7/],
    ['nothing more than that it is there', {}, /ttl=300/],
  ] as const)('may be %s', async (_, cache, ttl) => {
    const app = await withCache({ policies: { brief: { ttl: '7s' } } })
    app.get('/a', { config: { cache } }, async () => 'a')
    const [first, second] = await askTwice(`${await listen(app)}/a`)
    expect(statusOf(first)).toMatch(ttl)
    expect(statusOf(second)).toMatch(/hit/)
  })

  test('false switches it off, and says so', async () => {
    const app = await withCache({ ttl: '5m' })
    app.get('/a', { config: { cache: false } }, async () => 'a')
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(statusOf(second)).toBe('stowage; fwd=bypass; fwd-status=200; detail=policy')
  })

  test('counts for HEAD, which Fastify declares beside a GET', async () => {
    const app = await withCache({ ttl: false })
    app.get('/a', { config: { cache: '5m' } }, async () => 'four')
    const url = `${await listen(app)}/a`
    await request(url)
    const head = await request(url, { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers['content-length']).toBe('4')
    expect(statusOf(head)).toMatch(/hit/)
  })

  test('is listed where it is declared', async () => {
    const app = await withCache()
    app.get('/items/:id', { config: { cache: '5m' } }, async () => 'item')
    expect(app.cache.routes()).toContainEqual(
      expect.objectContaining({
        method: 'GET',
        route: '/items/:id',
        policy: expect.objectContaining({ ttl: 300 }),
      }),
    )
  })
})

describe('the hook', () => {
  /** The routes whose `onRequest` hooks became more. */
  const hooked = async (options: FastifyCacheOptions): Promise<readonly string[]> => {
    const app = await withCache(options)
    const names: string[] = []
    app.addHook('onRoute', ({ method, url, onRequest = [] }) => {
      if ([onRequest].flat().length > 0) names.push(`${String(method)} ${url}`)
    })
    const answer = async (): Promise<string> => 'a'
    app.get('/plain', answer)
    app.get('/kept', { config: { cache: '5m' } }, answer)
    app.post('/plain', answer)
    app.post('/asked', { config: { cache: { methods: ['POST'], key: { body: 'json' } } } }, answer)
    app.options('/plain', answer)
    app.route({ method: 'QUERY', url: '/plain', handler: answer })
    return names
  }

  test('stands only at routes whose answers can be kept, and at those with a policy', async () => {
    const stated = ['HEAD /kept', 'GET /kept', 'POST /asked']
    expect(await hooked({ ttl: false })).toEqual(expect.arrayContaining(stated))
    expect((await hooked({ ttl: false })).length).toBe(stated.length)
    expect([...(await hooked({}))].sort()).toEqual([...stated, 'GET /plain', 'HEAD /plain'].sort())
  })

  test('comes after those of the route, whose list stays as it was', async () => {
    const app = await withCache({ ttl: '5m' })
    const guards = [
      async (incoming: FastifyRequest): Promise<void> => {
        if (incoming.headers['x-key'] !== 'right') throw Object.assign(new Error('no'), { statusCode: 401 })
      },
    ]
    app.get('/a', { onRequest: guards }, async () => 'a')
    const url = `${await listen(app)}/a`
    await request(url, { headers: { 'x-key': 'right' } })
    expect((await request(url)).status).toBe(401)
    expect(guards.length).toBe(1)
  })
})

describe('request.cache', () => {
  test('is there where nothing is cached, and does nothing', async () => {
    const app = await withCache({ ttl: false })
    app.get('/a', async (incoming) => {
      incoming.cache.tag('a').ttl('5m').vary('accept')
      return incoming.cache.status
    })
    const [, second] = await askTwice(`${await listen(app)}/a`)
    expect(second.text).toBe('bypass')
    expect(second.headers['cache-status']).toBeUndefined()
  })

  test('decides late: ttl, tags, skip', async () => {
    const app = await withCache()
    let runs = 0
    app.get('/a', async (incoming) => {
      runs += 1
      incoming.cache.ttl('1m').tag('a')
      if (runs === 1) incoming.cache.skip('the first')
      return `run ${runs}`
    })
    const url = `${await listen(app)}/a`
    expect(statusOf(await request(url))).toMatch(/detail=skip/)
    await request(url)
    expect((await request(url)).text).toBe('run 2')
    await app.cache.invalidate({ tags: ['a'] })
    expect((await request(url)).text).toBe('run 3')
  })
})
