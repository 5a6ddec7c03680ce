import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { majors, mount, Router } from './koa.ts'
import { createApp, serve, until } from './support.ts'

const tenant = (name: string) => ({ headers: { 'x-tenant': name } })

describe.each(majors)('$name: a target that middleware rewrites', ({ Koa }) => {
  test('in front of the cache, by what it likes, tells entries apart', async () => {
    const { app, cache } = createApp({ ttl: '5m' }, Koa)
    app.use((ctx, next) => {
      ctx.url = `/${ctx.get('x-tenant')}${ctx.url}`
      return next()
    })
    app.use(cache).use((ctx) => {
      ctx.body = ctx.url
    })
    const url = `http://127.0.0.1:${await serve(app)}/items?a=1`
    for (const name of ['a', 'b', 'a', 'b'])
      expect((await request(url, tenant(name))).text).toBe(`/${name}/items?a=1`)
    expect((await request(url, tenant('a'))).headers['cache-status']).toMatch(/hit/)
    // Invalidated it is under the name that clients know.
    await cache.invalidate({ url: '/items?a=1' })
    for (const name of ['a', 'b'])
      expect((await request(url, tenant(name))).headers['cache-status']).toMatch(/uri-miss/)
  })

  test('between the cache and a route with a policy tells entries apart', async () => {
    const { app, cache } = createApp({}, Koa)
    const router = new Router()
    router.get('/:tenant/items', cache.route('5m'), (ctx) => {
      ctx.body = ctx.params.tenant
    })
    app.use(cache)
    app.use((ctx, next) => {
      ctx.url = `/${ctx.get('x-tenant')}${ctx.url}`
      return next()
    })
    app.use(router.routes())
    const url = `http://127.0.0.1:${await serve(app)}/items`
    for (const name of ['a', 'b', 'a', 'b']) expect((await request(url, tenant(name))).text).toBe(name)
    expect((await request(url, tenant('a'))).headers['cache-status']).toMatch(/hit/)
  })

  test('is not revalidated by a request that would be rewritten to another', async () => {
    const clock = fakeClock()
    const { app, cache } = createApp(
      { clock, backend: memory({ clock }), ttl: '10s', staleWhileRevalidate: '5m' },
      Koa,
    )
    const handled: string[] = []
    app.use((ctx, next) => {
      ctx.url = `/${ctx.get('x-tenant') || 'nobody'}${ctx.url}`
      return next()
    })
    app.use(cache).use((ctx) => {
      handled.push(ctx.url)
      ctx.body = ctx.url
    })
    const url = `http://127.0.0.1:${await serve(app)}/items`
    await request(url, tenant('a'))
    clock.advance(20_000)
    for (let nth = 0; nth < 3; nth += 1) expect((await request(url, tenant('a'))).text).toBe('/a/items')
    await until(() => handled.length >= 2, 'revalidation')
    expect(new Set(handled)).toEqual(new Set(['/a/items']))
  })
})

test('a mount rewrites nothing: cache and route inside of it have one entry, which is revalidated', async () => {
  const clock = fakeClock()
  const { app, cache } = createApp({
    clock,
    backend: memory({ clock }),
    ttl: '10s',
    staleWhileRevalidate: '5m',
  })
  const inner = createApp().app
  let runs = 0
  inner.use(cache).use((ctx) => {
    runs += 1
    ctx.body = `run ${runs}`
  })
  app.use(mount('/deep', mount('/api', inner)))
  const url = `http://127.0.0.1:${await serve(app)}/deep/api`
  for (const path of ['', '?a=1', '/x', '/x?a=1']) {
    const before = runs
    await request(url + path)
    clock.advance(20_000)
    expect((await request(url + path)).headers['cache-status']).toMatch(/detail=swr/)
    await until(() => runs === before + 2, 'revalidation')
  }
})
