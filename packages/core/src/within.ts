import { CacheBackendError } from './errors.ts'

/** What an answer is late for. */
export interface BackendOperation {
  readonly backend: string
  readonly operation: string
}

export const lateError = ({ backend, operation }: BackendOperation, ms: number): CacheBackendError =>
  new CacheBackendError('TIMEOUT_ERROR', { backend, operation, cause: `no answer within ${ms} ms` })

/** The answer, or a `TIMEOUT_ERROR` where it takes longer than `ms`. */
export const within = <T>(answer: Promise<T>, ms: number, asked: BackendOperation): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(lateError(asked, ms)), ms)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
