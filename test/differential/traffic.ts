import type { Selector } from '@stowage/core'
import { fieldOf, isBroken, type Sent } from './client.ts'
import type { Comparison } from './comparison.ts'
import type { Exchange, Violation } from './oracle.ts'
import { type DataKey, keyOfUrl } from './origin.ts'
import { createRandom, type Random } from './random.ts'
import { type Aim, aimAt, pathOf, Remembered, requestFor } from './requests.ts'
import type { Shape } from './shape.ts'

/** What a run of random traffic was made of, and what was wrong. */
export interface Findings {
  readonly counts: Record<Count, number>
  readonly violations: readonly Violation[]
  /** Runs that nobody waited for and that carried somebody's credentials. */
  readonly leaks: readonly string[]
}

export type Count =
  | 'requests'
  | 'own'
  | 'reused'
  | 'stale'
  | 'collapsed'
  | 'notModified'
  | 'partial'
  | 'broken'
  | 'left'
  | 'unsafe'
  | 'invalidations'
  | 'background'

/** Whether the wrong answers so far tell enough. */
export type Enough = (violations: readonly Violation[]) => boolean

const hotShapes = 5
const batchesOfEpisode = 18

const second = 1000

/** How far the clock goes on between two batches. */
const step = (random: Random): number => {
  const kind = random.next()
  if (kind < 0.45) return 0
  if (kind < 0.6) return random.below(second)
  if (kind < 0.88) return random.below(6 * second)
  if (kind < 0.96) return random.below(70 * second)
  return kind < 0.99 ? 700 * second : 2 * 3600 * second
}

const wait = (ms: number): Promise<void> =>
  ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))

/** Random requests of several users, in batches that are under way together. */
class Traffic {
  readonly counts: Record<Count, number> = {
    requests: 0,
    own: 0,
    reused: 0,
    stale: 0,
    collapsed: 0,
    notModified: 0,
    partial: 0,
    broken: 0,
    left: 0,
    unsafe: 0,
    invalidations: 0,
    background: 0,
  }
  readonly violations: Violation[] = []
  readonly leaks: string[] = []
  readonly #random: Random
  readonly #comparison: Comparison
  readonly #known = new Remembered()
  readonly #isEnough: Enough
  readonly #waiting: Shape[] = []
  #hot: readonly Shape[] = []
  #batches = 0
  #examinedRuns = 0

  constructor(comparison: Comparison, seed: number, isEnough: Enough) {
    this.#comparison = comparison
    this.#random = createRandom(seed)
    this.#isEnough = isEnough
  }

  async run(requests: number): Promise<void> {
    while (this.counts.requests < requests && !this.#isEnough(this.violations)) {
      if (this.#batches % batchesOfEpisode === 0) this.#hot = this.#chooseShapes()
      this.#batches += 1
      await this.#batch(Math.min(requests - this.counts.requests, 1 + this.#random.below(12)))
      this.#examineRuns()
      this.#comparison.clock.advance(step(this.#random))
    }
  }

  get #series(): number {
    return Math.ceil(this.#batches / batchesOfEpisode)
  }

  /** The next few of all shapes in a random order, so that every shape has its turn. */
  #chooseShapes(): readonly Shape[] {
    const random = this.#random
    if (this.#waiting.length < hotShapes) {
      const ordered = this.#comparison.shapes.map((shape) => [random.next(), shape] as const)
      ordered.sort(([a], [b]) => a - b)
      this.#waiting.push(...ordered.map(([, shape]) => shape))
    }
    const chosen = this.#waiting.splice(0, hotShapes)
    return chosen.map((shape) => (shape.heavy && random.chance(0.8) ? random.pick(chosen) : shape))
  }

