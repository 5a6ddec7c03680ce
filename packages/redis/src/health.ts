import { randomBytes } from 'node:crypto'
import type { BackendHealth } from '@stowage/core'
import { connectionFailure, failureOf } from './failure.ts'
import type { Operations } from './operations.ts'

/** Rejects when the time is over. */
const inTime = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(connectionFailure('health', `no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Asks for an answer that no other request has. One that is another's, or does not come, ends the connection: with a
 * new one the next question may be answered, while the old one would first have to be given up by everybody else.
 */
const ask = async (operations: Operations, ms: number): Promise<void> => {
  const mark = randomBytes(9).toString('base64url')
  const start = performance.now()
  await inTime(ms, operations.connection().open())
  const answer = inTime(ms - (performance.now() - start), operations.send('ECHO', mark)).catch(
    (error: unknown) => {
      if (operations.connected) operations.suspect()
      throw error
    },
  )
  if ((await answer) === mark) return
  operations.suspect()
  throw connectionFailure('health', 'the reply belongs to another request')
}

/** Whether Redis answers within `ms`; what is wrong with the connection ends it. */
export const healthOf = async (operations: Operations, ms: number): Promise<BackendHealth> => {
  if (operations.closed) return { status: 'unhealthy', connected: false, error: 'closed' }
  const start = performance.now()
  try {
    await operations.run('health', () => ask(operations, ms))
    return { status: 'healthy', connected: true, latencyMs: performance.now() - start }
  } catch (error) {
    const { connected } = operations
    return { status: 'unhealthy', connected, error: failureOf('health', error).message }
  }
}
