import assert from 'node:assert/strict'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { TestResponse } from './adapter-client.ts'

/** What belongs to one exchange or tells of the cache; all else of two answers must be the same. */
const ofTheExchange = new Set([
  'date',
  'age',
  'cache-status',
  'connection',
  'keep-alive',
  'transfer-encoding',
])

const lastingFields = ({ rawHeaders }: TestResponse): readonly string[] => {
  const lines: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    if (!ofTheExchange.has(name)) lines.push(`${name}: ${rawHeaders[at + 1]}`)
  }
  return lines.sort()
}

const everyByte = Buffer.from(Array.from({ length: 2048 }, (_, index) => index % 256))

const fresh: readonly AdapterCase[] = [
  {
    name: 'a fresh response is reused, and its age told',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      expectResponse(await site.get('/a'), {
        text: 'run 1',
        cache: 'fwd=uri-miss fwd-status=200 stored ttl=60',
      })
      site.clock.advance(10_500)
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit ttl=49', headers: { age: '10' } })
      assert.equal(site.runs('/a'), 1)
    },
  },
  {
    name: 'a reused response has the status, the field lines and the bytes of the first',
    run: async (open) => {
      const headers = {
        'cache-control': 'public, max-age=60',
        'content-type': 'application/x-bytes',
        etag: '"v1"',
        link: ['</a>; rel="next"', '</b>; rel="prev"'],
        'x-text': 'a, "quoted, list"; a=b',
      }
      const routes = [
        { path: '/bytes', handler: () => ({ headers, body: everyByte }) },
        { path: '/gone', handler: () => ({ status: 410, headers, body: 'gone' }) },
        { path: '/moved', handler: () => ({ status: 301, headers: { ...headers, location: '/bytes' } }) },
        { path: '/none', handler: () => ({ status: 204, headers: { 'cache-control': 'max-age=60' } }) },
        { path: '/empty', handler: () => ({ headers, body: '' }) },
      ]
      const site = await open({ routes })
      for (const { path } of routes) {
        const first = await site.get(path)
        const second = await site.get(path)
        expectResponse(second, { status: first.status, cache: 'hit' }, path)
        assert.deepEqual(lastingFields(second), lastingFields(first), path)
        assert.deepEqual(second.body, first.body, path)
      }
      assert.deepEqual((await site.get('/bytes')).body, everyByte)
      expectResponse(await site.get('/gone'), { status: 410, text: 'gone' })
      expectResponse(await site.get('/moved'), { status: 301, headers: { location: '/bytes' } })
    },
  },
  {
    name: 'what declares no freshness is not stored',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered({}) }] })
      for (const run of [1, 2])
        expectResponse(await site.get('/a'), {
          text: `run ${run}`,
          cache: 'fwd=uri-miss fwd-status=200 detail=no-freshness',
        })
    },
  },
  {
    name: 'a ttl of the cache covers what declares nothing itself, and is not told to browsers',
    run: async (open) => {
      const site = await open({
        cache: { ttl: '1m' },
        routes: [
          { path: '/a', handler: numbered({}) },
          { path: '/b', handler: numbered({ 'cache-control': 'no-store' }) },
        ],
      })
      const expected = { text: 'run 1', headers: { 'cache-control': 'no-cache' } }
      const first = await site.get('/a')
      expectResponse(first, { ...expected, cache: 'fwd=uri-miss stored ttl=60' })
      expectResponse(await site.get('/a'), { ...expected, cache: 'hit' })
      assert.match(first.headers.etag ?? '', /^(?:W\/)?"/)
      await site.get('/b')
      expectResponse(await site.get('/b'), { text: 'run 2', cache: 'fwd=uri-miss detail=no-store' })
    },
  },
  {
    name: 'another path, query or host is another response',
    run: async (open) => {
      const site = await open({
        routes: [
          { path: '/a', handler: numbered() },
          { path: '/A/b', handler: numbered() },
        ],
      })
      const targets = ['/a', '/a?', '/a?x=1', '/a?x=2', '/a?x=1&x=2', '/a?x=2&x=1', '/A/b']
      for (const target of targets) expectResponse(await site.get(target), { cache: 'fwd=uri-miss stored' })
      for (const target of targets) expectResponse(await site.get(target), { cache: 'hit' })
      expectResponse(await site.get('/a', { host: 'other.example' }), { cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/a', { host: 'other.example' }), { cache: 'hit' })
    },
  },
  {
    name: 'the reason is appended behind what a cache nearer to the origin has said',
    run: async (open) => {
      const handler = numbered({ 'cache-control': 'max-age=60', 'cache-status': 'upstream; hit' })
      const site = await open({ routes: [{ path: '/a', handler }] })
      assert.match(
        String((await site.get('/a')).headers['cache-status']),
        /^upstream; hit, stowage; fwd=uri-miss/,
      )
      const second = await site.get('/a')
      assert.equal(second.headers['cache-status'], 'upstream; hit, stowage; hit; ttl=60')
    },
  },
]

const directed: readonly AdapterCase[] = [
  {
    name: 'a request with no-store goes to the handler and stores nothing',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      const noStore = { 'cache-control': 'no-store' }
      expectResponse(await site.get('/a', noStore), {
        text: 'run 1',
        cache: 'fwd=bypass detail=request-no-store',
      })
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/a', noStore), {
        text: 'run 3',
        cache: 'fwd=bypass detail=request-no-store',
      })
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
    },
  },
  {
    name: 'a client may have a fresh response refreshed, once a second',
    run: async (open) => {
      const directives = ['no-cache', 'min-fresh=61']
      const site = await open({
        routes: directives.map((path) => ({ path: `/${path}`, handler: numbered() })),
      })
      for (const directive of directives) {
        const ask = () => site.get(`/${directive}`, { 'cache-control': directive })
        await site.get(`/${directive}`)
        expectResponse(await ask(), { text: 'run 2', cache: 'fwd=request stored' }, directive)
        expectResponse(await ask(), { text: 'run 2', cache: 'hit detail=refresh-limit' }, directive)
        site.clock.advance(1000)
        expectResponse(await ask(), { text: 'run 3', cache: 'fwd=request stored' }, directive)
      }
    },
  },
  {
    name: 'a client may ask for a response that is not older than it likes',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      await site.get('/a')
      site.clock.advance(10_000)
      expectResponse(await site.get('/a', { 'cache-control': 'max-age=10' }), { text: 'run 1', cache: 'hit' })
      expectResponse(await site.get('/a', { 'cache-control': 'max-age=9' }), {
        text: 'run 2',
        cache: 'fwd=request stored',
      })
    },
  },
  {
    name: 'only-if-cached is answered from the cache or by 504',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      const ask = { 'cache-control': 'only-if-cached' }
      expectResponse(await site.get('/a', ask), { status: 504, text: '', cache: 'detail=only-if-cached' })
      assert.equal(site.runs('/a'), 0)
      await site.get('/a')
      expectResponse(await site.get('/a', ask), { text: 'run 1', cache: 'hit' })
    },
  },
  {
    name: 'a client that accepts a stale response gets it within the window for errors',
    run: async (open) => {
      const site = await open({
        cache: { staleIfError: '30s' },
        routes: [{ path: '/a', handler: numbered() }],
      })
      await site.get('/a')
      site.clock.advance(80_000)
      const ask = { 'cache-control': 'max-stale' }
      expectResponse(await site.get('/a', ask), { text: 'run 1', cache: 'hit ttl=-20 detail=max-stale' })
      site.clock.advance(11_000)
      expectResponse(await site.get('/a', ask), { text: 'run 2', cache: 'fwd=stale stored' })
    },
  },
  {
    name: 'request directives are of no account where the cache ignores them',
    run: async (open) => {
      const site = await open({
        cache: { clientDirectives: 'ignore' },
        routes: [{ path: '/a', handler: numbered() }],
      })
      await site.get('/a')
      for (const directive of ['no-cache', 'no-store', 'max-age=0'])
        expectResponse(await site.get('/a', { 'cache-control': directive }), { text: 'run 1', cache: 'hit' })
    },
  },
]

/** Fresh responses, and what request directives ask of them. */
export const reuseCases: readonly AdapterCase[] = [...fresh, ...directed]
