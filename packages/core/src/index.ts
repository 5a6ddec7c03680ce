export type {
  BackendHealth,
  BackendStats,
  CacheBackend,
  MemoryBackend,
  MemoryStats,
  SyncTagState,
  TagState,
} from './backend.ts'
export { type BytesView, bytesView } from './backends/bytes.ts'
export { type CompressedOptions, compressed } from './backends/compressed.ts'
export { file } from './backends/file.ts'
export type { FileOptions } from './backends/file-options.ts'
export { httpApi } from './backends/http-api.ts'
export type { HttpApiOptions } from './backends/http-options.ts'
export { memory } from './backends/memory.ts'
export type { MemoryOptions } from './backends/memory-options.ts'
export { type MetricsBackend, type MetricsStats, metrics, type OperationMetrics } from './backends/metrics.ts'
export { namespaced } from './backends/namespaced.ts'
export { type ResilientBackend, resilient } from './backends/resilient.ts'
export type { ResilientOptions } from './backends/resilient-options.ts'
export type { ResilientStats } from './backends/resilient-stats.ts'
export { router } from './backends/router.ts'
export { type CacheServerOptions, cacheServer } from './backends/server.ts'
export { SettingsReader } from './backends/settings.ts'
export { type StoreGauges, StoreStats } from './backends/store-stats.ts'
export { type TieredBackend, tiered } from './backends/tiered.ts'
export type { TieredOptions } from './backends/tiered-options.ts'
export type { TieredStats, TierStats } from './backends/tiered-stats.ts'
export { type CacheKey, cacheKey } from './cache-key.ts'
export { createCache } from './create-cache.ts'
export type { Decision, FieldEdits, Forward, Reuse, Verdict } from './decision.ts'
export type { RouteInfo } from './declared.ts'
export type { ByteSize, Duration } from './durations.ts'
export { backendForEnvironment, backendFromEnv, ttlFromEnv } from './environment.ts'
export { type BackendErrorCode, CacheBackendError, CacheConfigError, type ConfigProblem } from './errors.ts'
export type { CacheEvents, CacheStats, EntryInfo, ErrorCode, RouteStats } from './events.ts'
export { matchesGlob } from './glob.ts'
export type { CircuitChange, CircuitState } from './guarded.ts'
export type { HandlerCache } from './handler.ts'
export type { ForwardedHead } from './head.ts'
export type { LoadContext, LoadPolicy } from './load.ts'
export type { FieldMap, MaybePromise, Reason, ResponseHead } from './message.ts'
export { isPromise } from './message.ts'
export type {
  CacheOptions,
  CachePolicy,
  Downstream,
  KeyRules,
  Logger,
  RequestView,
  ResponseView,
  RoutePolicy,
  Scope,
  StatusHeader,
  TtlOption,
} from './options.ts'
export type { ResponseCache, RouteRules } from './response-cache.ts'
export type { SelectedResponse } from './select.ts'
export type { InvalidateOptions, Selector, SelectorPlace } from './selector.ts'
export { isNonError, isUnsafe } from './semantics/invalidate.ts'
export { isEndless } from './semantics/storable.ts'
export { mergeVaryValue } from './semantics/vary.ts'
export type { ValueSerializer } from './serializer.ts'
export { trackingParams } from './tracking-params.ts'
export type { SetOptions, ValueCache, ValueSelector } from './value-cache.ts'
export { type CacheEntry, isExpired, ttlRemaining } from './value-entry.ts'
export type { ValueOptions } from './value-options.ts'
export { values } from './values.ts'
export type { CacheRequest, RequestBody } from './view.ts'
