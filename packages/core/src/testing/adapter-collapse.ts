import assert from 'node:assert/strict'
import type { OriginAnswer } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse, type Gate, numbered } from './adapter-case.ts'
import type { TestResponse } from './adapter-client.ts'
import { assertCacheStatus, cacheStatusOf } from './adapter-status.ts'
import type { CaseHandler } from './case-app.ts'

/** The first run waits for the gate and answers with `first`; the later ones answer at once. */
const gated =
  (gate: Gate, first: CaseHandler, later: CaseHandler = first): CaseHandler =>
  async (origin, run): Promise<OriginAnswer | undefined> => {
    if (run > 1) return later(origin, run)
    await gate.passed
    return first(origin, run)
  }

const times = (count: number, path: string): readonly string[] => Array.from({ length: count }, () => path)

const texts = (responses: readonly TestResponse[]): string[] => responses.map(({ text }) => text).sort()

const runsFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `run ${first + index}`).sort()

const shared: readonly AdapterCase[] = [
  {
    name: 'concurrent requests for one response run its handler once',
    run: async (open) => {
      const gate = createGate()
      const site = await open({ routes: [{ path: '/a', handler: gated(gate, numbered()) }] })
      const all = site.getAll(times(20, '/a'))
      await site.settled(20)
      gate.open()
      const responses = await all
      assert.deepEqual(texts(responses), times(20, 'run 1'))
      const led = responses.filter((response) => !cacheStatusOf(response).has('collapsed'))
      assert.equal(led.length, 1)
      for (const response of responses)
        assertCacheStatus(response, `fwd=uri-miss ${led.includes(response) ? 'stored' : 'collapsed'}`, '/a')
      assert.equal(site.runs('/a'), 1)
    },
  },
  {
    name: 'concurrent requests for a stale response validate it once',
    run: async (open) => {
      const gate = createGate()
      const headers = { 'cache-control': 'max-age=60', etag: '"v1"' }
      const handler: CaseHandler = async (origin, run) => {
        if (run === 1) return numbered(headers)(origin, run)
        await gate.passed
        return { status: 304, headers }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      site.clock.advance(61_000)
      const all = site.getAll(times(10, '/a'))
      await site.settled(11)
      gate.open()
      assert.deepEqual(texts(await all), times(10, 'run 1'))
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'who comes while a response is being stored has it all the same',
    run: async (open) => {
      const site = await open({
        routes: [{ path: '/a', handler: numbered() }],
        faults: { hangRate: 1, only: ['set'] },
      })
      for (const cache of ['fwd=uri-miss stored', 'fwd=uri-miss collapsed', 'fwd=uri-miss collapsed'])
        expectResponse(await site.get('/a'), { text: 'run 1', cache })
      site.chaos.set({ hangRate: 0 })
      site.chaos.release()
      await site.quiet()
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' })
    },
  },
  {
    name: 'requests that would select another variant do not share, those of one variant do',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = ({ headers }, run) => ({
        headers: { 'cache-control': 'max-age=60', vary: 'accept-language' },
        body: `${headers['accept-language']} of run ${run}`,
      })
      const site = await open({ routes: [{ path: '/a', handler: gated(gate, handler) }] })
      const first = site.get('/a', { 'accept-language': 'fr' })
      await site.started('/a', 1)
      const french = site.getAll(times(3, '/a'), { 'accept-language': 'fr' })
      const german = site.getAll(times(3, '/a'), { 'accept-language': 'de' })
      await site.settled(7)
      gate.open()
      assert.deepEqual(texts([await first, ...(await french)]), times(4, 'fr of run 1'))
      for (const { text } of await german) assert.match(text, /^de of run/)
      assert.deepEqual(texts(await german), times(3, 'de of run 2'))
    },
  },
  {
    name: 'a request that waits is answered by its own condition and method',
    run: async (open) => {
      const gate = createGate()
      const handler = numbered({ 'cache-control': 'max-age=60', etag: '"v1"' })
      const site = await open({ routes: [{ path: '/a', handler: gated(gate, handler) }] })
      const first = site.get('/a')
      await site.started('/a', 1)
      const conditional = site.get('/a', { 'if-none-match': '"v1"' })
      const head = site.request('HEAD', '/a')
      expectResponse(await head, { text: '', cache: 'fwd=uri-miss' })
      await site.settled(3)
      gate.open()
      expectResponse(await conditional, { status: 304, text: '', cache: 'fwd=uri-miss collapsed' })
      expectResponse(await first, { text: 'run 1' })
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'users do not wait for each other, nor for nobody',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async ({ headers }) => {
        await gate.passed
        return { headers: { 'cache-control': 'max-age=60' }, body: String(headers.cookie) }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const cookies = ['sid=ann', 'sid=bob', 'sid=ann', 'sid=bob']
      const nobody = site.get('/a')
      await site.started('/a', 1)
      const all = cookies.map((cookie) => site.get('/a', { cookie }))
      // One of them at least must not wait behind the anonymous request.
      await site.started('/a', 2)
      await site.settled(5)
      gate.open()
      assert.equal((await nobody).text, 'undefined')
      for (const [index, cookie] of cookies.entries()) assert.equal((await all[index])?.text, cookie)
      assert.equal(site.runs('/a'), 5)
    },
  },
  {
    name: 'where the policy does not collapse, every request runs the handler',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        await gate.passed
        return numbered()(origin, run)
      }
      const site = await open({ cache: { collapse: false }, routes: [{ path: '/a', handler }] })
      const all = site.getAll(times(3, '/a'))
      await site.started('/a', 3)
      gate.open()
      assert.deepEqual(texts(await all), runsFrom(1, 3))
    },
  },
]

