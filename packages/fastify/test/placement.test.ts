import { createRequire } from 'node:module'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Fastify as Fastify5 } from './support.ts'

// It is CommonJS, and Vitest would make a module of it.
const Fastify4 = createRequire(import.meta.url)('fastify4') as typeof Fastify5

const answer = async (): Promise<string> => 'text'
const warned = vi.spyOn(process, 'emitWarning')

beforeEach(() => void warned.mockReset().mockImplementation(() => undefined))
afterEach(() => void warned.mockReset())

const ordersWarned = (): string[] =>
  warned.mock.calls
    .filter(([, about]) => (about as { readonly code?: string } | undefined)?.code === 'CACHE_CONFIG_ORDER')
    .map(([message]) => String(message))

describe.each([
  ['Fastify 5', Fastify5],
  ['Fastify 4', Fastify4],
] as const)('%s warns', (_, Fastify) => {
  const create = (): FastifyInstance => {
    const app = Fastify()
    onTestFinished(() => app.close())
    return app
  }

  test('of GET routes that were declared before the plugin was registered, by their patterns', async () => {
    const app = create()
    app.post('/items', answer)
    app.get('/items', answer)
    app.get('/items/:id', answer)
    app.get('/its/*', answer)
    app.get('/', answer)
    await app.register(cachePlugin, { ttl: '1m' })
    app.get('/late', answer)
    await app.ready()
    const [message, ...more] = ordersWarned()
    expect(more).toEqual([])
    expect(message).toMatch(/^cachePlugin: routes declared before it was loaded are not cached: GET /)
    const named = /GET (.*)\. Await/.exec(message ?? '')?.[1]?.split(', ')
    expect(named?.sort()).toEqual(['/', '/items', '/items/:id', '/its/*'])
  })

  test('of routes that are declared while the registration is not awaited', async () => {
    const app = create()
    app.register(cachePlugin, { ttl: '1m' })
    app.get('/early', { config: { cache: '5m' } }, answer)
    await app.ready()
    expect(ordersWarned()).toEqual([expect.stringContaining('GET /early.')])
    expect((await app.inject('/early')).headers['cache-status']).toBeUndefined()
  })

  test('of those in plugins that were loaded before, and not of more than five by name', async () => {
    const app = create()
    await app.register(async (inside) => {
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) inside.get(`/${name}`, answer)
    })
    await app.register(cachePlugin)
    expect(ordersWarned()).toEqual([expect.stringMatching(/GET (\/[a-g], ){4}\/[a-g] and 2 more\./)])
  })

  test('of nothing where the plugin comes first, or other methods alone came before', async () => {
    const app = create()
    app.post('/items', answer)
    await app.register(cachePlugin, { ttl: '1m' })
    app.get('/items', answer)
    await app.register(async (inside) => {
      inside.get('/inside', answer)
      // States defaults for what comes, over the same cache.
      await inside.register(cachePlugin, { ttl: '5m' })
    })
    await app.ready()
    expect(ordersWarned()).toEqual([])
  })

  test('of nothing where the plugin stands in an instance beside those routes', async () => {
    const app = create()
    app.get('/outside', answer)
    await app.register(async (inside) => {
      await inside.register(cachePlugin, { ttl: '1m' })
      inside.get('/inside', answer)
    })
    await app.ready()
    expect(ordersWarned()).toEqual([])
  })

  test('inside of an instance, of the first such route that is asked for, once', async () => {
    const app = create()
    app.get('/outside', answer)
    await app.register(
      async (inside) => {
        inside.get('/off', { config: { cache: false } }, answer)
        inside.post('/early', answer)
        inside.get('/early', answer)
        inside.get('/earlier', answer)
        await inside.register(cachePlugin, { ttl: '1m' })
        inside.get('/late', answer)
        await inside.register(async (further) => void further.get('/further', answer))
      },
      { prefix: '/in' },
    )
    await app.ready()
    for (const url of ['/outside', '/in/off', '/in/late', '/in/further', '/in/nowhere']) await app.inject(url)
    await app.inject({ method: 'POST', url: '/in/early' })
    expect(ordersWarned()).toEqual([])
    for (const url of ['/in/early', '/in/early', '/in/earlier']) await app.inject(url)
    expect(ordersWarned()).toEqual([expect.stringContaining('GET /in/early.')])
  })
})
