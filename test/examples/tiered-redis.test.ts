import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../servers/redis.ts'
import { requireBuild, root, serveScript, visit } from './children.ts'

beforeAll(requireBuild)

test('two processes of the example on tiers share what is stored, and a change', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.end())
  const serve = () => serveScript('server.js', join(root, 'examples/tiered-redis'), { REDIS_URL: redis.url })
  await using one = await serve()
  await using other = await serve()
  const first = await visit(one.port, '/items/1')
  expect(first.cacheStatus).toMatch(/; stored$/)
  // What is stored goes to Redis behind the answer.
  const entries = () => redis.command('KEYS', 'tiered-example{}:*')
  await expect.poll(entries, { timeout: 10_000 }).not.toEqual([])
  expect((await visit(other.port, '/items/1')).body).toBe(first.body)

  expect((await visit(one.port, '/items/1', { method: 'DELETE' })).status).toBe(204)
  const missed = async () => (await visit(other.port, '/items/1')).body !== first.body
  await expect.poll(missed, { timeout: 10_000 }).toBe(true)
  expect(await one.stop()).toBe(0)
  expect(await other.stop()).toBe(0)
})
