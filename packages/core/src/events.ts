import type { CircuitChange } from './guarded.ts'
import type { Selector } from './selector.ts'

/**
 * What an event says of a stored response.
 *
 * @example
 * cache.on('hit', (entry: EntryInfo) => metrics.hit(entry.route ?? entry.url, entry.ageMs))
 */
export interface EntryInfo {
  readonly key: string
  readonly url: string
  readonly route?: string
  readonly status: number
  readonly ageMs: number
  /** Milliseconds of freshness left; negative where it is stale. */
  readonly ttlMs: number
  readonly bytes: number
  readonly tags: readonly string[]
}

/**
 * The events of a cache. A listener that throws is reported and does not disturb the request.
 *
 * @example
 * cache.on('error', ({ code, op, error }: CacheEvents['error']) => console.warn(code, op, error))
 */
export interface CacheEvents {
  hit: EntryInfo
  miss: { readonly key: string; readonly reason: string }
  store: EntryInfo
  /** A response that was not stored, with the reason. */
  reject: { readonly key: string; readonly code: string; readonly detail: string }
  invalidate: { readonly selector: Selector; readonly seq: number; readonly reason?: string }
  /** The store was given up, is tried again, or is back. */
  circuit: CircuitChange
  refresh: { readonly key: string; readonly ms: number; readonly ok: boolean }
  /** What was absorbed: a stable code, the operation, and what was thrown. */
  error: { readonly code: ErrorCode; readonly op: string; readonly error: unknown }
}

/**
 * The codes of `error` events; the errors page tells what each means.
 *
 * @example
 * const fromStore: readonly ErrorCode[] = ['BACKEND_READ', 'BACKEND_WRITE']
 */
export type ErrorCode =
  | 'BACKEND_READ'
  | 'BACKEND_WRITE'
  | 'BACKEND_DELETE'
  | 'BACKEND_INVALIDATE'
  | 'BACKEND_CIRCUIT'
  | 'ENTRY_UNREADABLE'
  | 'HANDLER_FAILED'
  | 'POLICY_FUNCTION'
  | 'REVALIDATION_FAILED'
  | 'LISTENER'
  | 'REQUEST_BODY'
  | 'VARIANTS_EXCEEDED'

/**
 * Counters of a cache since its start or the last `reset()`.
 *
 * @example
 * console.log(cache.stats().hitRate, cache.stats().byRoute['/items/:id'])
 */
export interface CacheStats {
  hits: number
  stale: number
  misses: number
  bypasses: number
  collapsed: number
  hitForMiss: number
  stored: number
  errors: number
  /** At most 1,000 routes; what comes later counts under `(other)`. */
  byRoute: Record<string, RouteStats>
  /** (hits + stale) / (hits + stale + misses), 0 before the first request. */
  readonly hitRate: number
  reset(): void
  toJSON(): Record<string, unknown>
}

/**
 * Counters of one route. `savedMs`: the handler time that hits did not spend.
 *
 * @example
 * const { hits, misses, savedMs }: RouteStats = cache.stats().byRoute['/items']
 */
export interface RouteStats {
  hits: number
  misses: number
  savedMs: number
}
