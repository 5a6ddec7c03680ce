import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { CacheOptions } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { type CachedListener, cached, type Http2Listener } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask2, fresh } from './cached.ts'
import { createGate } from './gate.ts'
import { cert, key } from './tls.ts'

type Server2 = http2.Http2Server | http2.Http2SecureServer

const serve2 = async (server: Server2): Promise<number> => {
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

const next = (handler: CachedListener, event: 'store' | 'refresh'): Promise<unknown> =>
  new Promise((resolve) => {
    const stop = handler.on(event, (payload) => {
      stop()
      resolve(payload)
    })
  })

describe.each([
  ['with TLS', true],
  ['without TLS', false],
] as const)('HTTP/2 %s', (_, secure) => {
  /** A stream whose first run answers at once, the later ones when the gate opens. */
  const serveSlow = async (options: CacheOptions, firstWaits = false) => {
    const clock = fakeClock()
    const gate = createGate()
    const stopped = createGate()
    let runs = 0
    const listener: Http2Listener = async (request, response) => {
      const { cache } = request as { cache?: { readonly signal: AbortSignal } }
      cache?.signal.addEventListener('abort', () => stopped.open())
      runs += 1
      const run = runs
      if (run > 1 || firstWaits) await gate.passed
      response.setHeader('cache-control', fresh)
      Readable.from([`run ${run}, `, 'whole']).pipe(response)
    }
    const handler = cached(listener, { clock, ...options } as never)
    handler.on('error', () => undefined)
    const server = secure ? http2.createSecureServer({ key, cert }, handler) : http2.createServer(handler)
    const origin = `${secure ? 'https' : 'http'}://localhost:${await serve2(server)}`
    return { origin, handler, clock, gate, stopped, runs: () => runs }
  }

  test('a handler over its softTimeout: the stale response is sent, its own is stored', async () => {
    const { origin, handler, clock, gate, runs } = await serveSlow({
      staleIfError: '10m',
      softTimeout: '30ms',
    })
    expect((await ask2(origin, '/a')).text).toBe('run 1, whole')
    clock.advance(61_000)
    expect(await ask2(origin, '/a')).toEqual({
      status: 200,
      text: 'run 1, whole',
      cache: 'stowage; fwd=stale; ttl=-1; detail=soft-timeout',
    })
    const stored = next(handler, 'store')
    gate.open()
    await stored
    expect(await ask2(origin, '/a')).toMatchObject({ text: 'run 2, whole', cache: 'stowage; hit; ttl=60' })
    expect(runs()).toBe(2)
  })

  test('a handler over its hardTimeout is told to stop, and a stale response is sent', async () => {
    const { origin, clock, gate, stopped } = await serveSlow({ staleIfError: '10m', hardTimeout: '30ms' })
    await ask2(origin, '/a')
    clock.advance(61_000)
    expect(await ask2(origin, '/a')).toEqual({
      status: 200,
      text: 'run 1, whole',
      cache: 'stowage; fwd=stale; ttl=-1; detail=hard-timeout',
    })
    await stopped.passed
    gate.open()
    expect((await ask2(origin, '/a')).cache).toBe('stowage; hit; ttl=-1; detail=sie')
  })

  test('first the softTimeout, then the hardTimeout: the handler that goes on is given up', async () => {
    const { origin, handler, clock, gate, stopped } = await serveSlow({
      staleIfError: '10m',
      softTimeout: '30ms',
      hardTimeout: '120ms',
    })
    await ask2(origin, '/a')
    clock.advance(61_000)
    const refreshed = next(handler, 'refresh')
    expect((await ask2(origin, '/a')).cache).toContain('detail=soft-timeout')
    await stopped.passed
    expect(await refreshed).toMatchObject({ ok: false })
    gate.open()
    expect((await ask2(origin, '/a')).cache).toContain('hit; ttl=-1')
  })

  test('without a stale response it is 504, and what comes later reaches nobody', async () => {
    const { origin, gate, stopped } = await serveSlow({ hardTimeout: '30ms' }, true)
    expect(await ask2(origin, '/a')).toMatchObject({
      status: 504,
      text: '',
      cache: expect.stringContaining('detail=hard-timeout'),
    })
    await stopped.passed
    gate.open()
    expect(await ask2(origin, '/a')).toMatchObject({ text: 'run 2, whole' })
  })
})
