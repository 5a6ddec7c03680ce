import {
  type CacheBackend,
  type CacheOptions,
  createCache,
  type Decision,
  type FieldMap,
  type Forward,
  type InvalidateOptions,
  type ResponseCache,
  type RouteRules,
  type SelectedResponse,
  type Selector,
} from '@stowage/core'
import { type FakeClock, fakeClock } from '@stowage/core/testing'
import { createRandom, pick } from '../random.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { forwardOf, requestOf, servedOf } from './site.ts'

/** A backend for one schedule; `bumped` is told the count of each invalidation at the moment in which it counts. */
export type CreateBackend = (
  scheduler: Scheduler,
  clock: FakeClock,
  bumped: (seq: number) => void,
) => CacheBackend

/** A request that somebody waits for. */
interface Visit {
  readonly url: string
  readonly variant: string
  /** All moments are counted in events, of which no two happen at once. */
  readonly started: number
}

/** One invalidation, with the data that was changed before it. */
interface Invalidated {
  readonly urls: readonly string[]
  readonly mode: 'stale' | 'remove'
  /** The versions that the data had when it was called. */
  readonly versions: ReadonlyMap<string, number>
  /** When it began to count; never after it was resolved. */
  counted: number
  resolved: number
}

const urls = ['/a', '/p/1', '/r'] as const
const windows: CacheOptions = { ttl: 10, staleWhileRevalidate: 20, staleIfError: 30, tags: ['every'] }
const never = Number.POSITIVE_INFINITY

const selectors: readonly (readonly [Selector, readonly string[]])[] = [
  [{ tags: ['of /a'] }, ['/a']],
  [{ tags: ['of /p/1', 'of /r'] }, ['/p/1', '/r']],
  [{ tags: ['every'] }, urls],
  [{ url: '/a' }, ['/a']],
  [{ url: 'http://a.example/p/1' }, ['/p/1']],
  [{ urlPrefix: '/p' }, ['/p/1']],
  [{ urlPrefix: '/' }, urls],
  [{ route: '/r' }, ['/r']],
  [{ all: true }, urls],
]

/** One schedule of fills, refreshes, validations, waiters and invalidations, and what was wrong with its answers. */
class Schedule {
  readonly problems: string[] = []
  /** What its answers were made of: a schedule in which nothing is reused proves nothing. */
  reused = 0
  readonly #scheduler: Scheduler
  readonly #cache: ResponseCache
  readonly #rules: RouteRules
  readonly #clock = fakeClock()
  readonly #versions = new Map<string, number>(urls.map((url) => [url, 0]))
  /** When each run of the handler began. */
  readonly #runs: number[] = []
  readonly #invalidations: Invalidated[] = []
  readonly #counted = new Map<number, number>()
  readonly #faulty: boolean
  #moment = 0

