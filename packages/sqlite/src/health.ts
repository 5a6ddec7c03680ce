import type { BackendHealth } from '@stowage/core'
import type { Link } from './link.ts'

/** A probe does not wait as long as a write may. */
const healthMs = 1000

const messageOf = (error: unknown): string => {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

export const healthOf = async (link: Link): Promise<BackendHealth> => {
  const start = performance.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${healthMs} ms`)), healthMs)
  })
  try {
    await Promise.race([link.call('head', 0), late])
    return { status: 'healthy', connected: true, latencyMs: performance.now() - start }
  } catch (error) {
    return { status: 'unhealthy', connected: false, error: messageOf(error) }
  } finally {
    clearTimeout(timer)
  }
}
