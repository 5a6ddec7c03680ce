import { messageOf } from './errors.ts'
import type { CacheEvents, CacheStats, ErrorCode, RouteStats } from './events.ts'
import { isPromise } from './message.ts'
import type { Logger } from './options.ts'

export type Counter =
  | 'hits'
  | 'stale'
  | 'misses'
  | 'bypasses'
  | 'collapsed'
  | 'hitForMiss'
  | 'stored'
  | 'errors'

const mostRoutes = 1000
/** A router may be mounted at a pattern, and its routes carry what a client has put there. */
const longestRoute = 256
const otherRoutes = '(other)'
/** Warnings of one code within one second: more say nothing new. */
const warningsPerSecond = 5

type Listener<E extends keyof CacheEvents> = (event: CacheEvents[E]) => void

const zeroCounters = (): Record<Counter, number> => ({
  hits: 0,
  stale: 0,
  misses: 0,
  bypasses: 0,
  collapsed: 0,
  hitForMiss: 0,
  stored: 0,
  errors: 0,
})

/** Statistics, events and log lines of one cache. */
export class Reports {
  readonly #logger: Logger | undefined
  readonly #listeners = new Map<keyof CacheEvents, Set<Listener<never>>>()
  readonly #warned = new Map<string, { second: number; count: number }>()
  #routes = new Map<string, RouteStats>()
  #counters = zeroCounters()

  constructor(logger: Logger | undefined) {
    this.#logger = logger
  }

  count(counter: Counter): void {
    this.#counters[counter]++
  }

  countHit(route: string | undefined, savedMs: number): void {
    if (route === undefined) return
    const stats = this.#route(route)
    stats.hits++
    stats.savedMs += savedMs
  }

  countMiss(route: string | undefined): void {
    if (route !== undefined) this.#route(route).misses++
  }

  /** Whether anybody would see such an event: its particulars need not be gathered otherwise. */
  wants(event: keyof CacheEvents): boolean {
    return this.#logger !== undefined || (this.#listeners.get(event)?.size ?? 0) > 0
  }

  on<E extends keyof CacheEvents>(event: E, listener: Listener<E>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener as Listener<never>)
    return () => void listeners.delete(listener as Listener<never>)
  }

  emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void {
    if (event !== 'error') this.#log('debug', `stowage ${event}`, payload)
    const failed = (error: unknown): void => {
      if (event !== 'error') this.error('LISTENER', event, error)
    }
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        const done: unknown = (listener as Listener<E>)(payload)
        if (isPromise(done)) done.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }

  /** An absorbed failure. Nobody listening and no logger: a process warning, so that it is not silent. */
  error(code: ErrorCode, op: string, error: unknown): void {
    this.count('errors')
    this.emit('error', { code, op, error })
    if (!this.#mayWarn(code)) return
    const message = `${op}: ${messageOf(error)}`
    if (this.#logger !== undefined) this.#log('warn', `stowage ${code} ${message}`)
    else if ((this.#listeners.get('error')?.size ?? 0) === 0)
      process.emitWarning(message, { type: 'StowageWarning', code })
  }

  stats(): CacheStats {
    const counters = { ...this.#counters }
    const requests = counters.hits + counters.stale + counters.misses
    const byRoute = Object.fromEntries([...this.#routes].map(([route, stats]) => [route, { ...stats }]))
    const hitRate = requests === 0 ? 0 : (counters.hits + counters.stale) / requests
    return {
      ...counters,
      byRoute,
      hitRate,
      reset: () => {
        this.#counters = zeroCounters()
        this.#routes = new Map()
      },
      toJSON: () => ({ ...counters, hitRate, byRoute }),
    }
  }

  /** A logger that throws must not disturb the request, and there is nobody to tell. */
  #log(level: 'debug' | 'warn', message: string, ...more: readonly unknown[]): void {
    try {
      this.#logger?.[level](message, ...more)
    } catch {}
  }

  #route(route: string): RouteStats {
    const known = this.#routes.get(route)
    if (known !== undefined) return known
    const tooMany = this.#routes.size >= mostRoutes || route.length > longestRoute
    if (tooMany && route !== otherRoutes) return this.#route(otherRoutes)
    const stats = { hits: 0, misses: 0, savedMs: 0 }
    this.#routes.set(route, stats)
    return stats
  }

  #mayWarn(code: string): boolean {
    const second = Math.floor(performance.now() / 1000)
    const warned = this.#warned.get(code)
    if (warned === undefined || warned.second !== second) {
      this.#warned.set(code, { second, count: 1 })
      return true
    }
    warned.count++
    return warned.count <= warningsPerSecond
  }
}
