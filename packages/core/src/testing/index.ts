export { type BackendSubject, backendConformance, type ConformanceRunner } from './backend.ts'
export {
  type ChaosBackend,
  type ChaosControl,
  type ChaosFaults,
  type ChaosOptions,
  chaosBackend,
} from './chaos.ts'
export { type FakeClock, fakeClock } from './clock.ts'
export { asyncBackend, type MockBackend, type MockCall, mockBackend } from './mock.ts'
