import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { CachePolicy } from '@stowage/core'
import { type AdapterCase, createGate, expectResponse, type Gate, type OpenSite } from './adapter-case.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler } from './case-app.ts'

const asCase = (name: string, run: AdapterCase['run']): AdapterCase => ({ name, needs: 'routes', run })

const soft: CachePolicy = { ttl: '1m', staleIfError: '10m', softTimeout: '30ms' }
const hard: CachePolicy = { ttl: '1m', staleIfError: '10m', hardTimeout: '30ms' }

/** The first run answers at once, the later ones when the gate opens; one that is told to stop says so. */
const slow =
  (gate: Gate, stopped?: Gate): CaseHandler =>
  async ({ cache }, run) => {
    cache?.signal.addEventListener('abort', () => stopped?.open())
    if (run > 1) await gate.passed
    return { headers: { 'content-type': 'text/plain', 'x-run': String(run) }, body: `run ${run}` }
  }

/** A site whose `/a` holds a stale response of run 1, and whose handler now waits for the gate. */
const withStale = async (open: OpenSite, policy: CachePolicy, handler: CaseHandler): Promise<Site> => {
  const site = await open({ routes: [{ path: '/a', policy, handler }], errors: ['REVALIDATION_FAILED'] })
  expectResponse(await site.get('/a'), { text: 'run 1', cache: 'fwd=uri-miss stored' })
  site.clock.advance(61_000)
  return site
}

/** What comes of the handler that goes on: its response is in the store. */
const landed = async (site: Site, gate: Gate): Promise<void> => {
  const stored = site.next('store')
  gate.open()
  await stored
  await site.quiet()
}

const softCases: readonly AdapterCase[] = [
  asCase('a handler over its softTimeout: the stale response is sent, its own is stored', async (open) => {
    const gate = createGate()
    const site = await withStale(open, soft, slow(gate))
    const response = await site.get('/a')
    expectResponse(response, {
      text: 'run 1',
      cache: 'fwd=stale detail=soft-timeout',
      headers: { 'x-run': '1', age: '61' },
    })
    assert.equal(site.runs('/a'), 2)
    await landed(site, gate)
    expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit', headers: { 'x-run': '2' } })
  }),
  asCase('who comes while it goes on gets the stale response at once, and starts no other', async (open) => {
    const gate = createGate()
    const site = await withStale(open, soft, slow(gate))
    await site.get('/a')
    for (const response of await site.getAll(Array.from({ length: 5 }, () => '/a')))
      expectResponse(response, { text: 'run 1', cache: 'hit detail=soft-timeout' })
    assert.equal(site.runs('/a'), 2)
    await landed(site, gate)
    expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
  }),
  asCase('who waits for it gets the stale response when its softTimeout is over', async (open) => {
    const gate = createGate()
    const site = await withStale(open, { ...soft, softTimeout: '200ms' }, slow(gate))
    const first = site.get('/a')
    await site.started('/a', 2)
    const others = await site.getAll(Array.from({ length: 5 }, () => '/a'))
    for (const response of others)
      expectResponse(response, { text: 'run 1', cache: 'hit detail=soft-timeout' })
    expectResponse(await first, { text: 'run 1', cache: 'fwd=stale detail=soft-timeout' })
    assert.equal(site.runs('/a'), 2)
    await landed(site, gate)
  }),
  asCase('without a stale response, everybody waits for the handler', async (open) => {
    const gate = createGate()
    const handler: CaseHandler = async (_, run) => {
      await gate.passed
      return { body: `run ${run}` }
    }
    const site = await open({ routes: [{ path: '/a', policy: soft, handler }] })
    const all = Promise.all([site.get('/a'), site.get('/a'), site.get('/a')])
    await site.settled(3)
    await new Promise((resume) => setTimeout(resume, 90))
    gate.open()
    for (const response of await all) expectResponse(response, { text: 'run 1' })
    assert.equal(site.runs('/a'), 1)
  }),
  asCase(
    'a response that forbids stale answers is waited for, and so it is after its window',
    async (open) => {
      const cases = [
        { ...soft, headers: { 'cache-control': 'max-age=60, must-revalidate' } },
        { ...soft, staleIfError: 0, headers: {} },
      ]
      for (const { headers, ...policy } of cases) {
        const gate = createGate()
        const handler: CaseHandler = async (_, run) => {
          if (run > 1) await gate.passed
          return { headers, body: `run ${run}` }
        }
        const site = await withStale(open, policy, handler)
        const asked = site.get('/a')
        await site.started('/a', 2)
        await new Promise((resume) => setTimeout(resume, 90))
        gate.open()
        expectResponse(await asked, { text: 'run 2' })
      }
    },
  ),
  asCase('what was invalidated while the handler ran does not stand in for it', async (open) => {
    const gate = createGate()
    const site = await withStale(open, { ...soft, softTimeout: '150ms', tags: ['a'] }, slow(gate))
    const asked = site.get('/a')
    await site.started('/a', 2)
    await site.cache.invalidate({ tags: ['a'] })
    await new Promise((resume) => setTimeout(resume, 250))
    gate.open()
    expectResponse(await asked, { text: 'run 2' })
  }),
  asCase(
    'a stream that goes on is stored whole; the connection serves other requests meanwhile',
    async (open) => {
      const gate = createGate()
      const body = async function* (run: number): AsyncGenerator<string> {
        yield `run ${run}, `
        yield 'the rest'
      }
      const handler: CaseHandler = async (_, run) => {
        if (run > 1) await gate.passed
        return { headers: { 'content-type': 'text/plain' }, body: Readable.from(body(run)) }
      }
      const site = await open({ routes: [{ path: '/a', policy: soft, handler }] })
      await site.get('/a')
      site.clock.advance(61_000)
      expectResponse(await site.get('/a'), {
        text: 'run 1, the rest',
        cache: 'fwd=stale detail=soft-timeout',
      })
      await landed(site, gate)
      expectResponse(await site.get('/a'), { text: 'run 2, the rest', cache: 'hit' })
    },
  ),
  asCase('a handler that goes on and fails leaves the stale response as it was', async (open) => {
    const gate = createGate()
    const handler: CaseHandler = async (_, run) => {
      if (run > 1) await gate.passed
      if (run > 1) throw Object.assign(new Error('too late'), { status: 500, statusCode: 500 })
      return { body: `run ${run}` }
    }
    const site = await withStale(open, soft, handler)
    await site.get('/a')
    const refreshed = site.next('refresh')
    gate.open()
    assert.equal((await refreshed).ok, false)
    await site.quiet()
    expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=sie' })
  }),
]