const alone: readonly AdapterCase[] = [
  {
    name: 'who waits for what turns out to be unstorable runs the handler at once, and who comes later does not wait',
    run: async (open) => {
      const first = createGate()
      const later = createGate()
      const unstorable = numbered({ 'cache-control': 'no-store' })
      const handler: CaseHandler = async (origin, run) => {
        await (run === 1 ? first : later).passed
        return unstorable(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const all = site.getAll(times(5, '/a'))
      await site.settled(5)
      assert.equal(site.runs('/a'), 1)
      first.open()
      // All of them are in their handlers at the same time: none waits for another.
      await site.started('/a', 5)
      const latecomers = site.getAll(times(3, '/a'))
      await site.started('/a', 8)
      later.open()
      assert.deepEqual(texts(await all), runsFrom(1, 5))
      assert.deepEqual(texts(await latecomers), runsFrom(6, 3))
      assert.equal(site.cache.stats().hitForMiss >= 3, true)
    },
  },
  {
    name: 'what could not be shared once is shared again when it can be',
    run: async (open) => {
      let cacheControl = 'no-store'
      const handler: CaseHandler = (origin, run) => numbered({ 'cache-control': cacheControl })(origin, run)
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a')
      cacheControl = 'max-age=60'
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
    },
  },
  {
    name: 'nobody waits longer than the policy says, and nobody begins to wait for what is slow',
    run: async (open) => {
      const gate = createGate()
      const site = await open({
        cache: { collapse: { wait: '40ms' } },
        routes: [{ path: '/a', handler: gated(gate, numbered()) }],
      })
      const first = site.get('/a')
      await site.started('/a', 1)
      const waited = await site.getAll(times(3, '/a'))
      assert.equal(waited.filter(({ text }) => text === 'run 1').length, 0)
      gate.open()
      expectResponse(await first, { text: 'run 1' })
    },
  },
  {
    name: 'where the policy says so, who has waited long enough is told to come again',
    run: async (open) => {
      const gate = createGate()
      const site = await open({
        cache: { collapse: { wait: '40ms', onTimeout: 503 } },
        routes: [{ path: '/a', handler: gated(gate, numbered()) }],
      })
      const first = site.get('/a')
      await site.started('/a', 1)
      expectResponse(await site.get('/a'), {
        status: 503,
        headers: { 'retry-after': '1' },
        cache: 'detail=collapse-timeout',
      })
      gate.open()
      expectResponse(await first, { text: 'run 1', cache: 'fwd=uri-miss stored' })
    },
  },
]

/** Concurrent requests for one response. */
export const collapseCases: readonly AdapterCase[] = [...shared, ...alone]
