import { StoreStats } from '@stowage/core'

interface LinkState {
  readonly connected: boolean
  readonly failures: number
}

/** Counts what the backend does itself. Redis does not say what a namespace holds. */
export class RedisCounters extends StoreStats {
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

  /** Attempts to connect, and connections, that have failed. */
  get connectionErrors(): number {
    return this.#link.failures - this.#failuresBefore
  }

  override get utilization(): number {
    return 0
  }

  override get entryUtilization(): number {
    return 0
  }

  override reset(): void {
    super.reset()
    this.#failuresBefore = this.#link.failures
  }

  override toJSON(): Record<string, unknown> {
    const { connected, connectionErrors } = this
    return { ...super.toJSON(), connected, connectionErrors }
  }
}