const hardCases: readonly AdapterCase[] = [
  asCase('a handler over its hardTimeout is told to stop, and a stale response is sent', async (open) => {
    const [gate, stopped] = [createGate(), createGate()]
    const site = await withStale(open, hard, slow(gate, stopped))
    expectResponse(await site.get('/a'), { text: 'run 1', cache: 'fwd=stale detail=hard-timeout' })
    await stopped.passed
    gate.open()
    expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=sie' })
  }),
  asCase('without a stale response it is 504, and what comes later reaches nobody', async (open) => {
    const [gate, stopped] = [createGate(), createGate()]
    const handler: CaseHandler = async ({ cache }, run) => {
      cache?.signal.addEventListener('abort', () => stopped.open())
      if (run === 1) await gate.passed
      return { headers: { 'x-run': String(run) }, body: `run ${run}` }
    }
    const site = await open({ routes: [{ path: '/a', policy: hard, handler }] })
    expectResponse(await site.get('/a'), {
      status: 504,
      text: '',
      cache: 'fwd=uri-miss detail=hard-timeout',
      headers: { 'cache-control': 'no-store', 'x-run': undefined },
    })
    await stopped.passed
    gate.open()
    await site.quiet()
    expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
    expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit', headers: { 'x-run': '2' } })
  }),
  asCase(
    'first the softTimeout, then the hardTimeout: the handler that goes on is given up',
    async (open) => {
      const [gate, stopped] = [createGate(), createGate()]
      const site = await withStale(open, { ...soft, hardTimeout: '120ms' }, slow(gate, stopped))
      const refreshed = site.next('refresh')
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'fwd=stale detail=soft-timeout' })
      await stopped.passed
      assert.equal((await refreshed).ok, false)
      gate.open()
      await site.quiet()
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit detail=sie' })
    },
  ),
  asCase('a handler within its limits answers as ever', async (open) => {
    const policy: CachePolicy = { ttl: '1m', softTimeout: '20s', hardTimeout: '30s' }
    const site = await open({
      routes: [
        {
          path: '/a',
          policy,
          handler: ({ cache }, run) => ({ body: `run ${run} ${cache?.signal.aborted}` }),
        },
      ],
    })
    expectResponse(await site.get('/a'), { text: 'run 1 false', cache: 'fwd=uri-miss stored' })
    expectResponse(await site.get('/a'), { text: 'run 1 false', cache: 'hit' })
  }),
]

/** Handlers that take longer than their policy gives them. */
export const timeoutCases: readonly AdapterCase[] = [...softCases, ...hardCases]
