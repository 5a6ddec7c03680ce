import type { BackendHealth, BackendStats, CacheBackend } from '../backend.ts'
import { messageOf } from '../errors.ts'
import type { CircuitChange, CircuitState, GuardBackend, GuardedStore } from '../guarded.ts'
import { askHealth } from '../health.ts'
import { eachReady, isPromise, type MaybePromise, whenReady } from '../message.ts'
import { within } from '../within.ts'
import { Circuit } from './circuit.ts'
import { fallbackOf } from './fallback.ts'
import { Guard } from './guard.ts'
import { guardedTagsOf, guardedView, type StoreParts } from './guarded-view.ts'
import { isMemory } from './memory.ts'
import { Outage } from './outage.ts'
import { Overtaken } from './overtaken.ts'
import { ResilientLog } from './resilient-log.ts'
import { type ResilientOptions, type ResilientSettings, readResilientOptions } from './resilient-options.ts'
import { ResilientCounts, type ResilientStats, resilientStats } from './resilient-stats.ts'
import { realTimers, type Timers } from './timers.ts'

/**
 * What `resilient()` gives: the backend's own capabilities, and statistics and health that tell of the circuit.
 *
 * @example
 * const backend: ResilientBackend = resilient(myBackend())
 * console.log(backend.circuit)   // 'closed'
 */
export interface ResilientBackend extends CacheBackend {
  readonly name: string
  readonly circuit: CircuitState
  /** Where the circuit is open, asks the store at once: for who knows that it may be back. */
  probe(): void
  stats(): MaybePromise<ResilientStats>
  health(): MaybePromise<BackendHealth>
}

/** Packages have their own copy of this module, and find each other's by this. */
const viewsOf = Symbol.for('stowage.guarded')

interface Brand {
  readonly owner: unknown
  readonly views: (deadlineMs: number) => GuardedStore
}

/** Says that a backend sees to its deadlines itself. */
export const withViews = <B extends CacheBackend>(backend: B, views: Brand['views']): B =>
  Object.defineProperty(backend, viewsOf, { value: { owner: backend, views } satisfies Brand })

/** A wrapper that shows the members of what it wraps must not be passed by. */
export const guardedViewsOf = (backend: CacheBackend): Brand['views'] | undefined => {
  const brand = (backend as { [viewsOf]?: Brand })[viewsOf]
  return brand?.owner === backend ? brand.views : undefined
}

/** A store that hangs does not hold up the end of the process. */
const closeMs = 5000

/** One store behind a circuit breaker. */
class ResilientStore {
  readonly #settings: ResilientSettings
  readonly #backend: CacheBackend
  readonly #circuit: Circuit
  readonly #store: StoreParts
  readonly #log: ResilientLog
  readonly #onCircuit: Set<(change: CircuitChange) => void>
  #closing: MaybePromise<void> | undefined
  #closed = false

