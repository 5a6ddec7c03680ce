import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { requireBuild, root, serveScript, visit } from './children.ts'

describe('the example on plain node:http', () => {
  beforeAll(requireBuild)

  test('answers the second request from the cache, and a change at once', async () => {
    await using server = await serveScript('server.js', join(root, 'examples/node'))
    await expect.poll(server.stdout).toContain(`http://localhost:${server.port}/items/1`)
    const first = await visit(server.port, '/items/1')
    expect(first.cacheStatus).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=300; stored')
    const second = await visit(server.port, '/items/1')
    expect([second.body, second.cacheStatus]).toEqual([
      first.body,
      expect.stringMatching(/^stowage; hit; ttl=\d+$/),
    ])
    expect((await visit(server.port, '/items/1', { method: 'DELETE' })).status).toBe(204)
    expect((await visit(server.port, '/items/1')).status).toBe(404)
    const health = await visit(server.port, '/health')
    expect([health.status, JSON.parse(health.body).status]).toEqual([200, 'healthy'])
  })

  test('ends by itself on SIGTERM', async () => {
    const server = await serveScript('server.js', join(root, 'examples/node'))
    await visit(server.port, '/items/2')
    expect(await server.stop()).toBe(0)
  })
})
