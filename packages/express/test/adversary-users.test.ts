import type { CacheOptions, RequestView } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import express, { type Application, type Request, type RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { makeCache, Runs, serve, until } from './support.ts'

type Known = Request & { user?: string }

/** Authentication between the cache and its routes. */
const authenticate: RequestHandler = (request, _response, next) => {
  const user = /user=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
  if (user !== undefined) (request as Known).user = user
  next()
}

const userOf = (view: RequestView<Request>): string | undefined => (view.raw as Known).user

const as = (user: string | undefined) => (user === undefined ? {} : { headers: { cookie: `user=${user}` } })

const spellings: readonly [name: string, options: CacheOptions<Request>][] = [
  ['scope', { scope: (view) => userOf(view) ?? 'anon' }],
  ['key.by', { scope: 'public', key: { by: { user: userOf } } }],
  ['when', { scope: 'public', when: (view) => userOf(view) === undefined }],
]

const pages = async (
  options: CacheOptions<Request>,
  build: (app: Application, route: RequestHandler) => void,
): Promise<number> => {
  const cache = makeCache(options)
  const app = express()
  app.use(cache, authenticate)
  build(app, cache.route({ ttl: '5m' }) as RequestHandler)
  return serve(app)
}

const pageOf = (request: Request): string => `page of ${(request as Known).user ?? 'nobody'}`

describe.each(spellings)('a policy function of the whole cache: %s', (_name, options) => {
  test('is asked again at the route, where users are known', async () => {
    const port = await pages(options, (app, route) =>
      app.get('/me', route, (request, response) => void response.send(pageOf(request))),
    )
    for (const user of ['alice', 'bob', undefined, 'alice', 'bob', undefined])
      expect((await ask(port, '/me', as(user))).text).toBe(`page of ${user ?? 'nobody'}`)
  })

  test('gives nobody in front what a route has stored for visitors who were not known', async () => {
    const port = await pages(options, (app, route) =>
      app.get('/me', route, (request, response) => void response.send(pageOf(request))),
    )
    for (const user of [undefined, undefined, 'alice'])
      expect((await ask(port, '/me', as(user))).text).toBe(`page of ${user ?? 'nobody'}`)
  })

  test('lets nobody in front wait for what a route makes for another user', async () => {
    const runs = new Runs()
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const port = await pages(options, (app, route) =>
      app.get('/me', route, async (request, response) => {
        runs.add()
        await gate
        response.send(pageOf(request))
      }),
    )
    const users = [undefined, 'alice', 'bob']
    const asked = users.map(async (user, nth) => {
      await until(() => runs.of() >= nth)
      return (await ask(port, '/me', as(user))).text
    })
    await until(() => runs.of() === users.length, 'a run for each user')
    release()
    expect(await Promise.all(asked)).toEqual(['page of nobody', 'page of alice', 'page of bob'])
  })
})

test('a when that answers with a promise is no permission to share', async () => {
  const cache = makeCache()
  cache.on('error', ({ code }) => expect(code).toBe('POLICY_FUNCTION'))
  const app = express()
  const when = (async (view: RequestView) => view.header('x-user') === undefined) as unknown as () => boolean
  app.get('/x', cache.route({ ttl: '5m', when }), (request, response) => {
    response.send(`user ${String(request.headers['x-user'])}`)
  })
  const port = await serve(app)
  for (const user of ['alice', 'bob', 'alice'])
    expect(await ask(port, '/x', { headers: { 'x-user': user } })).toMatchObject({
      text: `user ${user}`,
      cache: 'stowage; fwd=bypass; fwd-status=200; detail=policy-error',
    })
})

describe('a revalidation in the background', () => {
  const trusting: readonly [name: string, setting: unknown][] = [
    ['one proxy is trusted', 1],
    ['proxies on this machine are trusted', 'loopback'],
    ['no proxy is trusted', false],
  ]
  test.each(trusting)('is not taken for a client on this machine where %s', async (_name, setting) => {
    const clock = fakeClock()
    const cache = makeCache({ clock })
    const app = express()
    const addresses: (string | undefined)[] = []
    app.set('trust proxy', setting)
    const policy = cache.route({ ttl: '10s', staleWhileRevalidate: '60s' })
    app.get('/status', policy, (request, response) => {
      const near = [request.ip, request.socket.remoteAddress]
      addresses.push(...near)
      const runs = addresses.length / 2
      response.send(
        runs > 1 && near.some((ip) => /^(::ffff:)?127\.|^::1$/.test(ip ?? '')) ? 'internal' : 'public',
      )
    })
    const port = await serve(app)
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    await ask(port, '/status', { headers })
    clock.advance(20_000)
    expect((await ask(port, '/status', { headers })).cache).toMatch(/detail=swr/)
    await until(() => addresses.length === 4, 'revalidation')
    expect(addresses.slice(2)).toEqual(['192.0.2.1', '192.0.2.1'])
    expect(await ask(port, '/status', { headers })).toMatchObject({
      text: 'public',
      cache: expect.stringMatching(/^stowage; hit/),
    })
  })
})
