export { type AdapterRunner, adapterConformance } from './adapter.ts'
export {
  listen,
  type OriginAnswer,
  type OriginRequest,
  type ServeApp,
  type TestApp,
  type TestRoute,
  type TestServer,
} from './adapter-app.ts'
export {
  open,
  type RequestOptions,
  request,
  type StartedResponse,
  type TestResponse,
} from './adapter-client.ts'
export { cacheStatusOf, expectCached, expectNotCached } from './adapter-status.ts'
export { type BackendSubject, backendConformance, type ConformanceRunner } from './backend.ts'
export {
  type BenchmarkOptions,
  type BenchmarkResult,
  benchmarkBackend,
  compareBackends,
} from './benchmark.ts'
export {
  type ChaosBackend,
  type ChaosControl,
  type ChaosFaults,
  type ChaosOptions,
  chaosBackend,
} from './chaos.ts'
export { type FakeClock, fakeClock } from './clock.ts'
export { asyncBackend, type MockBackend, type MockCall, mockBackend } from './mock.ts'
