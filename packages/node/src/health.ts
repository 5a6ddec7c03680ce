import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BackendHealth, CacheBackend, ResponseCache } from '@stowage/core'

/** Milliseconds for writing, reading and deleting together: who asks for health does not wait for long. */
const deadlineMs = 1000
/** Seconds: what could not be deleted does not stay. */
const probeTtl = 10

const writeReadDelete = async (backend: CacheBackend): Promise<void> => {
  // Nobody else's probe may come between.
  const key = `#health ${crypto.randomUUID()}`
  await backend.set(key, key, probeTtl)
  const read = await backend.get(key)
  await backend.delete(key)
  if (read !== key) throw new Error('the backend did not give back what was written')
}

const withinDeadline = async (work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
    timer.unref()
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

type Probed = Pick<ResponseCache<never>, 'backend' | 'health'>

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The backend's health as it sees it, and unhealthy where it does not take and give back a key. */
const probe = async (cache: Probed): Promise<BackendHealth> => {
  const began = performance.now()
  try {
    const [told] = await Promise.all([cache.health(), withinDeadline(writeReadDelete(cache.backend))])
    return { latencyMs: performance.now() - began, ...told }
  } catch (error) {
    return { status: 'unhealthy', connected: false, error: messageOf(error) }
  }
}

const answer = (request: IncomingMessage, response: ServerResponse, health: BackendHealth): void => {
  if (response.headersSent || response.destroyed) return
  const body = Buffer.from(JSON.stringify(health))
  response.writeHead(health.status === 'unhealthy' ? 503 : 200, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/**
 * A handler that says how a cache's backend is: it writes, reads and deletes a key of its own, and answers with 200, or
 * with 503 where that fails or takes longer than a second, and with the backend's health as JSON. For a load balancer,
 * think twice: requests are answered without the backend as well.
 *
 * @example
 * app.get('/health/cache', healthHandler(cache))
 */
export const healthHandler =
  (cache: Probed): ((request: IncomingMessage, response: ServerResponse) => void) =>
  (request, response) =>
    // Nothing in it rejects but what sending does, which is as good as a client that has left.
    void probe(cache).then((health) => answer(request, response, health))
