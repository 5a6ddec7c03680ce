import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { createSite } from './site.ts'

describe('a soft invalidation', () => {
  test.each([1, 10_000, 299_000])(
    'gives no stale window where the clock was set back by %d ms',
    async (ms) => {
      const site = createSite({ ttl: '5m' }, ({ number }) => ({ body: `run ${number}` }))
      await site.get('/a')
      site.clock.advance(1)
      await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
      // Seen as stale here, and remembered.
      expect((await site.get('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
      site.clock.advance(-ms)
      expect((await site.get('/a')).body).toBe('run 2')
    },
  )

  test('gives no stale answer for a failing handler either where the clock was set back', async () => {
    const site = createSite({ ttl: '5m', staleIfError: 0 })
    await site.get('/a')
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    expect((await site.get('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
    site.clock.advance(-10_000)
    site.handler = () => ({ status: 503, body: 'down' })
    expect(await site.get('/a')).toMatchObject({ status: 503, body: 'down' })
  })

  test('opens its window once, though decoded copies are dropped in between', async () => {
    const backend = mockBackend()
    const policy = { ttl: '1h', staleWhileRevalidate: '10s', staleIfError: 0 } as const
    const site = createSite({ ...policy, backend })
    site.cache.on('error', ({ code }) => expect(code).toBe('REVALIDATION_FAILED'))
    await site.get('/a')
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    const large = Buffer.alloc(10_000_000)
    site.handler = ({ request }) => (request.url === '/a' ? { status: 503 } : { body: large })
    const statuses: number[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      statuses.push((await site.get('/a')).status)
      await site.settled()
      site.clock.advance(8000)
      // More than all decoded copies may take, so that that of /a goes.
      for (let other = 0; turn < 2 && other < 5; other += 1) await site.get(`/large/${turn}/${other}`)
    }
    expect(statuses).toEqual([200, 200, 503])
  })
})

describe('the ttl that a forwarded response is sent with', () => {
  const rows: readonly [age: string | undefined, left: number][] = [
    [undefined, 60],
    ['0', 60],
    ['20', 40],
    ['59', 1],
    ['60', 0],
    ['-5', 0],
    ['nonsense', 0],
  ]
  test.each(rows)('Age %s: %d of 60 seconds are left', async (age, left) => {
    const headers = { 'cache-control': 'max-age=60', etag: '"1"', ...(age === undefined ? {} : { age }) }
    const site = createSite({}, () => ({ headers }))
    expect((await site.get('/a')).how).toContain(`; ttl=${left};`)
    const { how } = await site.get('/a')
    if (left > 0) expect(how).toBe(`stowage; hit; ttl=${left}`)
    else expect(how).not.toMatch(/hit/)
  })

  test('is never more than what is left where the Age is beyond the lifetime', async () => {
    const site = createSite({}, () => ({
      headers: { 'cache-control': 'max-age=60', etag: '"1"', age: '100' },
    }))
    const { how } = await site.get('/a')
    expect(Number(/; ttl=(-?\d+)/.exec(how)?.[1] ?? 0)).toBeLessThanOrEqual(0)
    expect((await site.get('/a')).how).not.toMatch(/hit/)
  })
})
