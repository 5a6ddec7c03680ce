import assert from 'node:assert/strict'
import type { CacheBackend, CacheEvents, FieldMap, ResponseCache } from '@stowage/core'
import type { ServeApp, TestApp, TestRoute, TestServer } from './adapter-app.ts'
import {
  open as openResponse,
  type RequestOptions,
  request,
  type StartedResponse,
  type TestResponse,
} from './adapter-client.ts'
import type { CaseApp, CaseRoute } from './case-app.ts'
import { type ChaosControl, chaosBackend } from './chaos.ts'
import type { FakeClock } from './clock.ts'
import { interceptBackend } from './intercept.ts'

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

/** A count that can be waited for. */
class Tally {
  #count = 0
  readonly #waiting = new Set<{ readonly atLeast: number; readonly resume: () => void }>()

  add(): number {
    this.#count += 1
    for (const waiter of this.#waiting) {
      if (this.#count < waiter.atLeast) continue
      this.#waiting.delete(waiter)
      waiter.resume()
    }
    return this.#count
  }

  get count(): number {
    return this.#count
  }

  reached(atLeast: number): Promise<void> {
    if (this.#count >= atLeast) return Promise.resolve()
    return new Promise((resume) => this.#waiting.add({ atLeast, resume }))
  }
}

/** What a site counts of its application. */
class Observed {
  readonly arrivals = new Tally()
  readonly #runs = new Map<string, Tally>()
  #calls = 0

  runs(method: string, path: string): Tally {
    const name = `${method} ${path}`
    const tally = this.#runs.get(name) ?? new Tally()
    this.#runs.set(name, tally)
    return tally
  }

  get busy(): boolean {
    return this.#calls > 0
  }

  /** `backend` with its unanswered calls counted; as prompt as it is. */
  watch(backend: CacheBackend): CacheBackend {
    return interceptBackend(backend, (_operation, call) => {
      const answer = call()
      if (!(answer instanceof Promise)) return answer
      this.#calls += 1
      return answer.finally(() => {
        this.#calls -= 1
      })
    })
  }

  route({ method = 'GET', path, handler, ...rules }: CaseRoute): TestRoute {
    const tally = this.runs(method, path)
    return { ...rules, method, path, handler: async (origin) => handler(origin, tally.add()) }
  }
}

/** A served application as a case works with it. */
export class Site {
  readonly clock: FakeClock
  readonly errors: CacheEvents['error'][] = []
  readonly #server: TestServer
  readonly #observed: Observed
  readonly #chaos: ChaosControl | undefined

  constructor(server: TestServer, clock: FakeClock, observed: Observed, chaos: ChaosControl | undefined) {
    this.#server = server
    this.clock = clock
    this.#observed = observed
    this.#chaos = chaos
    server.cache.on('error', (error) => this.errors.push(error))
  }

  get cache(): ResponseCache {
    return this.#server.cache
  }

  /** The switch of the faults that the case has asked for. */
  get chaos(): ChaosControl {
    assert.ok(this.#chaos, 'the case has asked for no faults')
    return this.#chaos
  }

  /** The URL of a path of the application. */
  url(path: string): string {
    return this.#server.url + path
  }

  /** The target of a path of the application: it may be mounted somewhere. */
  target(path: string): string {
    return this.url(path).slice(new URL(this.#server.url).origin.length)
  }

  get(path: string, headers: RequestOptions['headers'] = {}): Promise<TestResponse> {
    return this.request('GET', path, { headers })
  }

  /** Resolves when the response is here and what is stored of it is stored: that may be later. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<TestResponse> {
    const response = await request(this.url(path), { method, ...options })
    await this.quiet()
    return response
  }

  open(path: string, options: RequestOptions = {}): Promise<StartedResponse> {
    return openResponse(this.url(path), options)
  }

  /** How often the handler of a route has run. */
  runs(path: string, method = 'GET'): number {
    return this.#observed.runs(method, path).count
  }

  /** Resolves when the handler of a route has been entered that many times. */
  started(path: string, runs: number): Promise<void> {
    return this.#observed.runs('GET', path).reached(runs)
  }

  /** Resolves when that many requests have arrived, and each runs its handler or waits for another's. */
  async settled(arrivals: number): Promise<void> {
    await this.#observed.arrivals.reached(arrivals)
    await this.quiet()
  }

  /** Resolves when no call to the backend is under way. */
  async quiet(): Promise<void> {
    for (let idle = 0; idle < 3; idle = this.#observed.busy ? 0 : idle + 1) await nextTurn()
  }

  /** The next event of a kind. */
  next<E extends keyof CacheEvents>(event: E): Promise<CacheEvents[E]> {
    return new Promise((resolve) => {
      const stop = this.cache.on(event, (payload) => {
        stop()
        resolve(payload)
      })
    })
  }

  /** Every answer of these requests, sent at once. */
  getAll(paths: readonly string[], headers: RequestOptions['headers'] = {}): Promise<TestResponse[]> {
    return Promise.all(paths.map((path) => this.get(path, headers)))
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}

const noFields: FieldMap = {}

/** Serves an application whose handlers, arrivals and backend are observed. */
export const openSite = async (
  serve: ServeApp,
  app: CaseApp,
  clock: FakeClock,
  backend: CacheBackend,
): Promise<Site> => {
  const observed = new Observed()
  const { cache, outer = () => noFields, routes, faults } = app
  const watched = observed.watch(backend)
  const faulty = faults === undefined ? undefined : chaosBackend(watched, faults)
  const served: TestApp = {
    // No backend of a case is slow unless the case says so; a busy machine may be.
    cache: { clock, backendDeadline: '5s', ...cache, backend: faulty ?? watched },
    outer: () => {
      observed.arrivals.add()
      return outer()
    },
    routes: routes.map((route) => observed.route(route)),
  }
  return new Site(await serve(served), clock, observed, faulty?.chaos)
}

/** Nothing may go wrong unseen: what a case does not expect to be absorbed fails it. */
export const assertNoOtherErrors = ({ errors }: Site, { errors: expected = [] }: CaseApp): void => {
  const others = errors.filter(({ code }) => !expected.includes(code))
  assert.deepEqual(
    others.map(({ code, op, error }) => `${code} ${op}: ${String(error)}`),
    [],
  )
}
