import assert from 'node:assert/strict'
import type { RoutePolicy } from '@stowage/core'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse, numbered } from './adapter-case.ts'
import type { CaseHandler, CaseRoute } from './case-app.ts'

const route = (path: string, policy: RoutePolicy, handler: CaseHandler = numbered({})): CaseRoute => ({
  path,
  policy,
  handler,
})

/** Answers whoever has a cookie by it. */
const byCookie: CaseHandler = ({ headers }, run) => ({
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: `${headers.cookie ?? 'nobody'} of run ${run}`,
})

const asCase = (name: string, run: AdapterCase['run']): AdapterCase => ({ name, needs: 'routes', run })

const simple: readonly AdapterCase[] = [
  asCase('a route has a lifetime of its own, and without one 300 s', async (open) => {
    const site = await open({
      cache: {},
      routes: [route('/a', '2m'), route('/b', { ttl: 5 }), route('/c', {})],
    })
    for (const [path, ttl] of [
      ['/a', 120],
      ['/b', 5],
      ['/c', 300],
    ] as const) {
      await site.get(path)
      expectResponse(await site.get(path), { text: 'run 1', cache: `hit ttl=${ttl}` }, path)
    }
  }),
  asCase('a route that is switched off stores nothing, whatever its responses say', async (open) => {
    const routes = [route('/a', false, numbered()), route('/b', { ttl: false }, numbered())]
    const site = await open({ cache: { ttl: '1m' }, routes })
    for (const { path } of routes)
      for (const run of [1, 2]) {
        expectResponse(await site.get(path), { text: `run ${run}`, cache: 'fwd=bypass detail=policy' }, path)
      }
  }),
  asCase('a private route is not stored, and says so', async (open) => {
    const routes = [route('/a', { scope: 'private' }), route('/b', { scope: 'private' }, numbered())]
    const site = await open({ routes })
    for (const run of [1, 2])
      for (const { path } of routes) {
        const response = await site.get(path)
        expectResponse(response, { text: `run ${run}`, cache: 'fwd=bypass detail=scope' }, path)
        assert.match(String(response.headers['cache-control']), /^private/)
      }
  }),
  asCase('a lifetime, tags and a condition may be functions', async (open) => {
    const policy: RoutePolicy = {
      ttl: (request, response) => (response.status === 200 ? Number(request.query('ttl')) : false),
      tags: (request) => [`page:${request.query('page')}`],
      when: (request) => request.header('x-preview') === undefined,
    }
    const site = await open({ routes: [route('/a', policy)] })
    await site.get('/a?ttl=5&page=1')
    expectResponse(await site.get('/a?ttl=5&page=1'), { cache: 'hit ttl=5' })
    expectResponse(await site.get('/a?ttl=5&page=1', { 'x-preview': '1' }), {
      text: 'run 2',
      cache: 'fwd=bypass detail=when',
    })
    await site.cache.invalidate({ tags: ['page:1'] })
    expectResponse(await site.get('/a?ttl=5&page=1'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
  }),
  asCase('a policy function that throws leaves the request to the handler', async (open) => {
    const thrower = (): never => {
      throw new Error('the function has failed')
    }
    const policies: RoutePolicy[] = [
      { ttl: thrower },
      { tags: thrower },
      { scope: thrower },
      { when: thrower },
    ]
    const routes = policies.map((policy, index) => route(`/${index}`, policy))
    const site = await open({ routes, errors: ['POLICY_FUNCTION'] })
    for (const { path } of routes)
      for (const run of [1, 2]) expectResponse(await site.get(path), { text: `run ${run}` }, path)
    assert.ok(site.errors.length >= 2 * policies.length)
  }),
  asCase('a route is invalidated by its name', async (open) => {
    const site = await open({ routes: [route('/a', '1m'), route('/b', '1m')] })
    const stored = site.next('store')
    await site.get('/a')
    await site.get('/b')
    const { route: name } = await stored
    assert.ok(name, 'the adapter tells no route')
    await site.cache.invalidate({ route: name })
    expectResponse(await site.get('/a'), { text: 'run 2' })
    expectResponse(await site.get('/b'), { text: 'run 1', cache: 'hit' })
  }),
]

const users = ['sid=ann', 'sid=bob'] as const

const keyed: readonly AdapterCase[] = [
  asCase('a scope keeps one response for each user, and none for nobody', async (open) => {
    const policy: RoutePolicy = { ttl: '1m', scope: (request) => request.cookie('sid') }
    const site = await open({ routes: [route('/a', policy, byCookie)] })
    for (const [index, cookie] of users.entries()) {
      const response = await site.get('/a', { cookie })
      expectResponse(response, { text: `${cookie} of run ${index + 1}`, cache: 'fwd=uri-miss stored' })
      assert.match(String(response.headers['cache-control']), /private/)
    }
    for (const [index, cookie] of users.entries())
      expectResponse(await site.get('/a', { cookie }), {
        text: `${cookie} of run ${index + 1}`,
        cache: 'hit',
      })
    for (const run of [3, 4])
      expectResponse(await site.get('/a'), { text: `nobody of run ${run}`, cache: 'fwd=bypass detail=scope' })
  }),
  asCase('parts of a key that are functions tell responses apart', async (open) => {
    const policy: RoutePolicy = {
      ttl: '1m',
      scope: 'public',
      key: { by: { theme: (request) => request.cookie('theme') } },
    }
    const site = await open({ routes: [route('/a', policy, byCookie)] })
    const themes = ['theme=dark', 'theme=light', 'other=1']
    for (const [index, cookie] of [...themes, ...themes].entries())
      expectResponse(await site.get('/a', { cookie }), {
        text: `${cookie} of run ${(index % 3) + 1}`,
        cache: index < 3 ? 'fwd=uri-miss stored' : 'hit',
      })
  }),
  asCase('a route with other key rules than the cache finds its responses by its own', async (open) => {
    const site = await open({
      cache: { key: { query: 'none' } },
      routes: [
        route('/a', { ttl: '1m', key: { query: ['page'] } }, ({ url }, run) => ({
          body: `${url} of run ${run}`,
        })),
      ],
    })
    const pages = ['/a?page=1', '/a?page=2']
    for (const [index, page] of [...pages, ...pages].entries())
      expectResponse(await site.get(`${page}&x=${index}`), {
        text: `${site.target(pages[index % 2] ?? '')}&x=${index % 2} of run ${(index % 2) + 1}`,
        cache: index < 2 ? 'fwd=uri-miss stored' : 'hit',
      })
  }),
  asCase(
    'users who ask at once, before anybody knows that the route tells them apart, get their own',
    async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        await gate.passed
        return byCookie(origin, run)
      }
      const site = await open({
        cache: { scope: 'public' },
        routes: [route('/a', { ttl: '1m', scope: (request) => request.cookie('sid') }, handler)],
      })
      const cookies = Array.from({ length: 12 }, (_, index) => `sid=${index % 4}`)
      const all = cookies.map((cookie) => site.get('/a', { cookie }))
      await site.started('/a', 4)
      await site.settled(12)
      gate.open()
      for (const [index, cookie] of cookies.entries()) {
        const response = await all[index]
        assert.equal(response?.text.split(' ')[0], cookie)
      }
      assert.equal(site.runs('/a'), 4)
      for (const cookie of cookies) {
        const response = await site.get('/a', { cookie })
        expectResponse(response, { cache: 'hit' })
        assert.equal(response.text.split(' ')[0], cookie)
      }
    },
  ),
  asCase('a route may refuse to store some of what the handler sets', async (open) => {
    const handler = numbered({ 'x-kept': '1', 'x-dropped': '1' })
    const site = await open({
      routes: [
        route('/excluded', { ttl: '1m', excludeHeaders: ['X-Dropped'] }, handler),
        route('/included', { ttl: '1m', includeHeaders: ['X-Kept'] }, handler),
      ],
    })
    for (const path of ['/excluded', '/included']) {
      expectResponse(await site.get(path), { headers: { 'x-kept': '1', 'x-dropped': '1' } })
      expectResponse(await site.get(path), {
        headers: { 'x-kept': '1', 'x-dropped': undefined },
        cache: 'hit',
      })
    }
  }),
]

/** Routes with policies of their own. */
export const policyCases: readonly AdapterCase[] = [...simple, ...keyed]
