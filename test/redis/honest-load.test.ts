import { expect, test } from 'vitest'
import { stage } from './scene.ts'
import { untilShared } from './site.ts'

const runOf = (body: string): number => (JSON.parse(body) as { run: number }).run

test('an invalidation that Redis cannot take rejects, and what it named is not answered with when Redis is back', async () => {
  const { site, other, proxy } = await stage()
  await untilShared(site, other)
  const first = await site.ask('/items/1')
  proxy.drop = true
  const outcome = await site.cache.invalidate({ tags: ['item:1'] }).then(
    () => 'resolved',
    () => 'rejected',
  )
  expect(outcome).toBe('rejected')
  const during = await site.ask('/items/1')
  expect(runOf(during.body)).toBeGreaterThan(runOf(first.body))
  proxy.drop = false
  await untilShared(site, other)
  const after = await site.ask('/items/1')
  expect(runOf(after.body)).toBeGreaterThan(runOf(first.body))
})