  async #batch(size: number): Promise<void> {
    const random = this.#random
    const series = this.#series
    // Half of the batches ask for one target, so that requests meet while the handler runs.
    const one = random.chance(0.5) ? aimAt(random, random.pick(this.#hot), series) : undefined
    const sent = Array.from({ length: size }, () =>
      this.#request(one ?? aimAt(random, random.pick(this.#hot), series)),
    )
    const delays = sent.map(() => (random.chance(0.6) ? 0 : random.below(5)))
    const invalidates = random.chance(one === undefined ? 0.03 : 0.12) ? random.below(4) : undefined
    const running: Promise<Exchange | undefined>[] = sent.map((each, index) =>
      this.#exchange(each, delays[index] ?? 0),
    )
    if (invalidates !== undefined)
      running.push(this.#invalidate(one?.shape ?? random.pick(this.#hot), invalidates))
    const exchanges = (await Promise.all(running)).filter((each) => each !== undefined)
    const judged = await Promise.all(exchanges.map((each) => this.#comparison.oracle.judge(each)))
    this.violations.push(...judged.flat())
    for (const each of exchanges) this.#count(each)
  }

  #request(aim: Aim): Sent {
    const { clock } = this.#comparison
    this.counts.requests += 1
    return requestFor(this.#random, aim, `exchange-${this.counts.requests}`, clock(), this.#known)
  }

  async #exchange(sent: Sent, delay: number): Promise<Exchange> {
    const { clock, client, origin } = this.#comparison
    await wait(delay)
    const at = clock()
    const { moment } = origin
    const outcome = await client.send(sent)
    if (!isBroken(outcome)) {
      this.#known.add(sent.target, outcome)
      const run = origin.runsOf(sent.id)[0]
      if (run?.changed !== undefined && outcome.status < 400) origin.settle(run.changed)
    }
    return { sent, outcome, at, moment }
  }

  /** Invalidates through the cache's own method, after the data has changed. */
  async #invalidate(shape: Shape, delay: number): Promise<undefined> {
    const random = this.#random
    const { origin, app } = this.#comparison
    const path = pathOf(shape, this.#series, 1)
    const [selector, keys] = random.pick<readonly [Selector, readonly DataKey[]]>([
      [{ url: path }, [keyOfUrl(undefined, path)]],
      [{ url: `http://a.test${path}` }, [keyOfUrl('http://a.test', path)]],
      [{ urlPrefix: `/${shape.name}` }, [`tag:path ${shape.name}`]],
      [{ tags: ['goods'] }, ['tag:goods']],
      [{ all: true }, ['all']],
    ])
    const mode = random.chance(0.25) ? 'stale' : 'remove'
    await wait(delay)
    this.counts.invalidations += 1
    const change = origin.change(keys)
    await app.cache?.invalidate(selector, { mode })
    origin.settle(change, mode)
    return undefined
  }

  #count(exchange: Exchange): void {
    const { sent, outcome } = exchange
    if (sent.leaves !== undefined) this.counts.left += 1
    else if (isBroken(outcome)) this.counts.broken += 1
    if (isBroken(outcome)) return
    const status = fieldOf(outcome, 'cache-status') ?? ''
    this.counts[this.#comparison.oracle.isReused(exchange) ? 'reused' : 'own'] += 1
    if (/detail=(?:swr|sie|max-stale)/.test(status)) this.counts.stale += 1
    if (status.includes('; collapsed')) this.counts.collapsed += 1
    if (outcome.status === 304) this.counts.notModified += 1
    if (outcome.status === 206) this.counts.partial += 1
    if (!['GET', 'HEAD', 'OPTIONS', 'QUERY'].includes(sent.method)) this.counts.unsafe += 1
  }

  #examineRuns(): void {
    const { origin, oracle } = this.#comparison
    for (const run of origin.runsFrom(this.#examinedRuns + 1)) {
      if (run.exchange === undefined) this.counts.background += 1
      const leak = oracle.judgeRun(run)
      if (leak !== undefined) this.leaks.push(leak)
    }
    this.#examinedRuns = origin.count
  }
}

/** Sends random requests, the same for the same seed, and judges every answer until enough were wrong. */
export const sendTraffic = async (
  comparison: Comparison,
  requests: number,
  seed: number,
  isEnough: Enough = (violations) => violations.length >= 20,
): Promise<Findings> => {
  const traffic = new Traffic(comparison, seed, isEnough)
  await traffic.run(requests)
  const { counts, violations, leaks } = traffic
  return { counts, violations, leaks }
}

const shown = ({ sent, outcome }: Exchange): string =>
  `${sent.method} ${sent.target} ${JSON.stringify(sent.headers)}${sent.body === undefined ? '' : ` ${sent.body}`}
    -> ${isBroken(outcome) ? outcome.error : `${outcome.status} ${JSON.stringify(outcome.headers)}`}`

/** What was wrong, in words; empty where nothing was. */
export const report = ({ violations, leaks }: Findings, seed: number): string => {
  if (violations.length === 0 && leaks.length === 0) return ''
  const told = violations.map(({ kind, detail, exchange }) => `${kind}: ${detail}\n    ${shown(exchange)}`)
  return [`repeat with STOWAGE_SEED=${seed}`, ...told, ...leaks].join('\n\n')
}
