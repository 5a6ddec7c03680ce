import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { HandlerCache } from '@stowage/core'
import type { OriginRequest } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { CaseHandler } from './case-app.ts'

/** Every request that passes the cache has it. */
const cacheOf = ({ cache }: OriginRequest): HandlerCache => {
  assert.ok(cache, 'the handler has no cache to talk to')
  return cache
}

/** Says something to the cache and answers like the others. */
const saying =
  (say: (cache: HandlerCache, run: number) => unknown, headers = {}): CaseHandler =>
  (origin, run) => {
    say(cacheOf(origin), run)
    return numbered(headers)(origin, run)
  }

/** What handlers can say to the cache. */
export const handlerCases: readonly AdapterCase[] = [
  {
    name: 'ttl() makes a response fresh for longer or shorter than its fields say, or not storable',
    run: async (open) => {
      const maxAge = { 'cache-control': 'max-age=60' }
      const site = await open({
        routes: [
          { path: '/said', handler: saying((cache) => cache.ttl('2m')) },
          { path: '/longer', handler: saying((cache) => cache.ttl(120), maxAge) },
          { path: '/shorter', handler: saying((cache) => cache.ttl('5s'), maxAge) },
          { path: '/never', handler: saying((cache) => cache.ttl(false), maxAge) },
          { path: '/restricted', handler: saying((cache) => cache.ttl(120), { 'cache-control': 'private' }) },
        ],
      })
      for (const [path, ttl] of [
        ['/said', 120],
        ['/longer', 120],
        ['/shorter', 5],
      ] as const) {
        expectResponse(await site.get(path), { cache: `fwd=uri-miss stored ttl=${ttl}` }, path)
        expectResponse(await site.get(path), { text: 'run 1', cache: `hit ttl=${ttl}` }, path)
      }
      expectResponse(await site.get('/never'), { cache: 'fwd=uri-miss detail=skip' })
      expectResponse(await site.get('/restricted'), { cache: 'fwd=uri-miss detail=private' })
    },
  },
  {
    name: 'skip() keeps a response from being stored',
    run: async (open) => {
      const handler = saying((cache) => cache.skip('not today'), { 'cache-control': 'max-age=60' })
      const site = await open({ routes: [{ path: '/a', handler }] })
      for (const run of [1, 2])
        expectResponse(await site.get('/a'), { text: `run ${run}`, cache: 'fwd=uri-miss detail=skip' })
    },
  },
  {
    name: 'skip() counts until the end of a stream, and so does tag()',
    run: async (open) => {
      const bodies = [new PassThrough(), new PassThrough()]
      const caches: (HandlerCache | undefined)[] = []
      const handler: CaseHandler = ({ cache }, run) => {
        caches.push(cache)
        return { headers: { 'cache-control': 'max-age=60' }, body: bodies[run - 1] ?? `run ${run}` }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const saidAmid = async (
        run: number,
        say: (cache: HandlerCache | undefined) => unknown,
      ): Promise<void> => {
        bodies[run - 1]?.write('run ')
        const started = await site.open('/a')
        await started.read()
        say(caches[run - 1])
        bodies[run - 1]?.end(String(run))
        await started.finish()
      }
      await saidAmid(1, (cache) => cache?.skip())
      await saidAmid(2, (cache) => cache?.tag('late'))
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
      await site.cache.invalidate({ tags: ['late'] })
      expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'vary() tells responses apart as the field of the name does, which says so as well',
    run: async (open) => {
      const handler: CaseHandler = (origin) => {
        cacheOf(origin).vary('X-Kind')
        return { headers: { 'cache-control': 'max-age=60' }, body: String(origin.headers['x-kind']) }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      for (const kind of ['one', 'two', 'one', 'two']) {
        const response = await site.get('/a', { 'x-kind': kind })
        expectResponse(response, { text: kind })
        assert.match(String(response.headers.vary), /x-kind/i)
      }
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'status and stale tell why the handler runs',
    run: async (open) => {
      const told: unknown[] = []
      const modified = 'Thu, 27 Dec 2029 00:00:00 GMT'
      const fields = { 'cache-control': 'max-age=60', etag: '"v1"', 'last-modified': modified }
      const handler = saying((cache) => told.push([cache.status, cache.stale]), fields)
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      site.clock.advance(61_000)
      await site.get('/a')
      await site.get('/a', { 'cache-control': 'no-store' })
      assert.deepEqual(told, [
        ['miss', undefined],
        ['revalidate', { etag: '"v1"', lastModified: new Date(modified) }],
        ['bypass', undefined],
      ])
    },
  },
  {
    name: 'notModified() reuses the stored response without making another',
    run: async (open) => {
      const fields = { 'cache-control': 'max-age=60', etag: '"v1"' }
      const handler: CaseHandler = (origin, run) => {
        const cache = cacheOf(origin)
        if (cache.stale?.etag !== '"v1"') return numbered(fields)(origin, run)
        cache.notModified()
        return undefined
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const first = await site.get('/a')
      site.clock.advance(61_000)
      expectResponse(await site.get('/a'), {
        text: 'run 1',
        headers: { 'content-type': first.headers['content-type'], age: '0' },
        cache: 'fwd=stale fwd-status=304 stored',
      })
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' })
      assert.equal(site.runs('/a'), 2)
      site.clock.advance(61_000)
      expectResponse(await site.get('/a', { 'if-none-match': '"v1"' }), {
        status: 304,
        text: '',
        cache: 'fwd=stale stored',
      })
    },
  },
  {
    name: 'notModified() without a stored response, and a ttl that is none, are errors of the handler',
    run: async (open) => {
      const site = await open({
        routes: [
          { path: '/nothing', handler: saying((cache) => cache.notModified()) },
          { path: '/ttl', handler: saying((cache) => cache.ttl(Number.NaN)) },
        ],
      })
      for (const path of ['/nothing', '/ttl']) expectResponse(await site.get(path), { status: 500 }, path)
    },
  },
  {
    name: 'what outer layers set belongs to the exchange: it is not stored, and not lost on what is reused',
    run: async (open) => {
      let visitor = 0
      const outer = () => {
        visitor += 1
        return {
          'x-visitor': `visitor ${visitor}`,
          'x-request-id': String(visitor),
          'set-cookie': [`visitor=${visitor}`],
          vary: 'Origin',
        }
      }
      const handler = numbered({ 'cache-control': 'max-age=60', 'x-handler': 'inner' })
      const site = await open({ outer, routes: [{ path: '/a', handler }] })
      for (const cache of ['fwd=uri-miss stored', 'hit', 'hit']) {
        const response = await site.get('/a', { origin: 'https://a.example' })
        const headers = {
          'x-visitor': `visitor ${visitor}`,
          'x-request-id': String(visitor),
          'set-cookie': [`visitor=${visitor}`],
          'x-handler': 'inner',
        }
        expectResponse(response, { text: 'run 1', cache, headers })
        assert.match(String(response.headers.vary), /origin/i)
        assert.equal(response.rawHeaders.filter((name) => name.toLowerCase() === 'x-visitor').length, 1)
      }
      const conditional = await site.request('HEAD', '/a', { headers: { origin: 'https://a.example' } })
      expectResponse(conditional, { cache: 'hit', headers: { 'x-visitor': 'visitor 4' } })
      // By what the outer layers vary, by that the whole response varies.
      expectResponse(await site.get('/a', { origin: 'https://b.example' }), { text: 'run 2' })
    },
  },
]
