import type { AbsorbingCalls } from './absorbing-calls.ts'
import type { CacheBackend } from './backend.ts'
import { KeptValues } from './kept-values.ts'
import { keyOf, keyPrefix } from './key.ts'
import { Loads } from './loads.ts'
import type { Policy, Settings } from './policy.ts'
import type { Reports } from './reports.ts'
import { serializerOf } from './serializer.ts'
import type { Stamps } from './stamps.ts'

/** Of a loaded value that nobody gives a lifetime: that of a route. */
const standardTtl = 300_000

/** Milliseconds. */
export const loadTtl = ({ ttl }: Pick<Policy, 'ttl'>): number => (typeof ttl === 'number' ? ttl : standardTtl)

/** The loads of one response cache: their keys begin as no response's does. */
export const createLoads = (parts: {
  readonly backend: CacheBackend
  readonly settings: Settings
  readonly stamps: Stamps
  readonly calls: AbsorbingCalls
  readonly reports: Reports
}): Loads => {
  const { backend, settings, stamps, calls, reports } = parts
  const prefix = `${keyPrefix(settings.namespace, settings.version)} value:`
  const { clock } = settings
  const kept = new KeptValues({
    backend,
    stamps,
    calls,
    serializer: serializerOf(backend.name ?? 'backend', 'json'),
    clock,
    keyOf: (key) => keyOf(prefix + key).id,
    damaged: (error) => reports.error('ENTRY_UNREADABLE', 'decode', error),
  })
  return new Loads({
    kept,
    clock,
    failed: (error) => reports.error('REVALIDATION_FAILED', 'getOrSet', error),
  })
}
