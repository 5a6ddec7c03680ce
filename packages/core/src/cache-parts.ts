import { AbsorbingCalls } from './absorbing-calls.ts'
import type { BackendHealth, CacheBackend } from './backend.ts'
import { createLoads } from './cache-loads.ts'
import type { GuardBackend, GuardedStore } from './guarded.ts'
import { askHealth, unreachable } from './health.ts'
import type { Loads } from './loads.ts'
import type { CacheOptions } from './options.ts'
import { compileOptions, type Policy, type Settings } from './policy.ts'
import { Reports } from './reports.ts'
import { createStamps, type Stamps } from './stamps.ts'

/** What one cache is made of. */
export interface Parts {
  /** The user's own. */
  readonly backend: CacheBackend
  readonly guarded: GuardedStore
  readonly settings: Settings
  readonly policy: Policy
  readonly stamps: Stamps
  readonly reports: Reports
  readonly calls: AbsorbingCalls
  readonly loads: Loads
}

/** A backend that others may share keeps no count of invalidations: what that means is said once, at the start. */
const noteLocalInvalidation = ({ name = 'backend' }: CacheBackend, { logger }: Settings): void => {
  const message = `${name} has no tags capability: invalidations are seen by this process alone`
  if (logger !== undefined) logger.warn(`stowage LOCAL_INVALIDATION ${message}`)
  else process.emitWarning(message, { type: 'StowageWarning', code: 'LOCAL_INVALIDATION' })
}

export const createParts = (
  options: CacheOptions | undefined,
  place: string,
  defaultBackend: () => CacheBackend,
  guard: GuardBackend,
): Parts => {
  const { policy, settings } = compileOptions(options, place)
  const backend = settings.backend ?? defaultBackend()
  const reports = new Reports(settings.logger)
  if (backend.tags === undefined) noteLocalInvalidation(backend, settings)
  const guarded = guard(backend, settings.backendDeadline)
  const stamps = createStamps(guarded.durable, settings.namespace)
  // The guard ends every call in time.
  const calls = new AbsorbingCalls(reports)
  const base = { settings, policy, stamps, reports, calls }
  return { ...base, backend, guarded, loads: createLoads({ ...base, backend: guarded.entries }) }
}

/** Its backend's health. */
export const probe = async ({ guarded }: Parts): Promise<BackendHealth> => {
  const began = performance.now()
  try {
    const told = await askHealth(guarded.entries)
    return told ?? { status: 'healthy', connected: true, latencyMs: performance.now() - began }
  } catch (error) {
    return unreachable(error)
  }
}
