import type { CacheOptions, FieldMap, InvalidateOptions, Selector } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, forwardOf, requestOf, respond, type Site } from './site.ts'

muteWarnings()

const filled = async (options: CacheOptions, ...urls: string[]): Promise<Site> => {
  const site = createSite({ ttl: 60, ...options }, ({ number }) => ({ body: `run ${number}` }))
  for (const url of urls) await site.get(url)
  return site
}

const isStored = async (site: Site, url: string, headers: FieldMap = {}): Promise<boolean> =>
  (await site.get(url, { 'cache-control': 'only-if-cached', ...headers })).status === 200

describe('an unsafe request (RFC 9111 §4.4)', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'MKCOL', 'post'])(
    '%s invalidates its target',
    async (method) => {
      const site = await filled({}, '/a', '/b')
      expect((await site.get('/a', {}, { method })).how).toMatch(/fwd=method/)
      expect([await isStored(site, '/a'), await isStored(site, '/b')]).toEqual([false, true])
    },
  )

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])('%s does not', async (method) => {
    const site = await filled({}, '/a')
    await site.get('/a', { 'cache-control': 'no-store' }, { method })
    expect(await isStored(site, '/a')).toBe(true)
  })

  test.each([
    [200, false],
    [204, false],
    [303, false],
    [304, false],
    [400, true],
    [404, true],
    [500, true],
    [503, true],
  ])('answered with %d leaves it stored: %s', async (status, stays) => {
    const site = await filled({}, '/a')
    site.handler = () => ({ status })
    await site.get('/a', {}, { method: 'PUT' })
    expect(await isStored(site, '/a')).toBe(stays)
  })

  test('invalidates Location and Content-Location of its own host', async () => {
    const site = await filled({}, '/a', '/b', '/c', '/d')
    site.handler = () => ({
      status: 201,
      headers: { location: 'http://a.example/b', 'content-location': ['c', 'http://evil.example/d'] },
    })
    await site.get('/a', {}, { method: 'POST' })
    const urls = ['/a', '/b', '/c', '/d']
    expect(await Promise.all(urls.map((url) => isStored(site, url)))).toEqual([false, false, false, true])
  })

  test('reaches all spellings that a framework routes alike, and no query that differs', async () => {
    const site = await filled({}, '/a', '/A/', '/%61', '/a?x=1')
    await site.get('/a', {}, { method: 'DELETE' })
    const urls = ['/a', '/A/', '/%61', '/a?x=1']
    expect(await Promise.all(urls.map((url) => isStored(site, url)))).toEqual([false, false, false, true])
  })

  test('with ignored parameters reaches what is stored without them', async () => {
    const site = await filled({ key: { query: { ignore: ['utm_*'] } } }, '/a?id=1')
    await site.get('/a?utm_source=x&id=1', {}, { method: 'POST' })
    expect(await isStored(site, '/a?id=1')).toBe(false)
  })

  test('reaches every host where the host is no part of the key', async () => {
    const site = await filled({ key: { host: false } }, '/a')
    await site.get('/a', {}, { method: 'POST', authority: 'b.example' })
    expect(await isStored(site, '/a')).toBe(false)
    const apart = await filled({}, '/a')
    await apart.get('/a', {}, { method: 'POST', authority: 'b.example' })
    expect(await isStored(apart, '/a')).toBe(true)
  })

  test('reaches every variant', async () => {
    const site = createSite({ ttl: 60 }, () => ({ headers: { vary: 'x-a' } }))
    for (const value of ['1', '2']) await site.get('/a', { 'x-a': value })
    await site.get('/a', {}, { method: 'POST' })
    for (const value of ['1', '2']) expect(await isStored(site, '/a', { 'x-a': value })).toBe(false)
  })

  test('outlives a fill that began before it', async () => {
    const site = await filled({})
    const fill = forwardOf(await site.decide('/a'))
    await site.get('/a', {}, { method: 'POST' })
    await respond(fill, { body: 'old' })
    expect(await isStored(site, '/a')).toBe(false)
  })

  test('is reported as an invalidation, with its method as the reason', async () => {
    const site = await filled({}, '/a')
    const events: unknown[] = []
    site.cache.on('invalidate', (event) => events.push(event))
    await site.get('/a', {}, { method: 'PATCH' })
    expect(events).toEqual([{ selector: { url: '/a' }, seq: 1, reason: 'PATCH' }])
  })
})

describe('invalidateAfter', () => {
  const after = async (
    status: number,
    selector: () => Selector,
    options?: InvalidateOptions,
  ): Promise<{ readonly site: Site; readonly codes: string[] }> => {
    const site = await filled({ tags: (request) => [request.url.pathname], staleIfError: '10m' }, '/a', '/b')
    const codes: string[] = []
    site.cache.on('error', ({ code }) => codes.push(code))
    const forward = forwardOf(await site.cache.lookup(requestOf('/c', {}, { method: 'POST' })))
    site.cache.invalidateAfter(forward, selector, options)
    await respond(forward, { status })
    return { site, codes }
  }

  test('invalidates after a success, before its answer leaves', async () => {
    const { site } = await after(201, () => ({ tags: ['/a'] }))
    expect([await isStored(site, '/a'), await isStored(site, '/b')]).toEqual([false, true])
  })

  test('not after an error', async () => {
    const { site } = await after(422, () => ({ all: true }))
    expect(await isStored(site, '/a')).toBe(true)
  })

  test('softly, where it says so', async () => {
    const { site } = await after(200, () => ({ url: '/a' }), { mode: 'stale' })
    expect((await site.get('/a', { 'cache-control': 'max-stale' })).how).toMatch(/detail=max-stale/)
  })

  test('a selector that throws, or is none, is reported and disturbs nobody', async () => {
    for (const selector of [
      (): Selector => {
        throw new Error('broken')
      },
      (): Selector => ({}) as Selector,
    ]) {
      const { site, codes } = await after(200, selector)
      expect(codes).toEqual(['POLICY_FUNCTION'])
      expect(await isStored(site, '/a')).toBe(true)
    }
  })
})
