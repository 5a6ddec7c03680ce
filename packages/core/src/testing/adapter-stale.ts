import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse, numbered } from './adapter-case.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler } from './case-app.ts'

const windows = { 'cache-control': 'max-age=60, stale-while-revalidate=30' }

/** Fails from the second run on while `failing` says so. */
const failingWith =
  (how: (run: number) => number | 'throws' | undefined, headers = {}): CaseHandler =>
  (origin, run) => {
    const status = how(run)
    if (status === 'throws') throw new Error('the handler has failed')
    if (status !== undefined) return { status, body: `failure of run ${run}` }
    return numbered({ 'cache-control': 'max-age=60', ...headers })(origin, run)
  }

const becomeStale = async (site: Site, seconds = 70): Promise<void> => {
  await site.get('/a')
  site.clock.advance(seconds * 1000)
}

const revalidate: readonly AdapterCase[] = [
  {
    name: 'within stale-while-revalidate the stale response is sent at once and refreshed behind it',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        if (run > 1) await gate.passed
        return numbered(windows)(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await becomeStale(site)
      const refreshed = site.next('refresh')
      const stale = { text: 'run 1', cache: 'hit ttl=-10 detail=swr', headers: { age: '70' } }
      for (const response of await site.getAll(Array.from({ length: 10 }, () => '/a')))
        expectResponse(response, stale)
      await site.started('/a', 2)
      expectResponse(await site.get('/a'), stale)
      gate.open()
      assert.equal((await refreshed).ok, true)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit ttl=60' })
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'beyond the window the handler is waited for',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered(windows) }] })
      await becomeStale(site, 91)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=stale stored' })
    },
  },
  {
    name: 'a refresh asks for what is in the key, by the stored validators and for nobody in particular',
    run: async (open) => {
      const seen: Record<string, unknown>[] = []
      const fields = {
        ...windows,
        'cache-control': `public, ${windows['cache-control']}`,
        etag: '"v1"',
        vary: 'accept-language',
      }
      const handler: CaseHandler = (origin, run) => {
        seen.push({ ...origin.headers, status: origin.cache?.status, method: origin.method, url: origin.url })
        return run === 1 ? numbered(fields)(origin, run) : { status: 304, headers: fields }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const asked = {
        'accept-language': 'fr',
        cookie: 'sid=ann',
        authorization: 'Bearer ann',
        'x-user': 'ann',
      }
      await site.get('/a?page=1', asked)
      site.clock.advance(70_000)
      const refreshed = site.next('refresh')
      expectResponse(await site.get('/a?page=1', asked), { text: 'run 1', cache: 'hit detail=swr' })
      assert.equal((await refreshed).ok, true)
      expectResponse(await site.get('/a?page=1', asked), { text: 'run 1', cache: 'hit ttl=60' })
      const { host, ...known } = seen[1] ?? {}
      assert.equal(host, seen[0]?.host)
      assert.deepEqual(known, {
        'accept-language': 'fr',
        'if-none-match': '"v1"',
        status: 'refresh',
        method: 'GET',
        url: site.target('/a?page=1'),
      })
    },
  },
  {
    name: 'a refresh that fails leaves the stale response as it was, and is tried again after a while',
    run: async (open) => {
      for (const way of [500, 'throws'] as const) {
        const handler = failingWith((run) => (run === 2 ? way : undefined), windows)
        const site = await open({ routes: [{ path: '/a', handler }], errors: ['REVALIDATION_FAILED'] })
        await becomeStale(site)
        const failed = site.next('refresh')
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
        assert.equal((await failed).ok, false)
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
        assert.equal(site.runs('/a'), 2)
        site.clock.advance(1000)
        const refreshed = site.next('refresh')
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
        assert.equal((await refreshed).ok, true)
        expectResponse(await site.get('/a'), { text: 'run 3', cache: 'hit' })
        assert.deepEqual(
          site.errors.map(({ code }) => code),
          ['REVALIDATION_FAILED'],
        )
      }
    },
  },
  ...['text', 'a stream'].map(
    (kind): AdapterCase => ({
      name: `a refresh that finds ${kind} for one user does not share it, nor keep the old one`,
      run: async (open) => {
        const handler: CaseHandler = (origin, run) => {
          if (run !== 2) return numbered(windows)(origin, run)
          const body = kind === 'text' ? 'of one user' : Readable.from(['of one ', 'user'])
          return { headers: { 'cache-control': 'private', 'content-type': 'text/plain' }, body }
        }
        const site = await open({ routes: [{ path: '/a', handler }] })
        await becomeStale(site)
        const rejected = site.next('reject')
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=swr' })
        assert.equal((await rejected).code, 'private')
        await site.settled(2)
        expectResponse(await site.get('/a'), { text: 'run 3' })
      },
    }),
  ),
]

const standIn: readonly AdapterCase[] = [
  {
    name: 'a stale response stands in for a handler that fails, and the handler is left in peace for a while',
    run: async (open) => {
      for (const way of [500, 502, 503, 504, 'throws'] as const) {
        const handler = failingWith((run) => (run === 2 ? way : undefined))
        const site = await open({ routes: [{ path: '/a', handler }] })
        await becomeStale(site)
        const status = way === 'throws' ? 500 : way
        expectResponse(
          await site.get('/a'),
          { text: 'run 1', cache: `fwd=stale fwd-status=${status} detail=sie`, headers: { age: '70' } },
          String(way),
        )
        expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=sie' }, String(way))
        assert.equal(site.runs('/a'), 2)
        site.clock.advance(1000)
        expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=stale stored' }, String(way))
      }
    },
  },
  {
    name: 'all who wait for a handler that fails get the stale response',
    run: async (open) => {
      const gate = createGate()
      const failing = failingWith((run) => (run > 1 ? 503 : undefined))
      const handler: CaseHandler = async (origin, run) => {
        if (run > 1) await gate.passed
        return failing(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await becomeStale(site)
      const all = site.getAll(Array.from({ length: 5 }, () => '/a'))
      await site.settled(6)
      gate.open()
      for (const response of await all) expectResponse(response, { text: 'run 1' })
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'no stale response stands in for a refusal, against a directive, or beyond the window',
    run: async (open) => {
      const refused = [
        { status: 404, fields: {}, age: 70, ask: {} },
        { status: 500, fields: { 'cache-control': 'max-age=60, must-revalidate' }, age: 70, ask: {} },
        { status: 500, fields: { 'cache-control': 's-maxage=60' }, age: 70, ask: {} },
        { status: 500, fields: { 'cache-control': 'max-age=60, stale-if-error=5' }, age: 66, ask: {} },
        { status: 500, fields: {}, age: 121, ask: {} },
        { status: 500, fields: {}, age: 70, ask: { 'cache-control': 'stale-if-error=0' } },
      ]
      for (const { status, fields, age, ask } of refused) {
        const handler = failingWith((run) => (run === 2 ? status : undefined), fields)
        const site = await open({ routes: [{ path: '/a', handler }] })
        await becomeStale(site, age)
        const about = JSON.stringify({ fields, age, ask })
        expectResponse(await site.get('/a', ask), { status, text: 'failure of run 2' }, about)
      }
    },
  },
]

/** Stale responses: served while they are refreshed, and where the handler fails (RFC 5861). */
export const staleCases: readonly AdapterCase[] = [...revalidate, ...standIn]
