import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { CacheBackendError, cacheServer, createCache, httpApi, memory } from '@stowage/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askOnce } from '../cache/site.ts'
import { serve, token } from './http-site.ts'

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

const drip = async (response: ServerResponse): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/json' })
  while (!response.destroyed) {
    response.write(' ')
    await pause(20)
  }
}

const flood = async (response: ServerResponse): Promise<void> => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  while (!response.destroyed) if (!response.write(chunk)) await pause(1)
}

const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))

/** What a server may do instead of answering. */
const faults: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  hang: () => undefined,
  'a head, then nothing': (_request, response) => void response.writeHead(200).flushHeaders(),
  'slow drip': (_request, response) => void drip(response),
  '500': (_request, response) => void response.writeHead(500).end(),
  '503': (_request, response) => void response.writeHead(503).end('busy'),
  '429': (_request, response) => void response.writeHead(429).end(),
  '401': (_request, response) => void response.writeHead(401).end(),
  '403': (_request, response) => void response.writeHead(403).end(),
  truncation: (request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{"value":"tr')
    setTimeout(() => request.socket.destroy(), 5)
  },
  reset: (request) => void request.socket.resetAndDestroy(),
  redirect: (_request, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  'an answer without end': (_request, response) => void flood(response),
  'a compressed bomb': (_request, response) =>
    void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  'another answer': (_request, response) => void response.end('{"value":1,"seq":"x","epoch":7,"counts":{}}'),
  'no JSON': (_request, response) => void response.end('<html>'),
}

/** A server that answers until it is told to do something else. */
const faultyServer = async (
  options: { readonly timeout?: '300ms' | '2s'; readonly maxRetries?: number } = {},
) => {
  const behind: RequestListener = cacheServer({ backend: memory(), token })
  const state: { fault: string | undefined; requests: number; elsewhere: number } = {
    fault: undefined,
    requests: 0,
    elsewhere: 0,
  }
  const url = await serve((request, response) => {
    state.requests += 1
    if (request.url === '/elsewhere') state.elsewhere += 1
    const act = state.fault === undefined ? undefined : faults[state.fault]
    if (act === undefined) {
      behind(request, response)
      return
    }
    // What it answers is wrong, though the server is the right one.
    response.setHeader('stowage-mark', String(request.headers['stowage-mark']))
    act(request, response)
  })
  const client = httpApi({
    baseUrl: url,
    authToken: token,
    timeout: '300ms',
    maxValueBytes: '1mb',
    ...options,
  })
  onTestFinished(() => client.close())
  return { state, client, url }
}

const failureOf = async (work: unknown): Promise<CacheBackendError> => {
  const error = await Promise.resolve(work).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CacheBackendError)
  return error as CacheBackendError
}

/** The breaker in front of the store asks it once a second while it is given up. */
const reachable = (cache: ReturnType<typeof createCache>) =>
  expect.poll(async () => (await cache.health()).status, { timeout: 10_000 }).toBe('healthy')

describe('httpApi: a server that fails', () => {
  test.each(Object.keys(faults))(
    'with %s no request fails, the deadline holds, and hits are back afterwards',
    async (fault) => {
      const { state, client } = await faultyServer()
      const cache = createCache({ backend: client, ttl: 60, backendDeadline: '2s' })
      const errors: string[] = []
      cache.on('error', ({ code }) => errors.push(code))
      await askOnce(cache, '/before')
      expect(await askOnce(cache, '/before')).toBe('hit')
      state.fault = fault
      const began = performance.now()
      const { code } = await failureOf(client.get('key'))
      // The deadline of 300 ms, and what a busy machine adds.
      expect(performance.now() - began).toBeLessThan(1000)
      expect(['CONNECTION_ERROR', 'TIMEOUT_ERROR', 'BACKEND_ERROR', 'SERIALIZATION_ERROR']).toContain(code)
      const during = await Promise.all(Array.from({ length: 20 }, (_, n) => askOnce(cache, `/${n % 5}`)))
      // Requests for the same at the same time may share what one of them has brought.
      expect(during.filter((outcome) => outcome === 'miss').length).toBeGreaterThanOrEqual(5)
      expect(await askOnce(cache, '/before')).toBe('miss')
      expect(errors.length).toBeGreaterThan(0)
      await failureOf(client.tags?.bump(['t:a']))
      expect(await client.health?.()).not.toMatchObject({ status: 'healthy' })
      state.fault = undefined
      await reachable(cache)
      await askOnce(cache, '/after')
      expect(await askOnce(cache, '/after')).toBe('hit')
      expect(state.elsewhere).toBe(0)
    },
  )

  test.each(['500', '503', '429', 'reset', 'truncation'])(
    '%s is tried again, as often as was said',
    async (fault) => {
      const { state, client } = await faultyServer({ timeout: '2s', maxRetries: 1 })
      state.fault = fault
      await failureOf(client.get('key'))
      expect(state.requests).toBe(2)
    },
  )

  test.each([
    '401',
    '403',
    'redirect',
    'a compressed bomb',
    'no JSON',
    'another answer',
    'an answer without end',
  ])('%s is not tried again', async (fault) => {
    const { state, client } = await faultyServer({ timeout: '2s' })
    state.fault = fault
    await failureOf(client.get('key'))
    expect(state.requests).toBe(1)
  })

  test('a call that is answered at the second attempt has not failed', async () => {
    const { state, client } = await faultyServer({ timeout: '2s' })
    state.fault = '503'
    const setting = client.set('key', 'value', 60)
    while (state.requests === 0) await pause(1)
    state.fault = undefined
    await setting
    expect(await client.get('key')).toBe('value')
  })

  test('a time-out leaves time for another attempt', async () => {
    const { state, client } = await faultyServer({ timeout: '2s' })
    state.fault = 'hang'
    const getting = client.get('key')
    while (state.requests === 0) await pause(1)
    state.fault = undefined
    expect(await getting).toBeNull()
  })

  test('a token that is refused is named as that', async () => {
    const { url } = await faultyServer()
    const client = httpApi({ baseUrl: url, authToken: 'wrong' })
    onTestFinished(() => client.close())
    const { code, cause } = await failureOf(client.get('key'))
    expect(code).toBe('BACKEND_ERROR')
    expect(String(cause)).toContain('refuses the token (401)')
  })

  test('a server that is not there is a connection error within the deadline', async () => {
    const client = httpApi({ baseUrl: 'http://127.0.0.1:9', timeout: '300ms' })
    onTestFinished(() => client.close())
    const began = performance.now()
    expect((await failureOf(client.get('key'))).code).toBe('CONNECTION_ERROR')
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('a list of keys that breaks off is an error, not a shorter list', async () => {
    const url = await serve((request, response) => {
      response.setHeader('stowage-mark', String(request.headers['stowage-mark']))
      response.write('"a"\n"b"\n')
      setTimeout(() => request.socket.destroy(), 20)
    })
    const client = httpApi({ baseUrl: url, timeout: '300ms' })
    onTestFinished(() => client.close())
    const listing = async (): Promise<void> => {
      for await (const key of client.keys?.() ?? []) expect(['a', 'b']).toContain(key)
    }
    expect((await failureOf(listing())).operation).toBe('keys')
  })

  test('what is under way when it is closed ends at once', async () => {
    const { state, client } = await faultyServer({ timeout: '2s' })
    state.fault = 'hang'
    const pending = failureOf(client.get('key'))
    while (state.requests === 0) await pause(1)
    const began = performance.now()
    await client.close()
    await pending
    expect(performance.now() - began).toBeLessThan(1000)
    expect(await client.get('key')).toBeNull()
  })
})
