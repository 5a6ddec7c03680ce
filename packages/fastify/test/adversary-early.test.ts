import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

describe.each(majors)('$name: where a hook in front of the cache answers a change', ({ fastify }) => {
  const serve = async (hook: 'onRequest' | 'preHandler', status: number, selector: 'object' | 'function') => {
    let version = 0
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { ttl: '5m', hook })
    app.addHook(hook, async (incoming, reply) => {
      if (incoming.method !== 'POST') return
      version += 1
      return reply.code(status).send('done')
    })
    app.get('/items', { config: { cache: { ttl: '5m', tags: ['items'] } } }, async () => `version ${version}`)
    const named = (incoming: FastifyRequest) => ({ tags: [(incoming.params as { tag: string }).tag] })
    const cacheInvalidates = selector === 'object' ? { tags: ['items'] } : named
    app.post('/orders/:tag', { config: { cacheInvalidates } }, async () => 'never reached')
    return app.listen({ port: 0, host: '127.0.0.1' })
  }

  test.each([
    ['onRequest', 'object'],
    ['onRequest', 'function'],
    ['preHandler', 'object'],
    ['preHandler', 'function'],
  ] as const)('at %s, what the route names by %s is invalidated', async (hook, selector) => {
    const origin = await serve(hook, 303, selector)
    await request(`${origin}/items`)
    expect((await request(`${origin}/items`)).headers['cache-status']).toMatch(/hit/)
    expect((await request(`${origin}/orders/items`, { method: 'POST' })).text).toBe('done')
    expect((await request(`${origin}/items`)).text).toBe('version 1')
  })

  test('by refusing it, nothing that the route names is invalidated', async () => {
    const origin = await serve('preHandler', 403, 'object')
    await request(`${origin}/items`)
    expect((await request(`${origin}/orders/items`, { method: 'POST' })).status).toBe(403)
    expect((await request(`${origin}/items`)).headers['cache-status']).toMatch(/hit/)
  })
})
