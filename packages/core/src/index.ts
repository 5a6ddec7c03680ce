export type {
  BackendHealth,
  BackendStats,
  CacheBackend,
  MemoryBackend,
  SyncTagState,
  TagState,
} from './backend.ts'
export { memory } from './backends/memory.ts'
export type { MemoryOptions } from './backends/memory-options.ts'
export type { ByteSize, Duration } from './durations.ts'
export { type BackendErrorCode, CacheBackendError, CacheConfigError, type ConfigProblem } from './errors.ts'
export type { FieldMap, MaybePromise, Reason, ResponseHead } from './message.ts'
