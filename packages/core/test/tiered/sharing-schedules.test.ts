import { type CacheBackend, createCache, type MaybePromise, memory, type ResponseCache } from '@stowage/core'
import { type FakeClock, fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { createTiered } from '../../src/backends/tiered.ts'
import type { Timers } from '../../src/backends/timers.ts'
import { createScheduler, type Scheduler } from '../cache/scheduler.ts'
import { forwardOf, requestOf, servedOf } from '../cache/site.ts'
import { createRandom, pick } from '../random.ts'
import { type SharedStore, sharedStore } from './shared-store.ts'

type Bus = 'healthy' | 'losing' | 'none'

const urls = ['/a', '/b', '/c'] as const
const boundMs = 1000

/** An invalidation that has resolved. */
interface Settled {
  readonly url: string
  readonly version: number
  /** The process that made it. */
  readonly by: number
  readonly at: number
}

/** Two processes on one store, and what one of them answered with too late. */
class Sharing {
  readonly problems: string[] = []
  hits = 0
  readonly #scheduler: Scheduler
  readonly #clock: FakeClock = fakeClock()
  readonly #timers: { readonly at: number; readonly run: () => void }[] = []
  readonly #shared: SharedStore
  readonly #caches: readonly ResponseCache[]
  readonly #bus: Bus
  readonly #versions = new Map<string, number>()
  readonly #settled: Settled[] = []
  /** Messages under way: until they have come, the others need not know. */
  #underWay = 0
  #reconnected = 0

  constructor(seed: number, bus: Bus) {
    this.#bus = bus
    this.#scheduler = createScheduler(createRandom(seed))
    this.#shared = sharedStore({
      clock: this.#clock,
      step: (operation, call) => this.#step(operation, call),
      deliver: (send) => this.#deliver(send),
    })
    this.#caches = [0, 1].map(() =>
      createCache({ backend: this.#open(), clock: this.#clock, ttl: 600, backendDeadline: '60s' }),
    )
  }

  async run(actions: number): Promise<void> {
    // What is sent before somebody listens is heard by nobody.
    for (const at of [0, 1]) this.#guard(this.#visit(at, '/a'))
    await this.#scheduler.drain()
    for (let i = 0; i < actions; i++) {
      this.#act()
      const steps = Math.floor(this.#scheduler.random() * 8)
      for (let s = 0; s < steps; s++) await this.#scheduler.step()
    }
    await this.#scheduler.drain()
    if (this.#bus === 'losing') this.#reconnect()
    await this.#advance(boundMs + 1)
    for (const at of [0, 1]) for (const url of urls) this.#guard(this.#visit(at, url))
    await this.#scheduler.drain()
  }

  #open(): CacheBackend {
    const timers: Timers = {
      now: this.#clock,
      after: (ms, run) => {
        const timer = { at: this.#clock() + ms, run }
        this.#timers.push(timer)
        return () =>
          void (this.#timers.includes(timer) && this.#timers.splice(this.#timers.indexOf(timer), 1))
      },
    }
    const l1 = memory({ clock: this.#clock })
    return createTiered([l1, this.#shared.backend()], { bus: this.#bus !== 'none' }, timers)
  }

  #step(operation: string, call: () => MaybePromise<unknown>): MaybePromise<unknown> {
    if (operation === 'close') return call()
    if (operation !== 'publish') return this.#scheduler.later(call)
    this.#underWay++
    return this.#scheduler.later(() => {
      this.#underWay--
      return call()
    })
  }

  #deliver(send: () => void): void {
    if (this.#bus === 'losing' && this.#scheduler.random() < 0.4) return
    this.#underWay++
    void this.#scheduler.later(() => {
      send()
      this.#underWay--
    })
  }

  #act(): void {
    const { random } = this.#scheduler
    const drawn = random()
    const at = random() < 0.5 ? 0 : 1
    if (drawn < 0.65) this.#guard(this.#visit(at, pick(random, urls)))
    else if (drawn < 0.85) this.#guard(this.#change(at, pick(random, urls)))
    else if (drawn < 0.95) void this.#advance(pick(random, [100, 500, 1100, 3000]))
    else if (this.#bus === 'losing') this.#reconnect()
  }

  #reconnect(): void {
    this.#shared.reconnect()
    this.#reconnected = this.#settled.length
  }

  async #advance(ms: number): Promise<void> {
    this.#clock.advance(ms)
    for (const timer of this.#timers.filter(({ at }) => at <= this.#clock())) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      void this.#scheduler.pause().then(timer.run)
    }
  }

  /** The oldest version that a process may answer with now. */
  #least(at: number, url: string): number {
    let least = 0
    for (const [index, settled] of this.#settled.entries()) {
      if (settled.url !== url) continue
      const known =
        settled.by === at ||
        (this.#bus === 'healthy' && this.#underWay === 0) ||
        (this.#bus === 'losing' && index < this.#reconnected) ||
        (this.#bus === 'none' && this.#clock() >= settled.at + boundMs)
      if (known) least = Math.max(least, settled.version)
    }
    return least
  }

  async #visit(at: number, url: string): Promise<void> {
    const least = this.#least(at, url)
    const decision = await (this.#caches[at] as ResponseCache).lookup(requestOf(url))
    if (decision.action === 'reuse') {
      this.hits++
      const { body, how } = servedOf(decision.response)
      if (Number(body) < least) this.problems.push(`${url} ${body} < ${least} from process ${at}: ${how}`)
      return
    }
    const forward = forwardOf(decision)
    await this.#scheduler.pause()
    const version = this.#versions.get(url) ?? 0
    await this.#scheduler.pause()
    const verdict = forward.respond({ status: 200, headers: {} })
    if (verdict.record) forward.write(Buffer.from(String(version)))
    await forward.end()
  }

  async #change(at: number, url: string): Promise<void> {
    const version = (this.#versions.get(url) ?? 0) + 1
    this.#versions.set(url, version)
    await (this.#caches[at] as ResponseCache).invalidate({ url })
    this.#settled.push({ url, version, by: at, at: this.#clock() })
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => this.problems.push(`thrown: ${String(error)}`))
  }
}

describe('two processes on one store never answer with what', () => {
  const count = scaled(250, 25_000)
  /** A comparison that is under way, and began too long ago for who comes now. */
  const told = [10_927]
  const rows: readonly [title: string, bus: Bus][] = [
    ['they have invalidated, nor the other one has told them of', 'healthy'],
    ['they have invalidated, nor the other one before messages came again', 'losing'],
    ['they have invalidated, nor the other one a second ago', 'none'],
  ]
  test.each(rows)(
    `%s, in ${count} random schedules`,
    async (_title, bus) => {
      const problems: string[] = []
      let hits = 0
      for (const seed of [...Array.from({ length: count }, (_, n) => n + 1), ...told]) {
        const sharing = new Sharing(seed, bus)
        await sharing.run(40)
        hits += sharing.hits
        for (const problem of sharing.problems) problems.push(`seed ${seed}: ${problem}`)
      }
      expect(problems.slice(0, 5)).toEqual([])
      expect(hits).toBeGreaterThan(count * 4)
    },
    scaled(120_000, 3_600_000),
  )
})
