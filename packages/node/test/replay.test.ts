import { AsyncLocalStorage } from 'node:async_hooks'
import { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { createCache, type FieldMap, type Forward, isPromise, type ResponseCache } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { capture, isRevalidation, replay, replayOf } from '@stowage/node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

interface Site {
  readonly cache: ResponseCache
  readonly events: string[]
  /** A stale entry's revalidation, as a lookup hands it out. */
  readonly revalidation: () => Forward
  readonly isFresh: () => boolean
}

const requestOf = (headers: FieldMap, scheme: string) => ({
  method: 'GET',
  url: '/page?q=1',
  authority: 'h.example',
  scheme,
  headers,
  raw: undefined,
})

/** One stale entry, which varies by `X-Lang`. */
const staleSite = (scheme = 'http'): Site => {
  const clock = fakeClock()
  const cache = createCache({ clock, ttl: 60, staleWhileRevalidate: 600 })
  const events: string[] = []
  cache.on('refresh', ({ ok }) => void events.push(`refresh ${ok}`))
  cache.on('error', ({ error }) => void events.push(String(error)))
  const lookup = () => {
    const decision = cache.lookup(requestOf({ 'x-lang': 'de', cookie: 'sid=1', range: 'bytes=0-1' }, scheme))
    if (isPromise(decision)) throw new Error('memory answers at once')
    return decision
  }
  const first = cache.lookup(requestOf({ 'x-lang': 'de' }, scheme))
  if (isPromise(first) || first.action === 'reuse') throw new Error('nothing is stored yet')
  first.respond({
    status: 200,
    headers: { 'cache-control': 'public, max-age=60', vary: 'X-Lang', etag: '"v"' },
  })
  first.write(Buffer.from('body'))
  void first.end()
  clock.advance(90_000)
  return {
    cache,
    events,
    revalidation: () => {
      const decision = lookup()
      if (decision.action !== 'reuse' || decision.revalidation === undefined)
        throw new Error('nothing to refresh')
      return decision.revalidation
    },
    isFresh: () => {
      const decision = lookup()
      return decision.action === 'reuse' && !/swr/.test(String(decision.response.added['cache-status']))
    },
  }
}

/** Dispatches a replay, and waits for what becomes of it. */
const dispatched = ({ cache, revalidation }: Site): Promise<[IncomingMessage, ServerResponse]> =>
  new Promise((resolve) => {
    const forward = revalidation()
    replay(cache, forward, (request, response) => {
      expect(replayOf(request, cache)).toBe(forward)
      capture(response, forward, () => undefined)
      resolve([request, response])
    })
  })

describe('a replayed request', () => {
  test.each(['http', 'https'])('over %s is a request like another, of nobody', async (scheme) => {
    const [request, response] = await dispatched(staleSite(scheme))
    expect(request).toBeInstanceOf(IncomingMessage)
    expect(response).toBeInstanceOf(ServerResponse)
    expect(isRevalidation(request)).toBe(true)
    expect(isRevalidation({})).toBe(false)
    const { method, url, httpVersion, headers, rawHeaders, complete } = request
    expect({ method, url, httpVersion, complete }).toEqual({
      method: 'GET',
      url: '/page?q=1',
      httpVersion: '1.1',
      complete: true,
    })
    expect(headers).toEqual({ host: 'h.example', 'x-lang': 'de' })
    expect(rawHeaders).toEqual(['host', 'h.example', 'x-lang', 'de'])
    expect((request.socket as { encrypted?: boolean }).encrypted).toBe(scheme === 'https')
    expect(request.socket.remoteAddress).toBe('192.0.2.1')
    expect(response.req).toBe(request)
    let body = ''
    for await (const chunk of request) body += String(chunk)
    expect(body).toBe('')
  })

  test('can be given everything that servers and frameworks give theirs', async () => {
    const [request, response] = await dispatched(staleSite())
    expect(request.setTimeout(10)).toBe(request)
    expect(response.setTimeout(10)).toBe(response)
    request.socket.setNoDelay(true).setKeepAlive(true).setTimeout(5)
    request.socket.cork()
    request.socket.uncork()
    response.writeContinue()
    response.writeProcessing()
    response.writeEarlyHints({ link: '</a>' })
    response.on('close', () => undefined)
    response.end('x')
    await finished(response)
  })

  test('fills the cache, whole or in pieces, and its streams end', async () => {
    const ways: readonly ((response: ServerResponse) => unknown)[] = [
      (response) => response.end('new'),
      (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('new'),
      (response) => pipeline(new PassThrough().end('new'), response),
      async (response) => {
        let waits = 0
        for (let at = 0; at < 64; at++)
          if (!response.write(Buffer.alloc(50_000))) {
            waits++
            await new Promise((resolve) => response.once('drain', resolve))
          }
        response.end()
        expect(waits).toBeGreaterThan(0)
      },
    ]
    for (const way of ways) {
      const site = staleSite()
      const [, response] = await dispatched(site)
      response.setHeader('Cache-Control', 'public, max-age=60').setHeader('Vary', 'X-Lang')
      const closed = new Promise((resolve) => response.on('close', resolve))
      await way(response)
      await closed
      expect([response.writableFinished, response.destroyed, site.events]).toEqual([
        true,
        true,
        ['refresh true'],
      ])
      expect(site.isFresh()).toBe(true)
    }
  })

  test('does not see the asynchronous context of the client', () => {
    const storage = new AsyncLocalStorage<string>()
    const site = staleSite()
    const seen: unknown[] = []
    storage.run('client', () => {
      replay(site.cache, site.revalidation(), () => {
        seen.push(storage.getStore())
        setImmediate(() => seen.push(storage.getStore()))
      })
      seen.push(storage.getStore())
    })
    expect(seen).toEqual([undefined, 'client'])
  })
})

describe('a replay that fails', () => {
  const failures: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
    'by a throw': () => {
      throw new Error('thrown')
    },
    'by an answer in front of the cache': (response) => response.end('login'),
    'by a response that is destroyed': (response) => response.destroy(),
    'by a socket that is destroyed': (response) => response.socket?.destroy(),
    'by a socket with an error': (response) => response.socket?.destroy(new Error('reset')),
  }

  test.each(Object.entries(failures))('%s is reported, and leaves the stale response', async (_, fail) => {
    const site = staleSite()
    replay(site.cache, site.revalidation(), (_request, response) => fail(response))
    await vi.waitFor(() => expect(site.events).toContain('refresh false'))
    expect(site.events).toHaveLength(2)
    expect(site.isFresh()).toBe(false)
  })

  test('after it was answered is of no consequence', async () => {
    const site = staleSite()
    const [, response] = await dispatched(site)
    response.setHeader('Cache-Control', 'public, max-age=60').setHeader('Vary', 'X-Lang')
    response.end('new')
    response.destroy()
    await vi.waitFor(() => expect(site.events).toEqual(['refresh true']))
    expect(site.isFresh()).toBe(true)
  })
})

describe('the deadline', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  test.each(['before the head', 'in the body'])('gives up 30 s %s', async (when) => {
    const site = staleSite()
    const [, response] = await dispatched(site)
    if (when === 'in the body') {
      response.setHeader('Cache-Control', 'public, max-age=60')
      response.write('half')
    }
    vi.advanceTimersByTime(29_999)
    expect(site.events).toEqual([])
    vi.advanceTimersByTime(1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(site.events.sort()).toEqual(['Error: no response within 30000 ms', 'refresh false'])
    expect(response.destroyed).toBe(true)
    // The key is free again.
    response.end('too late')
    expect(site.isFresh()).toBe(false)
  })

  test('is over with the response', async () => {
    const site = staleSite()
    const [, response] = await dispatched(site)
    const running = vi.getTimerCount()
    response.end('new')
    await new Promise((resolve) => response.on('close', resolve))
    expect(vi.getTimerCount()).toBe(running - 1)
  })
})
