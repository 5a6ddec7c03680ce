import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { request } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { buildChild } from '../../packages/sqlite/test/built.ts'
import { createSite } from '../../packages/sqlite/test/site.ts'
import { express5, serveExpress } from '../adapters/express.ts'
import { start } from '../processes/children.ts'

const lockedMs = 5000

test('while another process holds the lock for five seconds, no request fails and the event loop is not held', async () => {
  await using site = createSite()
  const handler = async () => ({ headers: { 'content-type': 'text/plain' }, body: 'the answer' })
  const locker = start(await buildChild('locker.ts'), site.path)
  if (locker.stdout !== null) await once(locker.stdout, 'data')
  const ended = once(locker, 'exit')
  const store = site.open()
  await expect(store.get('k')).rejects.toMatchObject({ code: 'TIMEOUT_ERROR' })
  const routes = [{ method: 'GET' as const, path: '/:id', handler }]
  const server = await serveExpress(express5)({
    cache: { backend: store, ttl: 60 },
    outer: () => ({}),
    routes,
  })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const began = performance.now()
  const failed: unknown[] = []
  let [asked, slowest] = [0, 0]
  while (performance.now() - began < lockedMs) {
    const sent = performance.now()
    const answer = await request(`${server.url}/${asked++ % 50}`).catch((error: unknown) => error as Error)
    slowest = Math.max(slowest, performance.now() - sent)
    if (answer instanceof Error || answer.status !== 200 || answer.text !== 'the answer') failed.push(answer)
    await pause(20)
  }
  delay.disable()
  locker.stdin?.write('go')
  await ended
  expect(failed).toEqual([])
  expect(asked).toBeGreaterThan(30)
  // Beyond the deadline of 250 ms only what a busy machine adds; 250 more is what the lookup and the write may take.
  expect(slowest).toBeLessThan(1000)
  expect(delay.max / 1e6 - 5).toBeLessThanOrEqual(100)

  const isHit = async (): Promise<boolean> => {
    const { headers } = await request(`${server.url}/again`)
    return String(headers['cache-status']).includes('hit')
  }
  await expect.poll(isHit, { timeout: 10_000, interval: 100 }).toBe(true)
  await server.close()
}, 40_000)
