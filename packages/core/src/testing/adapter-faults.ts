import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { ErrorCode } from '@stowage/core'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { RequestOptions, TestResponse } from './adapter-client.ts'
import type { Site } from './adapter-site.ts'
import type { CaseApp, CaseHandler, CaseRoute } from './case-app.ts'
import type { ChaosOptions } from './chaos.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz'
const fields = { 'cache-control': 'max-age=60', 'content-type': 'text/plain; charset=utf-8' }

const says =
  (text: (headers: Readonly<Record<string, unknown>>) => string, more = {}): CaseHandler =>
  ({ headers }) => ({ headers: { ...fields, ...more }, body: text(headers) })

const validated: CaseHandler = ({ headers }) => {
  const tagged = { ...fields, etag: '"v1"' }
  return headers['if-none-match'] === '"v1"'
    ? { status: 304, headers: tagged }
    : { headers: tagged, body: 'v1' }
}

const routes: readonly CaseRoute[] = [
  { path: '/page', handler: says(() => alphabet) },
  {
    path: '/language',
    handler: says((headers) => String(headers['accept-language']), { vary: 'accept-language' }),
  },
  { path: '/user', handler: says(({ cookie }) => String(cookie ?? 'nobody')) },
  { path: '/validated', handler: validated },
  { path: '/stream', handler: () => ({ headers: fields, body: Readable.from([...alphabet]) }) },
  {
    path: '/window',
    handler: says(() => 'window', { 'cache-control': 'max-age=30, stale-while-revalidate=60' }),
  },
  { path: '/private', handler: says(() => 'private', { 'cache-control': 'private' }) },
  {
    method: 'POST',
    path: '/echo',
    handler: async (origin) => ({ headers: fields, body: await origin.body() }),
  },
  { method: 'PUT', path: '/page', handler: () => ({ status: 204 }) },
]

interface Step extends RequestOptions {
  readonly path: string
  /** What a client may be told; the handler alone would say one of these. */
  readonly status?: number
  readonly text?: string
}

/** Requests that lead everywhere, and the only right answer to each. */
const steps: readonly Step[] = [
  { path: '/page', text: alphabet },
  { path: '/page?x=1', text: alphabet },
  { path: '/page', method: 'HEAD', text: '' },
  { path: '/page', headers: { 'cache-control': 'no-cache' }, text: alphabet },
  { path: '/page', headers: { 'if-none-match': '"other"' }, text: alphabet },
  { path: '/language', headers: { 'accept-language': 'fr' }, text: 'fr' },
  { path: '/language', headers: { 'accept-language': 'de' }, text: 'de' },
  { path: '/user', text: 'nobody' },
  { path: '/user', headers: { cookie: 'sid=ann' }, text: 'sid=ann' },
  { path: '/user', headers: { cookie: 'sid=bob' }, text: 'sid=bob' },
  { path: '/validated', text: 'v1' },
  { path: '/validated', headers: { 'if-none-match': '"v1"' }, status: 304, text: '' },
  { path: '/stream', text: alphabet },
  { path: '/window', text: 'window' },
  { path: '/private', text: 'private' },
  { path: '/echo', method: 'POST', body: '{"a":1}', text: '{"a":1}' },
  { path: '/echo', method: 'POST', body: '{"a":2}', text: '{"a":2}' },
  { path: '/page', method: 'PUT', body: 'new', status: 204, text: '' },
]

const walk = async (
  site: Site,
  { path, method = 'GET', status = 200, text, ...options }: Step,
): Promise<void> => {
  const response = await site.request(method, path, options)
  const about = `${method} ${path} ${JSON.stringify(options.headers ?? {})}`
  expectResponse(response, { status, ...(text === undefined ? {} : { text }) }, about)
}

/** Whatever a broken backend may lead to, and nothing else. */
const absorbed: readonly ErrorCode[] = [
  'BACKEND_READ',
  'BACKEND_WRITE',
  'BACKEND_DELETE',
  'BACKEND_INVALIDATE',
  'BACKEND_CIRCUIT',
  'ENTRY_UNREADABLE',
]

const faulty = (faults: ChaosOptions, more: CaseApp['cache'] = {}): CaseApp => ({
  cache: { methods: ['GET', 'HEAD', 'POST'], key: { body: 'json' }, ...more },
  routes,
  faults,
  errors: absorbed,
})

/** Twice at once, so that some wait for others, and again when what was stored is stale. */
const rounds = async (site: Site): Promise<void> => {
  for (let round = 0; round < 3; round++) {
    await Promise.all([...steps, ...steps].map((step) => walk(site, step)))
    site.clock.advance(40_000)
  }
}

