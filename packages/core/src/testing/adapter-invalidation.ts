import assert from 'node:assert/strict'
import type { InvalidateOptions, Selector } from '@stowage/core'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler, CaseRoute } from './case-app.ts'

const fresh: CaseRoute = { path: '/a', handler: numbered() }

/** Answers with the status that the request asks for. */
const asAsked: CaseHandler = ({ headers }) => ({
  status: Number(headers['x-status'] ?? 200),
  ...(headers['x-location'] === undefined ? {} : { headers: { location: String(headers['x-location']) } }),
})

const write = (site: Site, method: string, path: string, headers = {}): Promise<unknown> =>
  site.request(method, path, { headers: { ...headers, 'content-type': 'text/plain' }, body: 'new' })

const unsafe: readonly AdapterCase[] = [
  {
    name: 'an unsafe request that succeeds invalidates its target, before its answer leaves',
    run: async (open) => {
      const methods = ['POST', 'PUT', 'PATCH', 'DELETE']
      const written = methods.map((method) => ({ method, path: '/a', handler: asAsked }))
      const site = await open({ routes: [fresh, ...written] })
      let run = 0
      for (const method of methods)
        for (const status of [200, 204, 303]) {
          run += 1
          const about = `${method} ${status}`
          expectResponse(await site.get('/a'), { text: `run ${run}`, cache: 'fwd=uri-miss stored' }, about)
          // Not `request()`, which would wait until the backend has the invalidation.
          const answer = await site.open('/a', { method, headers: { 'x-status': String(status) } })
          const response = await answer.finish()
          expectResponse(response, { status, cache: `fwd=method fwd-status=${status}` }, about)
        }
    },
  },
  {
    name: 'an unsafe request that fails invalidates nothing',
    run: async (open) => {
      const site = await open({ routes: [fresh, { method: 'POST', path: '/a', handler: asAsked }] })
      await site.get('/a')
      for (const status of ['400', '404', '500']) {
        await write(site, 'POST', '/a', { 'x-status': status })
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' }, status)
      }
    },
  },
  {
    name: 'an unsafe request invalidates what its Location names on the same host, and nothing else',
    run: async (open) => {
      const routes = ['/made', '/other', '/elsewhere'].map((path) => ({ path, handler: numbered() }))
      const site = await open({ routes: [...routes, { method: 'POST', path: '/a', handler: asAsked }] })
      for (const { path } of routes) await site.get(path)
      await write(site, 'POST', '/a', { 'x-status': '201', 'x-location': site.target('/made') })
      await write(site, 'POST', '/a', { 'x-location': `http://other.example${site.target('/elsewhere')}` })
      expectResponse(await site.get('/made'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/other'), { text: 'run 1', cache: 'hit' })
      expectResponse(await site.get('/elsewhere'), { text: 'run 1', cache: 'hit' })
    },
  },
]

/** Every way to name what the two paths below `/shop` hold. */
const selectors = (site: Site): readonly Selector[] => [
  { tags: ['shop'] },
  { url: site.target('/shop/a') },
  { url: site.url('/shop/a') },
  { urlPrefix: site.target('/shop') },
  { all: true },
]

const shop: readonly CaseRoute[] = [
  {
    path: '/shop/a',
    handler: (origin, run) => {
      origin.cache?.tag('shop')
      return numbered()(origin, run)
    },
  },
  { path: '/shopping', handler: numbered() },
]

const invalidated: readonly AdapterCase[] = [
  {
    name: 'invalidation by tag, URL, prefix and as a whole reaches what it names, and no more',
    run: async (open) => {
      const site = await open({ routes: shop })
      let run = 0
      for (const selector of selectors(site)) {
        run += 1
        const about = JSON.stringify(selector)
        await site.get('/shopping')
        expectResponse(await site.get('/shop/a'), { text: `run ${run}`, cache: 'fwd=uri-miss stored' }, about)
        await site.cache.invalidate(selector)
        if ('all' in selector) break
        expectResponse(await site.get('/shopping'), { text: 'run 1', cache: 'hit' }, about)
      }
      expectResponse(await site.get('/shopping'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'invalidation reaches every variant',
    run: async (open) => {
      const handler = numbered({ 'cache-control': 'max-age=60', vary: 'accept-language' })
      const site = await open({ routes: [{ path: '/a', handler }] })
      const languages = ['fr', 'de', 'en']
      for (const language of languages) await site.get('/a', { 'accept-language': language })
      await site.cache.invalidate({ url: site.target('/a') })
      for (const [index, language] of languages.entries())
        expectResponse(await site.get('/a', { 'accept-language': language }), { text: `run ${index + 4}` })
    },
  },
  {
    name: 'a soft invalidation leaves the response to its stale windows',
    run: async (open) => {
      const handler: CaseHandler = (origin, run) => {
        if (run === 3) throw new Error('the handler has failed')
        return numbered({ 'cache-control': 'max-age=60, stale-while-revalidate=30' })(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      const soft: InvalidateOptions = { mode: 'stale' }
      await site.cache.invalidate({ all: true }, soft)
      const refreshed = site.next('refresh')
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
      assert.equal((await refreshed).ok, true)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit ttl=60' })
      await site.cache.invalidate({ all: true }, soft)
      // No window is open for a client that wants nothing stale: the handler is asked, and fails.
      expectResponse(await site.get('/a', { 'cache-control': 'max-age=60' }), { text: 'run 2' })
      assert.equal(site.runs('/a'), 3)
    },
  },
]

const declared: readonly AdapterCase[] = [
  {
    name: 'a route that invalidates does so when it succeeds, and not when it fails',
    needs: 'routes',
    run: async (open) => {
      const route: CaseRoute = {
        method: 'POST',
        path: '/buy',
        invalidates: { tags: ['shop'] },
        handler: asAsked,
      }
      const site = await open({ routes: [...shop, route] })
      await site.get('/shop/a')
      await write(site, 'POST', '/buy', { 'x-status': '422' })
      expectResponse(await site.get('/shop/a'), { text: 'run 1', cache: 'hit' })
      await write(site, 'POST', '/buy', { 'x-status': '201' })
      expectResponse(await site.get('/shop/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
    },
  },
]

/** Unsafe methods and invalidation. */
export const invalidationCases: readonly AdapterCase[] = [...unsafe, ...invalidated, ...declared]
