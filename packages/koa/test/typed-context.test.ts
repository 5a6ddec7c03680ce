import { request } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/koa'
import { expect, test } from 'vitest'
import { Koa3 } from './koa.ts'
import { serve } from './support.ts'

interface State {
  readonly user?: string
}
interface Shop {
  shop: string
}

test('an application with types of its own for state and context has ctx.cache, and its type', async () => {
  const app = new Koa3<State, Shop>()
  app.use(cacheMiddleware())
  app.use((ctx) => {
    ctx.cache?.ttl('1m').tag(ctx.shop)
    ctx.body = 'text'
  })
  app.context.shop = 'tea'
  const { headers } = await request(`http://127.0.0.1:${await serve(app as never)}/`)
  expect(headers['cache-status']).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored')
})
