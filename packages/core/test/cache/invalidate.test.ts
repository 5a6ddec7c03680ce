import {
  type CacheOptions,
  createCache,
  type FieldMap,
  type InvalidateOptions,
  memory,
  type Selector,
} from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { createSite, forwardOf, requestOf, respond, type Site } from './site.ts'

const fresh: FieldMap = { 'cache-control': 'max-age=600' }

const filled = async (options: CacheOptions = {}): Promise<Site> => {
  const site = createSite(
    { tags: (request) => [request.url.pathname], ...options },
    ({ number, request }) => ({
      headers: { ...fresh, etag: '"1"' },
      body: `run ${number}`,
      route: request.url.startsWith('/a') ? '/:name' : '/other',
    }),
  )
  for (const url of ['/a', '/a/b', '/c']) await site.get(url)
  await site.settled()
  return site
}

/** Which of the three are still there as they were. */
const left = async (site: Site): Promise<string[]> => {
  const urls: string[] = []
  for (const url of ['/a', '/a/b', '/c'])
    if (/; hit; ttl=\d/.test((await site.get(url, { 'cache-control': 'only-if-cached' })).how)) urls.push(url)
  return urls
}

describe.each<[string, () => CacheOptions]>([
  ['memory()', () => ({})],
  ['asyncBackend(memory())', () => ({ backend: asyncBackend(memory()) })],
  ['a bare backend', () => ({ backend: mockBackend() })],
])('on %s', (_name, options) => {
  const rows: readonly [selector: Selector, left: string[]][] = [
    [{ tags: ['/a'] }, ['/a/b', '/c']],
    [{ tags: ['/a', '/c', '/none'] }, ['/a/b']],
    [{ url: '/a' }, ['/a/b', '/c']],
    [{ url: 'http://a.example/c' }, ['/a', '/a/b']],
    [{ url: 'https://a.example/c' }, ['/a', '/a/b', '/c']],
    [{ urlPrefix: '/a' }, ['/c']],
    [{ urlPrefix: '/a/b' }, ['/a', '/c']],
    [{ urlPrefix: '/' }, []],
    [{ route: '/:name' }, ['/c']],
    [{ all: true }, []],
    [{ tags: ['/none'] }, ['/a', '/a/b', '/c']],
  ]
  test.each(rows)('%j leaves %j', async (selector, expected) => {
    for (const mode of [undefined, 'remove', 'stale'] as const) {
      const site = await filled(options())
      const how: InvalidateOptions = mode === undefined ? {} : { mode }
      expect(await site.cache.invalidate(selector, how)).toEqual({ seq: 1 })
      expect([mode, await left(site)]).toEqual([mode, expected])
    }
  })

  test('each takes the next count, and what is stored after it is valid', async () => {
    const site = await filled(options())
    for (const seq of [1, 2, 3]) {
      expect(await site.cache.invalidate({ url: '/a' })).toEqual({ seq })
      await site.get('/a')
      await site.settled()
      expect(await left(site)).toEqual(['/a', '/a/b', '/c'])
    }
  })

  test('a fill that began before it is served to who asked, and to nobody after', async () => {
    const site = createSite(options())
    const fill = forwardOf(await site.decide('/a'))
    const waiting = site.decide('/a')
    await site.cache.invalidate({ url: '/a' })
    expect((await respond(fill, { headers: fresh, body: 'old' })).body).toBe('old')
    expect((await waiting).action).toBe('forward')
    expect((await site.decide('/a', { 'cache-control': 'only-if-cached' })).action).toBe('reuse')
    expect((await site.get('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
  })
})

describe('mode "stale"', () => {
  test('serves within the windows until the handler has answered', async () => {
    const site = await filled({ staleWhileRevalidate: 10 })
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    expect((await site.get('/a')).how).toBe('stowage; hit; ttl=0; detail=swr')
    await site.settled()
    expect((await site.get('/a')).how).toBe('stowage; hit; ttl=600')
  })

  test('the windows count from when it was first seen, and are not longer for entries that would be fresh', async () => {
    const site = await filled({ staleWhileRevalidate: 10 })
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    site.handler = () => ({ status: 503, body: 'down' })
    site.cache.on('error', () => undefined)
    const bodies: string[] = []
    for (let second = 0; second <= 75; second += 5) {
      bodies.push((await site.get('/a')).body ?? '')
      await site.settled()
      site.clock.advance(5000)
    }
    // 10 seconds of stale-while-revalidate, 60 in all of stale-if-error.
    expect(bodies).toEqual([...Array(13).fill('run 1'), 'down', 'down', 'down'])
  })

  test('a second one does not begin the windows anew', async () => {
    const site = await filled({ staleWhileRevalidate: 10, staleIfError: 0 })
    site.handler = () => ({ status: 503, body: 'down' })
    site.cache.on('error', () => undefined)
    const bodies: string[] = []
    for (let turn = 0; turn < 4; turn++) {
      await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
      bodies.push((await site.get('/a')).body ?? '')
      await site.settled()
      site.clock.advance(4000)
    }
    expect(bodies).toEqual(['run 1', 'run 1', 'run 1', 'down'])
  })

  test('nor do they where so much else was read that it has to be decoded again', async () => {
    const site = await filled({ staleWhileRevalidate: 10, staleIfError: 0, collapse: false })
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    expect((await site.decide('/a')).action).toBe('reuse')
    site.handler = () => ({ headers: fresh, body: Buffer.alloc(1_048_576, 'a') })
    for (let i = 0; i < 40; i++) await site.get(`/large/${i}`)
    site.clock.advance(11_000)
    expect((await site.decide('/a')).action).toBe('forward')
  })

  test('without a window the handler is asked, with the validators that are there', async () => {
    const site = await filled({})
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    site.handler = ({ headers }) => ({ status: headers['if-none-match'] === '"1"' ? 304 : 500 })
    expect(await site.get('/a')).toMatchObject({
      body: 'run 1',
      how: expect.stringMatching(/fwd-status=304.*stored/),
    })
    expect((await site.get('/a')).how).toMatch(/hit/)
  })

  test('a later removal removes', async () => {
    const site = await filled({ staleWhileRevalidate: 60 })
    await site.cache.invalidate({ url: '/a' }, { mode: 'stale' })
    await site.get('/a', {}, { method: 'HEAD' })
    await site.cache.invalidate({ url: '/a' })
    expect((await site.get('/a')).how).toMatch(/fwd=uri-miss/)
  })

  test('what must not be served stale is not', async () => {
    const site = createSite({ staleWhileRevalidate: 60 }, ({ number }) => ({
      headers: { 'cache-control': 'max-age=600, must-revalidate' },
      body: `run ${number}`,
    }))
    await site.get('/a')
    await site.cache.invalidate({ all: true }, { mode: 'stale' })
    expect((await site.get('/a')).body).toBe('run 2')
  })
})

test('caches of other namespaces on the same store are not touched', async () => {
  for (const backend of [memory(), mockBackend()]) {
    const create = (namespace: string) => createCache({ ttl: 60, backend, namespace })
    const [one, other] = [create('one'), create('other')]
    await respond(forwardOf(await one.lookup(requestOf('/a'))), { body: 'of one' })
    expect((await other.lookup(requestOf('/a'))).action).toBe('forward')
    await other.invalidate({ all: true })
    expect((await one.lookup(requestOf('/a'))).action).toBe('reuse')
  }
})

test('entries of another version are not seen', async () => {
  const backend = memory()
  const create = (version: string) => createCache({ ttl: 60, backend, version })
  await respond(forwardOf(await create('1').lookup(requestOf('/a'))), { body: 'old' })
  expect((await create('2').lookup(requestOf('/a'))).action).toBe('forward')
  expect((await create('1').lookup(requestOf('/a'))).action).toBe('reuse')
})