  constructor(backend: CacheBackend, settings: ResilientSettings, timers: Timers) {
    const name = backend.name ?? 'backend'
    const { now } = timers
    const { threshold, timeoutMs, deadlineMs, attempts, backoffBaseMs, backoffMaxMs } = settings
    this.#settings = settings
    this.#backend = backend
    this.#log = new ResilientLog(settings.logger, now)
    this.#onCircuit = new Set([settings.onCircuit])
    this.#circuit = new Circuit({
      threshold,
      timeoutMs,
      timers,
      probe: () => this.#probe(),
      changed: (state, previous, cause) => this.#changed(state, previous, cause),
    })
    const guard = new Guard({
      backend: name,
      circuit: this.#circuit,
      limits: { attempts, backoffBaseMs, backoffMaxMs },
      now,
      failed: (asked, error) => this.#log.failed(asked, error),
    })
    const fallback = fallbackOf(settings)
    const local = fallback !== undefined
    const state = backend.tags
    const outage = state === undefined ? undefined : new Outage({ state, guard, local, deadlineMs, now })
    const overtaken = new Overtaken({ backend, guard, deadlineMs })
    this.#store = { name, backend, guard, counts: new ResilientCounts(), fallback, outage, overtaken }
  }

  facade(): ResilientBackend {
    const { deadlineMs } = this.#settings
    const view = guardedView(this.#store, { deadlineMs, absorbs: true, fallback: true })
    const made = { ...view, ...this.#own(deadlineMs), probe: () => this.#circuit.probe() }
    Object.defineProperty(made, 'circuit', { get: () => this.#circuit.state, enumerable: true })
    return withViews(made as ResilientBackend, (atMost) => this.views(Math.min(atMost, deadlineMs)))
  }

  #own(deadlineMs: number): Pick<ResilientBackend, 'stats' | 'health' | 'close'> {
    return { stats: () => this.#stats(), health: () => this.#health(deadlineMs), close: () => this.#close() }
  }

  views(deadlineMs: number): GuardedStore {
    const own = this.#own(deadlineMs)
    const view = (fallback: boolean): CacheBackend => ({
      ...guardedView(this.#store, { deadlineMs, absorbs: false, fallback }),
      ...own,
    })
    return {
      entries: view(true),
      durable: view(false),
      tags: guardedTagsOf(this.#store, { deadlineMs, standIn: false }),
      onCircuit: (listener) => {
        this.#onCircuit.add(listener)
        return () => void this.#onCircuit.delete(listener)
      },
    }
  }

  /** Whether the store answers, and has heard of all that was invalidated while it did not. */
  async #probe(): Promise<void> {
    const { guard, outage, overtaken } = this.#store
    const health = await guard.call({
      operation: 'health',
      run: () => askHealth(this.#backend),
      deadlineMs: this.#settings.deadlineMs,
      repeatable: false,
      always: true,
    })
    if (health?.status === 'unhealthy') throw new Error(health.error ?? 'the store says that it is unhealthy')
    if (outage?.owes === true) await outage.makeUp()
    if (overtaken.owes) await overtaken.makeUp()
  }

  #changed(state: CircuitState, previous: CircuitState, cause: unknown): void {
    const { fallback, outage, guard, name } = this.#store
    if (previous === 'closed') outage?.begin()
    if (state === 'closed') {
      outage?.end()
      guard.recovered()
    }
    if (previous === 'closed' || state === 'closed') fallback?.empty()
    this.#log.circuit(name, state, previous, cause)
    const change = { state, previous, ...(cause === undefined ? {} : { cause }) }
    for (const listener of this.#onCircuit) {
      try {
        listener(change)
      } catch {}
    }
  }

  /** The wrapper's own where the store cannot say any. */
  #stats(): MaybePromise<ResilientStats> {
    const { guard, counts, name } = this.#store
    const of = (store: BackendStats | undefined): ResilientStats =>
      resilientStats({ backend: name, counts, guard, circuit: this.#circuit, store })
    if (!guard.isInReach) return of(undefined)
    try {
      const stats = this.#backend.stats?.()
      if (!isPromise(stats)) return of(stats)
      const told = within(Promise.resolve(stats), closeMs, { backend: name, operation: 'stats' })
      return told.then(of, () => of(undefined))
    } catch {
      return of(undefined)
    }
  }

  #health(deadlineMs: number): MaybePromise<BackendHealth> {
    const { guard, fallback } = this.#store
    const began = performance.now()
    const failed = (error: unknown): BackendHealth => ({
      status: guard.isInReach || fallback === undefined ? 'unhealthy' : 'degraded',
      connected: false,
      circuit: this.#circuit.state,
      error: messageOf(error),
    })
    if (this.#closed) return failed(new Error('closed'))
    if (!guard.isInReach) return failed(guard.lastError)
    const told = (health: BackendHealth | undefined): BackendHealth => {
      const found = health ?? { status: 'healthy', connected: true, latencyMs: performance.now() - began }
      return { ...found, circuit: this.#circuit.state }
    }
    try {
      const call = { operation: 'health', run: () => askHealth(this.#backend), deadlineMs, repeatable: false }
      const health = guard.call(call)
      return isPromise(health) ? health.then(told, failed) : told(health)
    } catch (error) {
      return failed(error)
    }
  }

  #close(): MaybePromise<void> {
    if (this.#closed) return this.#closing
    this.#closed = true
    this.#circuit.stop()
    const both = eachReady([this.#store.fallback, this.#backend], (one) => this.#closeInTime(one))
    this.#closing = whenReady(both, () => undefined)
    return this.#closing
  }

  #closeInTime(one: Pick<CacheBackend, 'close'> | undefined): MaybePromise<void> {
    const { name } = this.#store
    const done = one?.close()
    if (!isPromise(done)) return undefined
    const asked = { backend: name, operation: 'close' }
    return within(Promise.resolve(done), closeMs, asked).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'TIMEOUT_ERROR') throw error
      this.#log.failed(asked, error)
    })
  }
}

/**
 * Any backend with a deadline for each operation, retries within it, a circuit breaker, and on request a fallback.
 * Reads that fail are misses, and entries that cannot be written are lost; nothing waits longer than the deadline, and
 * while the circuit is open nothing waits at all. What deletes, counts or invalidates still rejects where the store did
 * not take it. A backend that answers at once still does.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_DURATION`,
 * `CACHE_CONFIG_TYPE`
 *
 * @example
 * const backend = resilient(myBackend(), { deadline: '100ms', fallback: true, logger: console })
 * await backend.get('greeting')   // null where the store is out of reach
 */
export const resilient = (backend: CacheBackend, options: ResilientOptions = {}): ResilientBackend =>
  createResilient(backend, readResilientOptions(options, 'resilient'), realTimers)

/** With timers of one's own. */
export const createResilient = (
  backend: CacheBackend,
  settings: ResilientSettings,
  timers: Timers,
): ResilientBackend => new ResilientStore(backend, settings, timers).facade()

/** What a cache does with the backend of its options: a deadline and a breaker, unless it has both, or needs neither. */
export const guardBackend: GuardBackend = (backend, deadlineMs) => {
  if (isMemory(backend))
    return { entries: backend, durable: backend, tags: backend.tags, onCircuit: () => () => undefined }
  const views = guardedViewsOf(backend)
  if (views !== undefined) return views(deadlineMs)
  // No retries: a request that waits for the second attempt could have its answer from the handler by then.
  const settings = { ...readResilientOptions({ retryAttempts: 1 }, 'resilient'), deadlineMs }
  return new ResilientStore(backend, settings, realTimers).views(deadlineMs)
}
