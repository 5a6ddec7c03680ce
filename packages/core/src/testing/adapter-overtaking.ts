import assert from 'node:assert/strict'
import type { Selector } from '@stowage/core'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse, numbered } from './adapter-case.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler } from './case-app.ts'

const selectorOf = (kind: 'tags' | 'url' | 'all', site: Site): Selector =>
  (({ tags: { tags: ['shop'] }, url: { url: site.target('/shop/a') }, all: { all: true } }) as const)[kind]

/** What is under way while an invalidation is carried out. */
export const overtakingCases: readonly AdapterCase[] = [
  ...(['tags', 'url', 'all'] as const).map(
    (kind): AdapterCase => ({
      name: `invalidation (${kind}) overtakes a fill: nobody who comes after it gets what was made before`,
      run: async (open) => {
        const gate = createGate()
        const handler: CaseHandler = async (origin, run) => {
          origin.cache?.tag('shop')
          if (run === 1) await gate.passed
          return numbered()(origin, run)
        }
        const site = await open({ routes: [{ path: '/shop/a', handler }] })
        const first = site.get('/shop/a')
        await site.started('/shop/a', 1)
        await site.cache.invalidate(selectorOf(kind, site))
        const after = [site.get('/shop/a'), site.get('/shop/a')]
        await site.settled(3)
        gate.open()
        expectResponse(await first, { text: 'run 1' })
        for (const response of await Promise.all(after)) assert.match(response.text, /^run [23]$/)
        assert.match((await site.get('/shop/a')).text, /^run [234]$/)
      },
    }),
  ),
  {
    name: 'invalidation overtakes a refresh: what was made before it is not stored as fresh',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        if (run === 2) await gate.passed
        return numbered({ 'cache-control': 'max-age=60, stale-while-revalidate=30' })(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      site.clock.advance(70_000)
      const refreshed = site.next('refresh')
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
      await site.started('/a', 2)
      await site.cache.invalidate({ all: true })
      gate.open()
      await refreshed
      expectResponse(await site.get('/a'), { text: 'run 3' })
    },
  },
  {
    name: 'invalidation overtakes a validation: a 304 from before it does not revive the response',
    run: async (open) => {
      const gate = createGate()
      const fields = { 'cache-control': 'max-age=60', etag: '"v1"' }
      const handler: CaseHandler = async (origin, run) => {
        if (run === 1 || origin.headers['if-none-match'] === undefined) return numbered(fields)(origin, run)
        await gate.passed
        return { status: 304, headers: fields }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      site.clock.advance(61_000)
      const validating = site.get('/a')
      await site.started('/a', 2)
      await site.cache.invalidate({ all: true })
      gate.open()
      expectResponse(await validating, { text: 'run 1' })
      expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'an unsafe request that succeeds is seen by a fill that it overtakes',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        if (run === 1) await gate.passed
        return numbered()(origin, run)
      }
      const site = await open({
        routes: [
          { path: '/a', handler },
          { method: 'PUT', path: '/a', handler: () => ({ status: 204 }) },
        ],
      })
      const first = site.get('/a')
      await site.started('/a', 1)
      await site.request('PUT', '/a', { body: 'new' })
      gate.open()
      expectResponse(await first, { text: 'run 1' })
      expectResponse(await site.get('/a'), { text: 'run 2' })
    },
  },
]
