import type { CacheBackend, TagState } from './backend.ts'

/**
 * Where a circuit breaker stands. `closed`: calls go to the store. `open`: they do not. `half-open`: one probe is asking
 * whether they may again.
 *
 * @example
 * const state: CircuitState = 'closed'
 */
export type CircuitState = 'closed' | 'open' | 'half-open'

/**
 * One change of a circuit breaker.
 *
 * @example
 * const backend = resilient(store, { onCircuit: ({ state }: CircuitChange) => gauge.set(state === 'closed' ? 0 : 1) })
 */
export interface CircuitChange {
  readonly state: CircuitState
  readonly previous: CircuitState
  /** The failure that opened it, or kept it open. */
  readonly cause?: unknown
}

/** How a cache looks at its store: every call ends in time, and failures reject, so that it can tell of them. */
export interface GuardedStore {
  /** Where entries lie: a fallback may stand in while the store is out of reach. */
  readonly entries: CacheBackend
  /** The store alone: what must not be lost. */
  readonly durable: CacheBackend
  /** The store's own count of invalidations, where it keeps one: rejects while that is out of reach, whatever stands in. */
  readonly tags: TagState | undefined
  /** Told of failures that no caller learns of, because the answer came from elsewhere. */
  onAbsorbed?(listener: (operation: string, error: unknown) => void): () => void
  /** Listens to the circuit; the function returned stops that. */
  onCircuit(listener: (change: CircuitChange) => void): () => void
}

/** Makes every call to a backend end within so many milliseconds. */
export type GuardBackend = (backend: CacheBackend, deadlineMs: number) => GuardedStore