const failures: readonly (readonly [what: string, faults: ChaosOptions])[] = [
  ['fails always', { failRate: 1 }],
  ['fails every other time', { failRate: 0.5, seed: 2 }],
  ['fails now and then', { failRate: 0.1, seed: 3 }],
  ['cannot be read', { failRate: 1, only: ['get'] }],
  ['cannot be written', { failRate: 1, only: ['set'] }],
  ['cannot delete', { failRate: 1, only: ['delete'] }],
  ['does not tell what was invalidated', { failRate: 1, only: ['tags.head', 'tags.read'] }],
  ['takes no invalidation', { failRate: 1, only: ['tags.bump'] }],
  ['gives back damaged values', { corruptRate: 1 }],
  ['gives back damaged values at times', { corruptRate: 0.5, seed: 4 }],
  ['fails later', { failRate: 0.5, seed: 5, mode: 'async', latency: [0, 3] }],
]

const deadline = { backendDeadline: '40ms' } as const

const delays: readonly (readonly [what: string, faults: ChaosOptions])[] = [
  ['hangs always', { hangRate: 1 }],
  ['hangs every other time', { hangRate: 0.5, seed: 6 }],
  ['hangs when it is read', { hangRate: 1, only: ['get'] }],
  ['hangs when it is written', { hangRate: 1, only: ['set', 'delete'] }],
  [
    'hangs when it is asked what was invalidated',
    { hangRate: 1, only: ['tags.head', 'tags.read', 'tags.bump'] },
  ],
  ['is slower than the deadline', { latency: [30, 90], seed: 7 }],
]

/** More than any number of deadlines in one request, and less than anybody's patience. */
const patienceMs = 2000

/** A store that was given up is found back by a probe, within a second or so. */
const recovered = async (site: Site): Promise<void> => {
  const began = performance.now()
  while (performance.now() - began < 5 * patienceMs) {
    const { circuit = 'closed' } = await site.cache.health()
    if (circuit === 'closed') return
    await new Promise((resume) => setTimeout(resume, 20))
  }
}

const isHit = ({ headers }: TestResponse): boolean => String(headers['cache-status']).includes('; hit')

const caching = async (site: Site): Promise<void> => {
  await recovered(site)
  const began = performance.now()
  let response = await site.get('/page?again')
  // A call to a store that works again can still be late, where the machine is busy.
  while (!isHit(response) && performance.now() - began < patienceMs) response = await site.get('/page?again')
  expectResponse(response, { text: alphabet, cache: 'hit' })
}

/** A broken backend never breaks a request. */
export const faultCases: readonly AdapterCase[] = [
  ...failures.map(
    ([what, faults]): AdapterCase => ({
      name: `every request is answered rightly by a cache whose backend ${what}, and cached once that is over`,
      run: async (open) => {
        const site = await open(faulty(faults))
        await rounds(site)
        site.chaos.set({ failRate: 0, corruptRate: 0, latency: 0 })
        await caching(site)
      },
    }),
  ),
  ...delays.map(
    ([what, faults]): AdapterCase => ({
      name: `every request is answered rightly and soon by a cache whose backend ${what}, and cached once that is over`,
      run: async (open) => {
        const site = await open(faulty(faults, deadline))
        const timed = steps.map(async (step) => {
          const began = performance.now()
          await walk(site, step)
          return performance.now() - began
        })
        const slowest = Math.max(...(await Promise.all(timed)))
        assert.ok(slowest < patienceMs, `${slowest} ms`)
        await rounds(site)
        // What hangs goes on hanging: nobody waits for a lost reply for ever.
        site.chaos.set({ hangRate: 0, latency: 0 })
        await caching(site)
        site.chaos.release()
        await caching(site)
      },
    }),
  ),
  {
    name: 'the first replies of a backend that are lost are not waited for by those who come later',
    run: async (open) => {
      const site = await open(faulty({ hangRate: 1 }, deadline))
      await walk(site, { path: '/page', text: alphabet })
      assert.notEqual(site.errors.length, 0)
      site.chaos.set({ hangRate: 0 })
      await caching(site)
    },
  },
  {
    name: 'invalidation by the application rejects where the backend does not take it, and counts where it does',
    run: async (open) => {
      const site = await open({ ...faulty({}, deadline), routes: [{ path: '/a', handler: numbered() }] })
      await site.get('/a')
      for (const faults of [{ failRate: 1 }, { failRate: 0, hangRate: 1 }]) {
        site.chaos.set(faults)
        await assert.rejects(site.cache.invalidate({ all: true }), { name: 'CacheBackendError' })
      }
      site.chaos.set({ failRate: 0, hangRate: 0 })
      await site.cache.invalidate({ all: true })
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'a cache that is closed leaves every request to its handler',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      await site.get('/a')
      await site.cache.close()
      expectResponse(await site.get('/a'), { text: 'run 2' })
      expectResponse(await site.get('/a'), { text: 'run 3' })
    },
  },
]
