import type { Parts } from './cache-parts.ts'
import { CacheBackendError } from './errors.ts'
import { type MaybePromise, whenReady } from './message.ts'
import type { Invalidation } from './selector.ts'

const tellOf = ({ reports }: Parts, { selector, reason }: Invalidation, seq: number): void =>
  reports.emit('invalidate', { selector, seq, ...(reason === undefined ? {} : { reason }) })

/** On behalf of a request: what fails is reported, and nothing waits longer than the deadline. */
export const invalidateForRequest = (parts: Parts, invalidation: Invalidation): MaybePromise<void> => {
  const { stamps, calls, loads } = parts
  loads.noteInvalidation()
  const done = calls.make<number | undefined>({
    code: 'BACKEND_INVALIDATE',
    operation: 'tags.bump',
    run: () => stamps.invalidate(invalidation.tags, invalidation.mode),
    otherwise: undefined,
  })
  return whenReady(done, (seq) => {
    if (seq !== undefined) tellOf(parts, invalidation, seq)
  })
}

/** On behalf of the application: it learns whether the store has taken the invalidation. */
export const invalidateForApplication = async (
  parts: Parts,
  invalidation: Invalidation,
): Promise<{ seq: number }> => {
  const { stamps, reports, backend, loads } = parts
  loads.noteInvalidation()
  try {
    const seq = await stamps.invalidate(invalidation.tags, invalidation.mode)
    tellOf(parts, invalidation, seq)
    return { seq }
  } catch (error) {
    reports.error('BACKEND_INVALIDATE', 'invalidate', error)
    const about = { backend: backend.name ?? 'backend', operation: 'invalidate', cause: error }
    throw new CacheBackendError(error instanceof CacheBackendError ? error.code : 'BACKEND_ERROR', about)
  }
}
