import { type BackendErrorCode, CacheBackendError } from '@stowage/core'

/** Errors that say that nobody is there who could answer now. */
const unreachable = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|DENIED)\b/

const codeOf = (error: Error): BackendErrorCode => {
  if (error.name === 'ReplyError')
    return unreachable.test(error.message) ? 'CONNECTION_ERROR' : 'BACKEND_ERROR'
  if (/timed out/i.test(error.message)) return 'TIMEOUT_ERROR'
  return error instanceof TypeError ? 'BACKEND_ERROR' : 'CONNECTION_ERROR'
}

/** Some replies repeat what was sent. */
const withoutArguments = (message: string): string => message.replace(/, with args beginning with:.*$/s, '')

/**
 * The error as it may be logged: ioredis adds the command with all its arguments, and thus bodies and passwords.
 */
export const failureOf = (operation: string, error: unknown): CacheBackendError => {
  if (error instanceof CacheBackendError) return error
  const thrown = error instanceof Error ? error : new Error(String(error))
  const cause = new Error(withoutArguments(thrown.message))
  cause.name = thrown.name
  return new CacheBackendError(codeOf(thrown), { backend: 'redis', operation, cause })
}

export const connectionFailure = (operation: string, cause: string): CacheBackendError =>
  new CacheBackendError('CONNECTION_ERROR', { backend: 'redis', operation, cause: new Error(cause) })
