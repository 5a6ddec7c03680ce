import type { BackendHealth, CacheBackend, TagState } from '@stowage/core'
import type { SqliteStats } from './stats.ts'

/**
 * `sqlite()`: the contract of backends with every member there but messages, each answering with a promise.
 *
 * @example
 * const store: SqliteBackend = sqlite()
 * const { databaseSizeBytes } = await store.stats()
 */
export interface SqliteBackend extends CacheBackend {
  readonly name: string
  readonly tags: TagState
  /** Opens the file, which otherwise the first call does; rejects where that fails. */
  connect(): Promise<void>
  get(key: string): Promise<string | null>
  set(key: string, value: string, ttl: number): Promise<void>
  delete(key: string): Promise<void>
  /** After what was begun. */
  close(): Promise<void>
  has(key: string): Promise<boolean>
  clear(): Promise<number>
  keys(pattern?: string): AsyncIterable<string>
  getMany(keys: readonly string[]): Promise<Map<string, string>>
  setMany(entries: Iterable<readonly [string, string]>, ttl: number): Promise<number>
  deleteMany(keys: readonly string[]): Promise<number>
  getWithTtl(key: string): Promise<{ value: string; ttl: number } | null>
  prune(): Promise<number>
  stats(): Promise<SqliteStats>
  health(): Promise<BackendHealth>
  increment(key: string, ttl?: number): Promise<number>
  setIfAbsent(key: string, value: string, ttl: number): Promise<boolean>
  compareAndDelete(key: string, expected: string): Promise<boolean>
  setIfOwner(key: string, value: string, ttl: number, leaseKey: string, token: string): Promise<boolean>
}
