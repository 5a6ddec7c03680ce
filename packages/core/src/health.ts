import type { BackendHealth } from './backend.ts'
import { messageOf } from './errors.ts'

/** Of a store that does not answer, and with what it fails. */
export const unreachable = (error: unknown): BackendHealth => ({
  status: 'unhealthy',
  connected: false,
  error: messageOf(error),
})
