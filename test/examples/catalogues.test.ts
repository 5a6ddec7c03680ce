import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireBuild, root, type Serving, serveScript, visit } from './children.ts'

/** How each framework's example tells of a 404, which has no lifetime of its own. */
const notFound = { express: 'detail=error', fastify: 'detail=error', koa: 'detail=skip' }

describe.each(Object.entries(notFound))('the example on %s', (name, detail) => {
  const folder = join(root, 'examples', name)
  let server: Serving

  beforeAll(async () => {
    requireBuild()
    server = await serveScript('server.js', folder)
  })
  afterAll(() => server?.stop())

  test('prints where it is, and requests to try', async () => {
    await expect.poll(server.stdout).toContain(`curl -i localhost:${server.port}/items`)
  })

  test('answers the second request from the cache, by the pattern of its route', async () => {
    for (const path of ['/items', '/items/2']) {
      expect((await visit(server.port, path)).cacheStatus).toMatch(
        /fwd=uri-miss; fwd-status=200; ttl=\d+; stored/,
      )
      expect((await visit(server.port, path)).cacheStatus).toMatch(/^stowage; hit; ttl=\d+$/)
    }
  })

  test('shows a change at once, also in the list', async () => {
    await visit(server.port, '/items')
    await visit(server.port, '/items/1')
    expect((await visit(server.port, '/items/1/price/9', { method: 'PUT' })).status).toBe(200)
    for (const path of ['/items', '/items/1']) {
      const { body, cacheStatus } = await visit(server.port, path)
      expect(cacheStatus).toContain('fwd=uri-miss')
      expect(body).toContain('"price":9')
    }
  })

  test('does not store what is not there', async () => {
    for (const _ of [1, 2]) {
      const { status, cacheStatus } = await visit(server.port, '/items/7')
      expect([status, cacheStatus]).toEqual([404, expect.stringContaining(detail)])
    }
  })

  test('ends by itself on SIGTERM', async () => {
    const other = await serveScript('server.js', folder)
    await visit(other.port, '/items')
    expect(await other.stop()).toBe(0)
  })
})
