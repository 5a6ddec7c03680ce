import { request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

type Fastify = (typeof majors)[number]['fastify']

const serve = async (
  fastify: Fastify,
  options: FastifyServerOptions,
  cacheOptions: FastifyCacheOptions,
  build: (app: FastifyInstance) => void,
): Promise<string> => {
  const app = fastify({ ...options, forceCloseConnections: true })
  onTestFinished(() => app.close())
  await app.register(cachePlugin, cacheOptions)
  build(app)
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const tenant = (name: string) => ({ headers: { 'x-tenant': name } })

describe.each(majors)('$name', ({ fastify }) => {
  test('a target that rewriteUrl makes by what it likes tells entries apart', async () => {
    const rewriteUrl: NonNullable<FastifyServerOptions['rewriteUrl']> = ({ url, headers }) =>
      `/${headers['x-tenant']}${url}`
    const url = await serve(fastify, { rewriteUrl }, { ttl: '5m' }, (app) => {
      app.get<{ Params: { tenant: string } }>('/:tenant/items', async ({ params }) => params.tenant)
    })
    for (const name of ['a', 'b', 'a', 'b'])
      expect((await request(`${url}/items`, tenant(name))).text).toBe(name)
    expect((await request(`${url}/items`, tenant('a'))).headers['cache-status']).toMatch(/hit/)
  })

  test('a scope that is asked before the user is known shares no response of a user', async () => {
    type Known = { user?: string | null }
    const scope: FastifyCacheOptions['scope'] = ({ raw }) => (raw as Known).user ?? 'anon'
    const url = await serve(fastify, {}, { ttl: '5m', scope }, (app) => {
      app.decorateRequest('user', null)
      app.addHook('preHandler', async (incoming) => {
        const user = incoming.headers['x-user']
        if (typeof user === 'string') (incoming as Known).user = user
      })
      app.get('/me', async (incoming) => `page of ${(incoming as Known).user ?? 'nobody'}`)
    })
    for (const user of ['alice', 'bob'])
      expect((await request(`${url}/me`, { headers: { 'x-user': user } })).text).toBe(`page of ${user}`)
    await request(`${url}/me`)
    expect((await request(`${url}/me`)).headers['cache-status']).toMatch(/hit/)
  })
})
