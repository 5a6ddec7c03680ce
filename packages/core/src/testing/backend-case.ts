import type { CacheBackend } from '@stowage/core'

/** A backend as the cases see it. */
export interface Tested {
  readonly backend: CacheBackend
  /** Time passes for the backend. */
  readonly pass: (ms: number) => Promise<void>
  /** Whether `pass` is exact and free: a controlled clock rather than waiting. */
  readonly controlled: boolean
}

/** One promise of the contract, and how it is put to the test. */
export interface BackendCase {
  readonly name: string
  readonly run: (tested: Tested) => Promise<void>
}
