import type { BackendStats } from '../backend.ts'
import type { CircuitState } from '../guarded.ts'
import type { Circuit } from './circuit.ts'
import type { Guard } from './guard.ts'
import { RelayedStats, WrapperCounts } from './relayed-stats.ts'
import { percent } from './store-stats.ts'

/**
 * Statistics of `resilient()`: those of the store behind it, and how it could be reached.
 *
 * @example
 * const { circuit, errorRate, fallbackHits }: ResilientStats = await backend.stats()
 */
export interface ResilientStats extends BackendStats {
  readonly circuit: CircuitState
  /** Whether the circuit is closed, and the store says nothing else. */
  readonly connected: boolean
  /** How often the circuit has opened. */
  readonly trips: number
  /** Reads that the fallback has answered. */
  readonly fallbackHits: number
  /** Operations that went to the store; those that found the circuit open are not among them. */
  readonly totalOperations: number
  /** Failed attempts by operations, at most 1. */
  readonly errorRate: number
  /** Failures by which the store was out of reach; one that was late is not among them. */
  readonly connectionErrors: number
}

/** What the wrapper counts itself: a store that is out of reach cannot say. */
export class ResilientCounts extends WrapperCounts {
  fallbackHits = 0

  override reset(): void {
    super.reset()
    this.fallbackHits = 0
  }
}

export interface StatsParts {
  readonly backend: string
  readonly counts: ResilientCounts
  readonly guard: Guard
  readonly circuit: Circuit
  /** The store's own; undefined where it has none, or cannot be asked now. */
  readonly store: BackendStats | undefined
}

/** As of the moment in which it was asked for, so that it reads the same afterwards. */
class Snapshot extends RelayedStats implements ResilientStats {
  readonly circuit: CircuitState
  readonly connected: boolean
  readonly trips: number
  readonly fallbackHits: number
  readonly totalOperations: number
  readonly errorRate: number
  readonly connectionErrors: number
  readonly #parts: StatsParts
  readonly #own: Record<string, unknown>

  constructor(parts: StatsParts) {
    const { store, counts, guard, circuit } = parts
    super(parts.backend, store, counts)
    const { operations, failures, connectionErrors } = guard.counts
    const own = store?.toJSON() ?? {}
    this.#parts = parts
    this.#own = own
    this.errors = failures
    this.circuit = circuit.state
    this.connected = circuit.state === 'closed' && own.connected !== false
    this.trips = circuit.trips
    this.fallbackHits = counts.fallbackHits
    this.totalOperations = operations
    this.errorRate = operations === 0 ? 0 : Math.min(1, failures / operations)
    this.connectionErrors = Math.max(connectionErrors, Number(own.connectionErrors ?? 0) || 0)
  }

  override reset(): void {
    const { counts, guard, circuit, store } = this.#parts
    super.reset()
    store?.reset()
    counts.reset()
    guard.resetCounts()
    circuit.resetTrips()
  }

  override toJSON(): Record<string, unknown> {
    const { circuit, connected, trips, fallbackHits, totalOperations, errorRate, connectionErrors } = this
    const own = { circuit, connected, trips, fallbackHits, totalOperations, errorRate, connectionErrors }
    return { ...this.#own, ...super.toJSON(), ...own }
  }

  override toString(): string {
    return `${this.backend}: circuit ${this.circuit}, hit rate ${percent(this.hitRate)}, error rate ${percent(this.errorRate)}`
  }
}

export const resilientStats = (parts: StatsParts): ResilientStats => new Snapshot(parts)
