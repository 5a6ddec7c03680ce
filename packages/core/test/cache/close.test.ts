import { createCache, memory } from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, forwardOf, requestOf, respond } from './site.ts'

muteWarnings()

describe('close()', () => {
  test('closes the backend, once', async () => {
    const backend = mockBackend()
    const cache = createCache({ backend })
    await Promise.all([cache.close(), cache.close()])
    await cache.close()
    expect(backend.calls.filter(({ operation }) => operation === 'close')).toHaveLength(1)
  })

  test('is what await using does', async () => {
    const backend = mockBackend()
    {
      await using cache = createCache({ backend })
      await cache.lookup(requestOf('/a'))
    }
    expect(backend.calls.at(-1)?.operation).toBe('close')
  })

  test.each([
    ['memory()', () => memory()],
    ['asyncBackend(memory())', () => asyncBackend(memory())],
    ['a bare backend', () => mockBackend()],
    ['one that others go on using', () => ({ ...mockBackend(), close: () => undefined })],
  ])('requests that come later are forwarded: %s', async (_name, create) => {
    const site = createSite({ ttl: 60, backend: create() })
    await site.get('/a')
    await site.cache.close()
    for (const runs of [2, 3]) {
      const how = 'stowage; fwd=bypass; fwd-status=200; detail=closed'
      expect(await site.get('/a')).toMatchObject({ status: 200, body: 'hello', how })
      expect(site.runs).toHaveLength(runs)
    }
  })

  test('requests under way end as they would have', async () => {
    const site = createSite({ ttl: 60, backend: asyncBackend(memory()) })
    const forward = forwardOf(await site.decide('/a'))
    const waiting = site.decide('/a')
    await site.cache.close()
    expect((await respond(forward, { body: 'a' })).body).toBe('a')
    expect(['reuse', 'forward']).toContain((await waiting).action)
  })

  test('rejects where the backend does, as often as it is asked', async () => {
    const close = (): Promise<never> => Promise.reject(new Error('stuck'))
    const cache = createCache({ backend: { ...mockBackend(), close } })
    await expect(cache.close()).rejects.toThrow('stuck')
    await expect(cache.close()).rejects.toThrow('stuck')
  })
})

describe('health()', () => {
  test('is the backend’s own, where it has one', async () => {
    const cache = createCache({ backend: memory() })
    expect(await cache.health()).toMatchObject({ status: 'healthy', connected: true })
    await cache.close()
    expect(await cache.health()).toMatchObject({ status: 'unhealthy', connected: false })
  })

  test('is found out by asking for a key, where it has none', async () => {
    expect(await createCache({ backend: mockBackend() }).health()).toMatchObject({ status: 'healthy' })
    const get = (): never => {
      throw new Error('down')
    }
    const down = await createCache({ backend: { ...mockBackend(), get } }).health()
    expect(down).toMatchObject({ status: 'unhealthy', connected: false, error: 'down' })
  })
})
