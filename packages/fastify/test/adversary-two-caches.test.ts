import { memory } from '@stowage/core'
import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

const policy = { ttl: '5m', tags: ['items'] } as const

describe.each(majors)('$name: a cache of its own inside of the instance of another one', ({ fastify }) => {
  const serve = async (answeredBy: 'hook' | 'handler' | 'raw') => {
    let version = 1
    const read = async (): Promise<string> => `version ${version}`
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { name: 'outer' })
    app.get('/items', { config: { cache: { ttl: '5m' } } }, read)
    app.get('/tagged', { config: { cache: policy } }, read)
    await app.register(async (inside) => {
      await inside.register(cachePlugin, { name: 'inner', backend: memory() })
      if (answeredBy === 'hook')
        inside.addHook('onRequest', async (incoming, reply) => {
          if (incoming.method !== 'POST') return
          version += 1
          return reply.send('done')
        })
      inside.get('/inside', { config: { cache: policy } }, read)
      inside.post('/items', { config: { cacheInvalidates: { tags: ['items'] } } }, async (_, reply) => {
        version += 1
        if (answeredBy !== 'raw') return 'done'
        reply.hijack()
        reply.raw.end('done')
      })
    })
    return app.listen({ port: 0, host: '127.0.0.1' })
  }

  test.each(['hook', 'handler', 'raw'] as const)(
    'a change that a %s answers is invalidated in both',
    async (by) => {
      const origin = await serve(by)
      const paths = ['/items', '/tagged', '/inside']
      const texts = async (): Promise<unknown> =>
        Promise.all(paths.map(async (path) => (await request(`${origin}${path}`)).text))
      for (let round = 0; round < 2; round += 1)
        expect(await texts()).toEqual(['version 1', 'version 1', 'version 1'])
      expect((await request(`${origin}/items`, { method: 'POST' })).text).toBe('done')
      expect(await texts()).toEqual(['version 2', 'version 2', 'version 2'])
    },
  )
})
