import { type CacheBackend, type FieldMap, memory } from '@stowage/core'
import {
  asyncBackend,
  cacheStatusOf,
  chaosBackend,
  fakeClock,
  type OriginAnswer,
  type OriginRequest,
  request,
  type ServeApp,
  type TestApp,
  type TestResponse,
} from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'

type Answer = (origin: OriginRequest, run: number) => OriginAnswer | Promise<OriginAnswer>

interface Served {
  readonly url: string
  readonly runs: () => number
  /** Resolves when so many requests have come. */
  readonly arrived: (requests: number) => Promise<void>
  readonly cache: Awaited<ReturnType<ServeApp>>['cache']
}

const text = { 'content-type': 'text/plain; charset=utf-8' }

const later = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

/** Serves one route until the test is over. */
const serveOne = async (serve: ServeApp, cache: TestApp['cache'], answer: Answer): Promise<Served> => {
  let runs = 0
  let requests = 0
  const handler = async (origin: OriginRequest): Promise<OriginAnswer> => {
    runs += 1
    return answer(origin, runs)
  }
  const outer = (): FieldMap => {
    requests += 1
    return {}
  }
  const arrived = async (atLeast: number): Promise<void> => {
    while (requests < atLeast) await later(5)
  }
  const server = await serve({ cache, outer, routes: [{ method: 'GET', path: '/a', handler }] })
  onTestFinished(() => server.close())
  server.cache.on('error', () => undefined)
  return { url: `${server.url}/a`, runs: () => runs, arrived, cache: server.cache }
}

const ask = (url: string, count: number): Promise<TestResponse>[] =>
  Array.from({ length: count }, () => request(url))

const createGate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined
  const passed = new Promise<void>((resume) => {
    open = resume
  })
  return { passed, open: () => open() }
}

const fresh = (run: number): OriginAnswer => ({
  headers: { ...text, 'cache-control': 'max-age=60' },
  body: `run ${run}`,
})

const body = 'x'.repeat(4096)

const stores: readonly (readonly [name: string, make: () => CacheBackend])[] = [
  ['in memory', () => memory()],
  ['that answers later', () => asyncBackend(memory())],
  [
    'whose reads and writes hang',
    () => chaosBackend(memory(), { hangRate: 1, only: ['get', 'set', 'delete'] }),
  ],
]

/** What a thousand clients at once may cost: to be run by every adapter. */
export const describeLoad = (serve: ServeApp): void => {
  describe('a thousand requests at once', () => {
    test.each(stores)('for what is not stored yet run the handler once, on a store %s', async (_, make) => {
      const served: Served = await serveOne(
        serve,
        { backend: make(), backendDeadline: '100ms' },
        async (_origin, run) => {
          // On a busy machine a thousand connections take their time; a lookup takes the deadline at most.
          await served.arrived(1000)
          await later(200)
          return { headers: { ...text, 'cache-control': 'max-age=60' }, body: `${run} ${body}` }
        },
      )
      const responses = await Promise.all(ask(served.url, 1000))
      expect(served.runs()).toBe(1)
      expect(new Set(responses.map(({ status, text: got }) => `${status} ${got}`))).toEqual(
        new Set([`200 1 ${body}`]),
      )
    })

    test('for what is stale within its window are answered with it, and refresh it once', async () => {
      const clock = fakeClock()
      const release = createGate()
      const served = await serveOne(serve, { backend: memory({ clock }), clock }, async (_origin, run) => {
        if (run > 1) await release.passed
        const fields = { ...text, 'cache-control': 'max-age=60, stale-while-revalidate=60' }
        return { headers: fields, body: `${run} ${body}` }
      })
      await request(served.url)
      clock.advance(90_000)
      const refreshed = new Promise((resolve) => served.cache.on('refresh', resolve))
      const responses = await Promise.all(ask(served.url, 1000))
      expect(new Set(responses.map(({ text: got }) => got))).toEqual(new Set([`1 ${body}`]))
      expect(responses.every((response) => cacheStatusOf(response).get('detail') === 'swr')).toBe(true)
      expect(served.runs()).toBe(2)
      release.open()
      await refreshed
      expect((await request(served.url)).text).toBe(`2 ${body}`)
    })
  })

  describe('what cannot be shared', () => {
    const unstorable: Answer = async (_origin, run) => {
      await later(200)
      return { headers: { ...text, 'cache-control': 'no-store' }, body: `run ${run}` }
    }

    /** Milliseconds until fifty requests at once have their own answers. */
    const fifty = async ({ url }: Served): Promise<number> => {
      const began = performance.now()
      const answers = await Promise.all(ask(url, 50))
      expect(new Set(answers.map(({ text: got }) => got)).size).toBe(50)
      return performance.now() - began
    }

    test.each(stores)('serialises nobody, on a store %s', async (_, make) => {
      const without = await fifty(await serveOne(serve, { when: () => false }, unstorable))
      const served = await serveOne(serve, { backend: make(), backendDeadline: '50ms' }, unstorable)
      // Twice the handler's time at most: once to learn that its answer cannot be shared. A queue would take 10 s.
      const bound = Math.max(600, 3 * without)
      expect(await fifty(served)).toBeLessThan(bound)
      expect(await fifty(served)).toBeLessThan(bound)
      expect(served.runs()).toBe(100)
    })
  })

  describe('a leader that hangs', () => {
    test('is waited for as long as the policy says, by all at once', async () => {
      const entered = createGate()
      const release = createGate()
      const served = await serveOne(serve, { collapse: { wait: '100ms' } }, async (_origin, run) => {
        if (run > 1) return fresh(run)
        entered.open()
        await release.passed
        return fresh(run)
      })
      const first = request(served.url)
      await entered.passed
      const began = performance.now()
      const others = await Promise.all(ask(served.url, 99))
      expect(performance.now() - began).toBeLessThan(1000)
      expect(
        others.every(({ status, text: got }) => status === 200 && /^run ([2-9]|[1-9]\d+)$/.test(got)),
      ).toBe(true)
      release.open()
      expect((await first).text).toBe('run 1')
    })
  })
}
