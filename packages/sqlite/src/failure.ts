import { type BackendErrorCode, CacheBackendError } from '@stowage/core'
import type { Failure } from './calls.ts'

const codes: ReadonlyMap<string, BackendErrorCode> = new Map([
  ['BUSY', 'TIMEOUT_ERROR'],
  ['CANTOPEN', 'CONNECTION_ERROR'],
  ['THREAD', 'CONNECTION_ERROR'],
  ['CLOSED', 'CONNECTION_ERROR'],
  ['TEXT', 'SERIALIZATION_ERROR'],
])

/** A failed call as its caller sees it; `cause` has the message of SQLite. */
export const failureOf = (operation: string, { result, message }: Failure): CacheBackendError => {
  const cause = new Error(message)
  cause.name = `SQLITE_${result}`
  return new CacheBackendError(codes.get(result) ?? 'BACKEND_ERROR', { backend: 'sqlite', operation, cause })
}
