import type { CacheBackend } from '@stowage/core'
import { interceptBackend } from './intercept.ts'

/**
 * One call that a mock backend received.
 *
 * @example
 * const call: MockCall = { operation: 'set', args: ['a', '1', 60] }
 */
export interface MockCall {
  readonly operation: 'get' | 'set' | 'delete' | 'close'
  readonly args: readonly unknown[]
}

/**
 * A backend with the four methods that every backend has, and nothing else; what it was asked is in `calls`.
 *
 * @example
 * const backend: MockBackend = mockBackend()
 * backend.get('a')
 * backend.calls   // [{ operation: 'get', args: ['a'] }]
 */
export interface MockBackend extends CacheBackend {
  readonly name: string
  /** In the order received. */
  readonly calls: readonly MockCall[]
  /** All that is stored, expired or not. */
  readonly entries: ReadonlyMap<string, { readonly value: string; readonly expiresAt: number }>
  get(key: string): string | null
  set(key: string, value: string, ttl: number): void
  delete(key: string): void
  close(): void
  /** Forgets calls and entries. */
  reset(): void
}

/**
 * A `MockBackend` on a Map. `clock` gives milliseconds; default: the process's monotonic clock.
 *
 * @example
 * const backend = mockBackend({ clock: fakeClock() })
 */
export const mockBackend = (options: { name?: string; clock?: () => number } = {}): MockBackend => {
  const { name = 'mock', clock = () => performance.now() } = options
  const entries = new Map<string, { readonly value: string; readonly expiresAt: number }>()
  const calls: MockCall[] = []
  let closed = false
  return {
    name,
    calls,
    entries,
    get: (key) => {
      calls.push({ operation: 'get', args: [key] })
      const entry = entries.get(key)
      return entry !== undefined && entry.expiresAt > clock() ? entry.value : null
    },
    set: (key, value, ttl) => {
      calls.push({ operation: 'set', args: [key, value, ttl] })
      if (!closed) entries.set(key, { value, expiresAt: clock() + ttl * 1000 })
    },
    delete: (key) => {
      calls.push({ operation: 'delete', args: [key] })
      entries.delete(key)
    },
    close: () => {
      calls.push({ operation: 'close', args: [] })
      closed = true
      entries.clear()
    },
    reset: () => {
      calls.length = 0
      entries.clear()
    },
  }
}

/**
 * `backend` with every answer a promise, as a store across a network gives it; its capabilities stay.
 *
 * @example
 * const backend = asyncBackend(memory())
 * await backend.get('a')   // null
 */
export const asyncBackend = (backend: CacheBackend): CacheBackend =>
  interceptBackend(backend, async (_operation, call) => call())