  constructor(seed: number, create: CreateBackend, faulty: boolean) {
    this.#faulty = faulty
    this.#scheduler = createScheduler(createRandom(seed))
    const bumped = (seq: number): void => void this.#counted.set(seq, this.#now())
    const backend = create(this.#scheduler, this.#clock, bumped)
    this.#cache = createCache({
      ...windows,
      backend,
      clock: this.#clock,
      backendDeadline: '60s',
    })
    this.#rules = this.#cache.policy({ key: { headers: ['x-b'] } }, 'route')
    this.#cache.on('error', ({ code, op, error }) => {
      if (code !== 'REVALIDATION_FAILED' && !(faulty && code.startsWith('BACKEND_')))
        this.problems.push(`${code} ${op}: ${String(error)}`)
    })
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) this.#act()
    for (let i = 0; i < steps; i++) {
      if (this.#chance(0.4)) this.#act()
      await this.#scheduler.step()
    }
    await this.#scheduler.drain()
    for (const url of urls) for (const variant of ['1', '2']) this.#guard(this.#visit(url, variant))
    await this.#scheduler.drain()
  }

  #act(): void {
    const drawn = this.#scheduler.random()
    if (drawn < 0.6) this.#guard(this.#visit(this.#pick(urls), this.#pick(['1', '2'])))
    else if (drawn < 0.8) this.#guard(this.#invalidate())
    else if (drawn < 0.87) this.#guard(this.#change(this.#pick(urls)))
    else this.#clock.advance(1000 * this.#pick([1, 5, 11, 25, 40]))
  }

  async #visit(url: string, variant: string): Promise<void> {
    const visit: Visit = { url, variant, started: this.#now() }
    const headers = {
      'x-a': variant,
      'x-b': variant,
      ...(this.#chance(0.1) ? { 'cache-control': 'no-cache' } : {}),
    }
    await this.#carry(await this.#cache.lookup(requestOf(url, headers)), visit)
  }

  async #carry(decision: Decision, visit: Visit): Promise<void> {
    if (decision.action === 'forward') return this.#handle(decision, visit)
    this.#check(decision.response, visit)
    if (decision.revalidation !== undefined) await this.#handle(decision.revalidation, undefined)
  }

  /** One run of the handler: it reads the data some time after it began, and answers in pieces. */
  async #handle(forward: Forward, visit: Visit | undefined): Promise<void> {
    const { url } = forward.request
    const number = this.#runs.push(this.#now()) - 1
    if (url === '/r') {
      forward.meet({ route: '/r' })
      const refined = await this.#cache.refine(forward, this.#rules)
      if (refined.action === 'reuse') {
        if (visit !== undefined) this.#check(refined.response, visit)
        return
      }
    }
    await this.#scheduler.pause()
    const version = this.#versions.get(url) ?? 0
    await this.#scheduler.pause()
    if (this.#chance(0.05)) return forward.abort()
    await this.#answer(forward, visit, number, version)
  }

  async #answer(forward: Forward, visit: Visit | undefined, number: number, version: number): Promise<void> {
    const { url, headers: asked } = forward.request
    const etag = `"${version}"`
    const holds = forward.requestEdits['if-none-match'] === etag
    const status = this.#chance(0.05) ? 503 : holds ? 304 : 200
    const varies = status !== 304 && this.#chance(0.3)
    const headers: FieldMap = {
      etag,
      'x-run': String(number),
      ...(this.#chance(0.5) ? { 'cache-control': 'max-age=10' } : {}),
      ...(varies ? { vary: 'x-a' } : {}),
    }
    const late = this.#chance(0.5)
    if (!late) forward.handler.tag(`of ${url}`)
    const verdict = forward.respond({ status, headers, ...(url === '/r' ? { route: '/r' } : {}) })
    if (visit !== undefined && verdict.response !== undefined) this.#check(verdict.response, visit)
    await this.#scheduler.pause()
    forward.handler.tag(`of ${url}`)
    if (verdict.record) forward.write(Buffer.from(`${url} ${varies ? asked['x-a'] : '-'} ${version}`))
    await this.#scheduler.pause()
    if (this.#chance(0.03)) return forward.abort()
    await forward.end()
  }

  async #invalidate(): Promise<void> {
    const [selector, covered] = this.#pick(selectors)
    const options: InvalidateOptions = { mode: this.#pick(['remove', 'stale']) }
    const invalidated = this.#begin(covered, options.mode ?? 'remove')
    const failed = (): { readonly seq: undefined } => ({ seq: undefined })
    const { seq } = await this.#cache.invalidate(selector, options).catch(this.#faulty ? failed : undefined)
    this.#end(invalidated, seq)
  }

  /** An unsafe request: it changes the data, and its answer invalidates. */
  async #change(url: string): Promise<void> {
    const method = `CHANGE-${this.#now()}`
    let count: number | undefined
    const stop = this.#cache.on('invalidate', ({ reason, seq }) => {
      if (reason === method) count = seq
    })
    const forward = forwardOf(await this.#cache.lookup(requestOf(url, {}, { method })))
    await this.#scheduler.pause()
    const invalidated = this.#begin([url], 'remove')
    await forward.respond({ status: 204, headers: {} }).hold
    stop()
    if (count === undefined && !this.#faulty) this.problems.push(`${method} has invalidated nothing`)
    else this.#end(invalidated, count)
    await forward.end()
  }

  #begin(covered: readonly string[], mode: Invalidated['mode']): Invalidated {
    for (const url of covered) this.#versions.set(url, (this.#versions.get(url) ?? 0) + 1)
    const versions = new Map(covered.map((url) => [url, this.#versions.get(url) ?? 0]))
    const invalidated = { urls: covered, mode, versions, counted: this.#now(), resolved: never }
    this.#invalidations.push(invalidated)
    return invalidated
  }

  /** One that the store did not take counts for this process all the same. */
  #end(invalidated: Invalidated, seq: number | undefined): void {
    // Where nobody else can tell, it counts from its call.
    invalidated.counted = (seq === undefined ? undefined : this.#counted.get(seq)) ?? invalidated.counted
    invalidated.resolved = this.#now()
  }

  /** Nothing that began before an invalidation counted is an answer to what began after it was resolved. */
  #check(response: SelectedResponse, visit: Visit): void {
    const { how, body, headers } = servedOf(response)
    const [url, variant, version] = (body ?? '').split(' ')
    const began = this.#runs[Number(headers['x-run'])] ?? -1
    const isStale = /ttl=(?:0|-\d+);.*detail=(?:swr|sie)/.test(how)
    this.reused++
    if (url !== visit.url || !['-', visit.variant].includes(variant ?? ''))
      this.problems.push(`${visit.url} ${visit.variant} was answered with ${body}`)
    for (const { urls: covered, mode, counted, resolved, versions } of this.#invalidations) {
      if (!covered.includes(visit.url) || resolved > visit.started || (mode === 'stale' && isStale)) continue
      const about = `${visit.url} asked at ${visit.started}, after a ${mode} of ${resolved}: ${how}, ${body}`
      if (began < counted) this.problems.push(`${about}, made from ${began} on, before ${counted}`)
      if (Number(version) < (versions.get(visit.url) ?? 0))
        this.problems.push(`${about} is of an older version`)
    }
  }

  #now(): number {
    this.#moment++
    return this.#moment
  }

  #chance(share: number): boolean {
    return this.#scheduler.random() < share
  }

  #pick<T>(list: readonly T[]): T {
    return pick(this.#scheduler.random, list)
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => this.problems.push(`thrown: ${String(error)}`))
  }
}

/** What was wrong in a schedule, and how many of its answers were reused. */
export const runSchedule = async (
  seed: number,
  create: CreateBackend,
  faulty = false,
): Promise<{ readonly problems: readonly string[]; readonly reused: number }> => {
  const schedule = new Schedule(seed, create, faulty)
  await schedule.run(12)
  return schedule
}
