import { type BackendStats, StoreStats } from '@stowage/core'

/**
 * Statistics of `redis()`. Redis does not say what a namespace holds: `entries` and `bytes` are -1, and the shares 0.
 *
 * @example
 * const stats = await redis().stats()
 * console.log(stats.connected, stats.circuit, stats.errorRate)
 */
export interface RedisStats extends BackendStats {
  /** Whether a connection is open now. */
  readonly connected: boolean
  /** Attempts to connect, and connections, that have failed. */
  readonly connectionErrors: number
  /** Operations asked of Redis; those that found the breaker open are not among them. */
  readonly totalOperations: number
  /** Share of those that have failed. */
  readonly errorRate: number
}

interface LinkState {
  readonly connected: boolean
  readonly failures: number
}

/** Counts what the backend does itself. */
export class RedisCounters extends StoreStats implements RedisStats {
  totalOperations = 0
  readonly #link: LinkState
  #failuresBefore = 0

  constructor(link: LinkState) {
    const unbounded = Number.POSITIVE_INFINITY
    super('redis', { entries: () => -1, bytes: () => -1, maxEntries: unbounded, maxBytes: unbounded })
    this.#link = link
  }

  get connected(): boolean {
    return this.#link.connected
  }

  get connectionErrors(): number {
    return this.#link.failures - this.#failuresBefore
  }

  get errorRate(): number {
    return this.totalOperations === 0 ? 0 : this.errors / this.totalOperations
  }

  override get utilization(): number {
    return 0
  }

  override get entryUtilization(): number {
    return 0
  }

  override reset(): void {
    super.reset()
    this.totalOperations = 0
    this.#failuresBefore = this.#link.failures
  }

  override toJSON(): Record<string, unknown> {
    const { connected, connectionErrors, totalOperations, errorRate } = this
    return { ...super.toJSON(), connected, connectionErrors, totalOperations, errorRate }
  }

  override toString(): string {
    const state = this.connected ? 'connected' : 'not connected'
    const rate = (share: number): string => `${(share * 100).toFixed(1)} %`
    return `redis: ${state}, hit rate ${rate(this.hitRate)}, error rate ${rate(this.errorRate)}`
  }
}
