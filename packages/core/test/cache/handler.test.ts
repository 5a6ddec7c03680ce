import type { CacheOptions, Duration, HandlerCache } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { createSite, forwardOf, requestOf, respond, type Site } from './site.ts'

/** A site whose handler says something to its cache before it answers. */
const saying = (say: (handler: HandlerCache) => void, options: CacheOptions = {}, headers = {}): Site =>
  createSite(options, ({ forward, number }) => {
    say(forward.handler)
    return { headers, body: `run ${number}` }
  })

const stored = async (site: Site): Promise<string> =>
  (await site.get('/a')).how.replace(/^stowage; fwd=uri-miss; fwd-status=\d+; /, '')

describe('req.cache.ttl()', () => {
  const rows: readonly [
    ttl: Duration | false,
    options: CacheOptions,
    headers: Record<string, string>,
    expected: string,
  ][] = [
    [30, {}, {}, 'ttl=30; stored'],
    ['2m', { ttl: 60 }, {}, 'ttl=120; stored'],
    [30, {}, { 'cache-control': 'max-age=600' }, 'ttl=30; stored'],
    [Number.POSITIVE_INFINITY, { ttl: 60 }, {}, 'ttl=2147483648; stored'],
    [false, { ttl: 60 }, {}, 'detail=skip'],
    [30, { ttl: 60 }, { 'cache-control': 'no-store' }, 'detail=no-store'],
    [30, { ttl: 60 }, { 'cache-control': 'private' }, 'detail=private'],
    [30, { ttl: 60 }, { 'set-cookie': 'a=1' }, 'detail=set-cookie'],
    [30, { etag: false }, { vary: '*' }, 'detail=vary-star'],
  ]
  test.each(rows)('%j over %j and %j: %s', async (ttl, options, headers, expected) => {
    expect(await stored(saying((handler) => handler.ttl(ttl), options, headers))).toBe(expected)
  })

  test.each([-1, Number.NaN, '60', '5 m', null, {}])('%j is no duration', async (ttl) => {
    const site = saying((handler) => {
      expect(() => handler.ttl(ttl as Duration)).toThrow(TypeError)
    })
    expect(await stored(site)).toBe('detail=no-freshness')
  })

  test('does not make an error fresh', async () => {
    const site = createSite({}, ({ forward }) => {
      forward.handler.ttl(60)
      return { status: 500 }
    })
    expect(await stored(site)).toBe('detail=error')
  })
})

describe('req.cache.tag()', () => {
  test('names what to invalidate by, beside the tags of the policy', async () => {
    for (const tag of ['own', 'other', 'policy']) {
      const site = saying((handler) => handler.tag('own').tag('own', 'other'), { ttl: 60, tags: ['policy'] })
      await site.get('/a')
      await site.cache.invalidate({ tags: [tag] })
      expect((await site.get('/a')).body).toBe('run 2')
    }
  })

  test('counts until the end of the response', async () => {
    const site = createSite({ ttl: 60 })
    const forward = forwardOf(await site.cache.lookup(requestOf('/a')))
    forward.respond({ status: 200, headers: {} })
    forward.handler.tag('late')
    await forward.end()
    await site.cache.invalidate({ tags: ['late'] })
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })

  test('more than 1000 are not kept: to leave one out would lose an invalidation', async () => {
    const tags = Array.from({ length: 1000 }, (_, i) => String(i))
    expect(await stored(saying((handler) => handler.tag(...tags), { ttl: 60 }))).toBe('detail=tags')
    const site = createSite({ ttl: 60 })
    const forward = forwardOf(await site.cache.lookup(requestOf('/a')))
    forward.respond({ status: 200, headers: {} })
    forward.handler.tag(...tags)
    await forward.end()
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })

  test('of a 304 unite with those that are there, up to that limit', async () => {
    const tagsOf = (turn: number): string[] => Array.from({ length: 400 }, (_, i) => `${turn}:${i}`)
    const site = createSite({ ttl: 60 }, ({ forward, number, headers }) => {
      forward.handler.tag(...tagsOf(number))
      return headers['if-none-match'] === undefined ? {} : { status: 304 }
    })
    const details: string[] = []
    for (let turn = 1; turn <= 4; turn++) {
      details.push((await site.get('/a')).how.replace(/.*(detail=|stored)/, '$1'))
      site.clock.advance(61_000)
    }
    expect(details).toEqual(['stored', 'stored', 'detail=tags', 'stored'])
  })

  test('a 304 adds its tags to those that are there', async () => {
    const site = saying((handler) => handler.tag('first'), { ttl: 60 })
    await site.get('/a')
    site.clock.advance(61_000)
    site.handler = ({ forward }) => {
      forward.handler.tag('second')
      return { status: 304 }
    }
    expect((await site.get('/a')).how).toMatch(/fwd-status=304.*stored/)
    for (const tag of ['first', 'second']) {
      await site.cache.invalidate({ tags: [tag] }, { mode: 'stale' })
      site.handler = () => ({ status: 304 })
      expect((await site.get('/a')).how).toMatch(/fwd=stale/)
    }
  })
})

describe('req.cache.skip()', () => {
  test('stores nothing, whatever else permits it', async () => {
    expect(await stored(saying((handler) => handler.skip('draft'), { ttl: 60 }))).toBe('detail=skip')
    expect(
      await stored(
        saying((handler) => handler.ttl(60).tag('a').skip(), {}, { 'cache-control': 'public, max-age=60' }),
      ),
    ).toBe('detail=skip')
  })

  test('counts until the end of the response', async () => {
    const site = createSite({ ttl: 60 })
    const reasons: string[] = []
    site.cache.on('reject', ({ code, detail }) => reasons.push(`${code}: ${detail}`))
    const forward = forwardOf(await site.cache.lookup(requestOf('/a')))
    forward.respond({ status: 200, headers: {} })
    forward.handler.skip('on second thought')
    await forward.end()
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
    expect(reasons).toEqual(['skip: on second thought'])
  })
})

describe('outside a cached route', () => {
  test('nothing that is said has an effect', async () => {
    const site = createSite({ ttl: false })
    const forward = site.cache.bypass(requestOf('/a'))
    expect([forward.handler.status, forward.handler.stale]).toEqual(['bypass', undefined])
    forward.handler.ttl(60).tag('a').vary('x').skip()
    expect(() => forward.handler.notModified()).toThrow(/no stored response/)
    expect((await respond(forward, { headers: { 'cache-control': 'max-age=60' } })).how).toBe(
      'stowage; fwd=bypass; fwd-status=200; detail=policy',
    )
  })
})

test('the validators of what is stale are the handler’s to read', async () => {
  const lastModified = 'Mon, 31 Dec 2029 00:00:00 GMT'
  const site = createSite({ staleWhileRevalidate: 60 }, () => ({
    headers: { 'cache-control': 'max-age=60', etag: '"1"', 'last-modified': lastModified },
  }))
  await site.get('/a')
  site.clock.advance(61_000)
  const seen: unknown[] = []
  site.handler = ({ forward: { handler } }) => {
    seen.push(handler.status, handler.stale)
    return {}
  }
  await site.get('/a')
  await site.settled()
  expect(seen).toEqual(['refresh', { etag: '"1"', lastModified: new Date(lastModified) }])
})
