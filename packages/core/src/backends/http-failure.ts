import { CacheBackendError } from '../errors.ts'

/** Why an attempt came to nothing, and whether another one may do better. */
export class Failure extends Error {
  readonly retry: 'at once' | 'later' | 'never'
  readonly late: boolean

  constructor(
    message: string,
    retry: Failure['retry'],
    { cause, late = false }: { cause?: unknown; late?: boolean } = {},
  ) {
    super(message, { cause })
    this.retry = retry
    this.late = late
  }
}

const isRefused = (status: number): boolean => status === 401 || status === 403

/** Undefined for what may be an answer of the protocol, of which 404 is one. */
export const failureOf = (status: number): Failure | undefined => {
  if (status < 300 || status === 404) return undefined
  if (isRefused(status)) return new Failure(`the server refuses the token (${status})`, 'never')
  if (status < 400) return new Failure(`the server redirects (${status}), which is not followed`, 'never')
  // 501 says that the store behind the server cannot do this at all.
  const passes = status === 429 || (status >= 500 && status !== 501)
  return new Failure(`the server answered ${status}`, passes ? 'later' : 'never')
}

/** What callers are told of. */
export const errorOf = (operation: string, cause: unknown): CacheBackendError => {
  const about = { backend: 'http', operation, cause }
  if (!(cause instanceof Failure)) return new CacheBackendError('CONNECTION_ERROR', about)
  if (cause.late) return new CacheBackendError('TIMEOUT_ERROR', about)
  const broke = cause.retry !== 'never' && cause.cause !== undefined
  return new CacheBackendError(broke ? 'CONNECTION_ERROR' : 'BACKEND_ERROR', about)
}
