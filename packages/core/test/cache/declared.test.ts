import { describe, expect, test } from 'vitest'
import { createSite } from './site.ts'

const day = 24 * 3600 * 1000

describe('heuristic freshness (RFC 9111 §4.2.2)', () => {
  const modified = { etag: '"1"' }

  test('is a share of the time since the last change, where the option allows it', async () => {
    const site = createSite({ heuristic: 0.1 }, ({ headers }) => ({
      ...(headers['if-none-match'] === undefined ? {} : { status: 304 }),
      headers: { ...modified, 'last-modified': new Date(site.clock() - day).toUTCString() },
      body: 'a',
    }))
    // A tenth of the day in which it has not changed; to the second, for that is what a date says.
    expect((await site.get('/a')).how).toMatch(
      /^stowage; fwd=uri-miss; fwd-status=200; ttl=86(39|40); stored$/,
    )
    site.clock.advance(8600_000)
    expect((await site.get('/a')).how).toMatch(/^stowage; hit; ttl=(39|40)$/)
    site.clock.advance(41_000)
    expect((await site.get('/a')).how).toMatch(/fwd=stale; fwd-status=304/)
  })

  test('is not assumed without the option, nor beside a lifetime that is declared', async () => {
    const headers = { ...modified, 'last-modified': 'Mon, 01 Jan 2001 00:00:00 GMT' }
    const plain = createSite({}, () => ({ headers, body: 'a' }))
    expect((await plain.get('/a')).how).toMatch(/detail=no-freshness$/)
    const declared = createSite({ heuristic: 0.1 }, () => ({
      headers: { ...headers, 'cache-control': 'max-age=5' },
      body: 'a',
    }))
    expect((await declared.get('/a')).how).toMatch(/ttl=5; stored$/)
  })
})

describe('targeted fields (RFC 9213)', () => {
  const fields = { 'cdn-cache-control': 'max-age=600', 'cache-control': 'no-store' }

  test('that are listed decide, in the order of the list; the own one alone is kept from clients', async () => {
    const headers = { ...fields, 'stowage-cache-control': 'max-age=60' }
    const site = createSite({ targets: ['CDN-Cache-Control'] }, () => ({ headers, body: 'a' }))
    for (const how of [/fwd=uri-miss; fwd-status=200; ttl=600; stored$/, /hit; ttl=600$/]) {
      const served = await site.get('/a')
      expect(served.how).toMatch(how)
      expect(served.headers).toMatchObject(fields)
    }
  })

  test('that are not listed are fields like any other', async () => {
    const site = createSite({}, () => ({ headers: fields, body: 'a' }))
    expect((await site.get('/a')).how).toMatch(/detail=no-store$/)
  })

  test('of our own do not reach a client, from the handler or from the cache', async () => {
    const headers = { 'cache-control': 'no-store', 'stowage-cache-control': 'max-age=60' }
    const site = createSite({}, () => ({ headers, body: 'a' }))
    for (const how of [/ttl=60; stored$/, /hit; ttl=60$/]) {
      const served = await site.get('/a')
      expect(served.how).toMatch(how)
      expect(served.headers['cache-control']).toBe('no-store')
      expect(served.headers).not.toHaveProperty('stowage-cache-control')
    }
  })
})
