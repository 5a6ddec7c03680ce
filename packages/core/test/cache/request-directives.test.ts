import type { CacheOptions, FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { createSite, type Site } from './site.ts'

const cc = (value: string): FieldMap => ({ 'cache-control': value })

/** A site with an entry of a given age; fresh for 60 s. */
const aged = async (seconds: number, options: CacheOptions = {}): Promise<Site> => {
  const site = createSite({ ttl: 60, ...options }, ({ number }) => ({ body: `run ${number}` }))
  await site.get('/a')
  site.clock.advance(seconds * 1000)
  return site
}

describe('what a client asks for (RFC 9111 §5.2.1)', () => {
  const rows: readonly [age: number, directives: string, how: string][] = [
    [10, 'no-cache', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'max-age=0', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'max-age=9', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'max-age=10', 'hit; ttl=50'],
    [10, 'min-fresh=50', 'hit; ttl=50'],
    [10, 'min-fresh=51', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'no-store', 'fwd=bypass; fwd-status=200; detail=request-no-store'],
    [10, 'only-if-cached', 'hit; ttl=50'],
    [10, 'NO-CACHE', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'no-cache=1', 'fwd=request; fwd-status=200; ttl=60; stored'],
    [10, 'max-stale', 'hit; ttl=50'],
    [70, 'max-stale', 'hit; ttl=-10; detail=max-stale'],
    [70, 'max-stale=10', 'hit; ttl=-10; detail=max-stale'],
    [70, 'max-stale=9', 'fwd=stale; fwd-status=200; ttl=60; stored'],
    [120, 'max-stale', 'hit; ttl=-60; detail=max-stale'],
    [121, 'max-stale=9999', 'fwd=stale; fwd-status=200; ttl=60; stored'],
    [70, 'max-stale, max-age=60', 'fwd=stale; fwd-status=200; ttl=60; stored'],
  ]
  test.each(rows)('at an age of %d s, %s: %s', async (age, directives, how) => {
    const site = await aged(age)
    expect((await site.get('/a', cc(directives))).how).toBe(`stowage; ${how}`)
  })

  test('Pragma: no-cache counts where there is no Cache-Control (§5.4)', async () => {
    const site = await aged(10)
    expect((await site.get('/a', { pragma: 'no-cache', ...cc('max-age=20') })).how).toMatch(/hit/)
    expect((await site.get('/a', { pragma: 'no-cache' })).how).toMatch(/fwd=request/)
  })

  test('max-stale changes nothing where the response forbids it', async () => {
    const site = createSite({}, () => ({ headers: cc('max-age=60, must-revalidate') }))
    await site.get('/a')
    site.clock.advance(61_000)
    expect((await site.get('/a', cc('max-stale'))).how).toMatch(/fwd=stale/)
  })

  test('what was stored in spite of no-cache serves others', async () => {
    const site = await aged(10)
    await site.get('/a', cc('no-cache'))
    expect((await site.get('/a')).body).toBe('run 2')
  })
})

describe('only-if-cached (§5.2.1.7)', () => {
  const rows: readonly [age: number, directives: string, expected: number][] = [
    [10, 'only-if-cached', 200],
    [10, 'only-if-cached, max-age=5', 504],
    [10, 'only-if-cached, no-cache', 504],
    [70, 'only-if-cached', 504],
    [70, 'only-if-cached, max-stale', 200],
  ]
  test.each(rows)('at an age of %d s, %s: %d', async (age, directives, expected) => {
    const site = await aged(age)
    const served = await site.get('/a', cc(directives))
    expect(served.status).toBe(expected)
    if (expected === 504) {
      expect(served.how).toBe('stowage; detail=only-if-cached')
      expect(served.headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': '0' })
      expect(served.body).toBeNull()
    }
    expect(site.runs).toHaveLength(1)
  })

  test('has no answer where nothing is stored, and runs no handler', async () => {
    const site = createSite({ ttl: 60 })
    expect((await site.get('/a', cc('only-if-cached'))).status).toBe(504)
    expect(site.runs).toHaveLength(0)
  })

  test('within stale-while-revalidate runs no handler for itself', async () => {
    const scope = (): string => 'u'
    for (const options of [{ staleWhileRevalidate: 60 }, { staleWhileRevalidate: 60, scope }]) {
      const site = await aged(61, options)
      const decision = await site.decide('/a', cc('only-if-cached'))
      expect(decision.action).toBe('reuse')
    }
  })
})

describe('forcing a refresh', () => {
  test('has an effect once a second for a key: then the fresh response is the answer', async () => {
    const site = await aged(10)
    const forced = async (): Promise<string> => (await site.get('/a', cc('no-cache'))).how
    expect(await forced()).toMatch(/fwd=request/)
    for (let i = 0; i < 100; i++) expect(await forced()).toBe('stowage; hit; ttl=60; detail=refresh-limit')
    expect(site.runs).toHaveLength(2)
    site.clock.advance(1000)
    expect(await forced()).toMatch(/fwd=request/)
    expect(await forced()).toMatch(/refresh-limit/)
    expect((await site.get('/b', cc('no-cache'))).how).toMatch(/uri-miss/)
  })

  test('is not limited where nothing fresh could be the answer', async () => {
    const site = createSite({}, () => ({ headers: { ...cc('no-cache'), etag: '"1"' } }))
    for (let i = 0; i < 5; i++) await site.get('/a', cc('no-cache'))
    expect(site.runs).toHaveLength(5)
  })

  test('a clock that is set back does not lock it', async () => {
    const site = await aged(10)
    await site.get('/a', cc('no-cache'))
    site.clock.advance(-3_600_000)
    expect((await site.get('/a', cc('no-cache'))).how).toMatch(/fwd=request/)
  })
})

describe('clientDirectives', () => {
  test('"ignore": no request directive counts', async () => {
    const site = await aged(10, { clientDirectives: 'ignore' })
    for (const directives of ['no-cache', 'no-store', 'max-age=0', 'min-fresh=999'])
      expect((await site.get('/a', cc(directives))).how).toBe('stowage; hit; ttl=50')
    expect((await site.get('/b', cc('only-if-cached'))).status).toBe(200)
  })

  test('a function decides for each request', async () => {
    const clientDirectives: CacheOptions['clientDirectives'] = (request) =>
      request.header('x-admin') === 'yes'
    const site = await aged(10, { clientDirectives })
    expect((await site.get('/a', cc('no-cache'))).how).toMatch(/hit/)
    expect((await site.get('/a', { ...cc('no-cache'), 'x-admin': 'yes' })).how).toMatch(/fwd=request/)
  })
})
