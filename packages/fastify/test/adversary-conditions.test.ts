import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { listen, pluginNamed, withCache } from './support.ts'

describe('@fastify/etag, whose hook compares the conditions of a request with its answer', () => {
  const revalidated = async (staleIfError: '1h' | 0) => {
    const clock = fakeClock()
    const app = await withCache({ clock, ttl: '10s', staleIfError })
    await app.register(pluginNamed('etag'))
    let runs = 0
    app.get('/a', async () => {
      runs += 1
      if (runs === 3 && staleIfError !== 0) throw new Error('down')
      return 'the same'
    })
    const url = `${await listen(app)}/a`
    const { headers } = await request(url)
    clock.advance(11_000)
    return { url, clock, etag: String(headers.etag) }
  }

  test('is not shown those by which the cache revalidates', async () => {
    const { url } = await revalidated(0)
    const again = await request(url)
    expect([again.status, again.text]).toEqual([200, 'the same'])
    expect(again.headers['cache-status']).toContain('fwd=stale; fwd-status=200')
  })

  test('is shown those of the client', async () => {
    const { url, etag } = await revalidated(0)
    const again = await request(url, { headers: { 'if-none-match': etag } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  test('finds the stale response in the place of a failure as it is', async () => {
    const { url, clock } = await revalidated('1h')
    await request(url)
    clock.advance(11_000)
    const stale = await request(url)
    expect([stale.status, stale.text]).toEqual([200, 'the same'])
    expect(stale.headers['cache-status']).toContain('detail=sie')
  })
})
