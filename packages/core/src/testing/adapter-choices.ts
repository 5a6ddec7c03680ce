import assert from 'node:assert/strict'
import type { CacheOptions, RoutePolicy } from '@stowage/core'
import { type AdapterCase, expectResponse, numbered } from './adapter-case.ts'
import type { CaseRoute } from './case-app.ts'

const plain = (...paths: readonly string[]): readonly CaseRoute[] =>
  paths.map((path) => ({ path, handler: numbered({}) }))

const withPolicy = (path: string, policy: RoutePolicy, handler = numbered({})): CaseRoute => ({
  path,
  policy,
  handler,
})

/** Without the options of the cache there is nothing to choose: an adapter at each route has policies there alone. */
const atRoutes = (name: string, run: AdapterCase['run']): AdapterCase => ({ name, needs: 'routes', run })

const byPath: readonly AdapterCase[] = [
  {
    name: 'a rule by path opts its paths in, the most specific one counts, and false leaves them alone',
    run: async (open) => {
      const rules: CacheOptions['rules'] = {
        '/**': { staleIfError: 0 },
        '/**/docs/**': '1h',
        '/**/docs/live': false,
      }
      const site = await open({
        cache: { ttl: '1m', rules },
        routes: plain('/docs/a', '/docs/live', '/other'),
      })
      for (const [path, ttl] of [
        ['/docs/a', 3600],
        ['/other', 60],
      ] as const) {
        await site.get(path)
        expectResponse(await site.get(path), { text: 'run 1', cache: `hit ttl=${ttl}` }, path)
      }
      for (const run of [1, 2])
        expectResponse(await site.get('/docs/live'), {
          text: `run ${run}`,
          cache: 'fwd=bypass detail=policy',
        })
    },
  },
  {
    name: 'paths that are excluded are never cached, and of those included no others are',
    run: async (open) => {
      const handler = numbered()
      const routes = ['/a', '/b', '/c'].map((path) => ({ path, handler }))
      const cache = { includePaths: ['/**/a', '/**/b'], excludePaths: ['/**/b'] }
      const site = await open({ cache, routes })
      await site.get('/a')
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' })
      for (const path of ['/b', '/c'])
        for (const run of [1, 2])
          expectResponse(
            await site.get(path),
            { text: `run ${run}`, cache: 'fwd=bypass detail=policy' },
            path,
          )
    },
  },
]

const byName: readonly AdapterCase[] = [
  atRoutes('a route goes by a named policy; what it states itself is stronger, tags unite', async (open) => {
    const policies = { catalogue: { ttl: '5m', tags: ['catalogue'] } } as const
    const site = await open({
      cache: { policies, tags: ['site'] },
      routes: [withPolicy('/a', 'catalogue'), withPolicy('/b', '2m')],
    })
    for (const [path, ttl] of [
      ['/a', 300],
      ['/b', 120],
    ] as const) {
      await site.get(path)
      expectResponse(await site.get(path), { text: 'run 1', cache: `hit ttl=${ttl}` }, path)
    }
    await site.cache.invalidate({ tags: ['catalogue'] })
    expectResponse(await site.get('/a'), { text: 'run 2' })
    expectResponse(await site.get('/b'), { text: 'run 1', cache: 'hit' })
  }),
  atRoutes(
    'a rule by path lies under the policy of the route: false stops unless that gives a ttl',
    async (open) => {
      const site = await open({
        cache: { rules: { '/**': false } },
        routes: [withPolicy('/a', '2m'), withPolicy('/b', { tags: ['b'] })],
      })
      await site.get('/a')
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit ttl=120' })
      for (const run of [1, 2])
        expectResponse(await site.get('/b'), { text: `run ${run}`, cache: 'fwd=bypass detail=policy' })
    },
  ),
  atRoutes('routes with policies are listed with them', async (open) => {
    const site = await open({ routes: [withPolicy('/a', '2m'), withPolicy('/b', false)] })
    await site.get('/a')
    await site.get('/b')
    const listed = site.cache.routes()
    const found = listed.find(({ route, method }) => route.endsWith('/a') && method === 'GET')
    assert.ok(found?.policy, JSON.stringify(listed))
    assert.equal(found.policy.ttl, 120)
    assert.equal(listed.find(({ route }) => route.endsWith('/b'))?.policy, false)
  }),
  atRoutes(
    'a policy that takes precedence overrides what the response forbids, and stores no cookie',
    async (open) => {
      const policy = { ttl: '1m', scope: 'public', precedence: 'policy' } as const
      const said = { 'cache-control': 'private, no-store, max-age=1', 'set-cookie': 'sid=1' }
      const site = await open({
        routes: [
          withPolicy('/a', policy, numbered(said)),
          withPolicy('/b', { ttl: '1m', scope: 'public' }, numbered(said)),
        ],
      })
      const first = await site.get('/a')
      expectResponse(first, { text: 'run 1', cache: 'fwd=uri-miss stored' })
      assert.deepEqual(first.headers['set-cookie'], ['sid=1'])
      expectResponse(await site.get('/a', { cookie: 'sid=2' }), {
        text: 'run 1',
        cache: 'hit ttl=60',
        headers: { 'set-cookie': undefined, 'cache-control': said['cache-control'] },
      })
      for (const run of [1, 2])
        expectResponse(await site.get('/b'), { text: `run ${run}`, cache: 'fwd=uri-miss detail=no-store' })
    },
  ),
]

const downstream: readonly AdapterCase[] = [
  atRoutes('browsers and CDNs are told lifetimes of their own, on hits and 304 as well', async (open) => {
    const policy = { ttl: '1h', downstream: { browser: 0, cdn: '1m' } } as const
    const site = await open({ routes: [withPolicy('/a', policy)] })
    const first = await site.get('/a')
    expectResponse(first, { headers: { 'cache-control': 'no-cache', 'cdn-cache-control': 'max-age=60' } })
    site.clock.advance(100_000)
    const hit = await site.get('/a')
    expectResponse(hit, {
      cache: 'hit ttl=3500',
      headers: { age: '100', 'cache-control': 'no-cache', 'cdn-cache-control': 'max-age=160' },
    })
    expectResponse(await site.get('/a', { 'if-none-match': String(hit.headers.etag) }), {
      status: 304,
      headers: { 'cache-control': 'no-cache', 'cdn-cache-control': 'max-age=160' },
    })
  }),
  atRoutes(
    'a response for one user is not opened to CDNs, and what the handler restricts stays so',
    async (open) => {
      const told = { ttl: '1m', downstream: { browser: '10s', cdn: '1m' } } as const
      const site = await open({
        routes: [
          withPolicy('/scoped', { ...told, scope: (request) => request.cookie('sid') }),
          withPolicy('/private', told, numbered({ 'cache-control': 'private, max-age=60' })),
          withPolicy('/text', { ttl: '1m', downstream: 'public, max-age=10' }),
        ],
      })
      const expected = [
        ['/scoped', 'private, max-age=10'],
        ['/private', 'private, max-age=60'],
      ] as const
      for (const [path, cacheControl] of expected)
        expectResponse(
          await site.get(path, { cookie: 'sid=1' }),
          { headers: { 'cache-control': cacheControl, 'cdn-cache-control': undefined } },
          path,
        )
      expectResponse(await site.get('/text'), { headers: { 'cache-control': 'public, max-age=10' } })
    },
  ),
]

/** Policies by name and by path, and what they have sent on. */
export const choiceCases: readonly AdapterCase[] = [...byPath, ...byName, ...downstream]
