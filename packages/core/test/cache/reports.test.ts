import { inspect } from 'node:util'
import { type CacheEvents, type CacheOptions, type FieldMap, type Logger, memory } from '@stowage/core'
import { chaosBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Site } from './site.ts'

muteWarnings()

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

const createLogger = () => {
  const lines: (readonly [level: string, ...unknown[]])[] = []
  const log =
    (level: string) =>
    (...given: unknown[]): void =>
      void lines.push([level, ...given])
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  return { logger, lines, messages: () => lines.map(([level, message]) => `${level} ${String(message)}`) }
}

describe('statistics', () => {
  test('count every request once, by how it was answered', async () => {
    const site = createSite({ staleWhileRevalidate: 10 }, ({ request, number }) => ({
      headers: request.url === '/never' ? {} : fresh,
      body: String(number),
      route: '/:name',
    }))
    await site.get('/a')
    await site.get('/a')
    await site.get('/a', {}, { method: 'POST' })
    await site.get('/b', { 'cache-control': 'no-store' })
    await site.get('/never')
    site.clock.advance(65_000)
    await site.get('/b')
    await site.get('/b')
    site.clock.advance(65_000)
    await site.get('/b')
    await site.settled()
    const { hits, stale, misses, bypasses, stored, errors, hitRate } = site.cache.stats()
    // The refresh in the background stores as well, but is nobody's miss.
    expect({ hits, stale, misses, bypasses, stored, errors }).toEqual({
      hits: 2,
      stale: 1,
      misses: 3,
      bypasses: 2,
      stored: 3,
      errors: 0,
    })
    expect(hitRate).toBe(0.5)
  })

  test('count by route what hits have saved', async () => {
    const site = createSite({ ttl: 60 }, () => {
      site.clock.advance(250)
      return { route: '/:name' }
    })
    await site.get('/a')
    await site.get('/a')
    await site.get('/a')
    await site.get('/b')
    expect(site.cache.stats().byRoute).toEqual({ '/:name': { hits: 2, misses: 2, savedMs: 500 } })
    site.cache.stats().reset()
    expect(site.cache.stats()).toMatchObject({ hits: 0, misses: 0, byRoute: {} })
  })
})

describe('events', () => {
  test('tell what happens to a response', async () => {
    const site = createSite({ ttl: 60, tags: ['t'] }, () => ({ body: 'hello', route: '/a' }))
    const events: unknown[] = []
    const names = ['hit', 'miss', 'store', 'reject', 'invalidate', 'refresh', 'error'] as const
    const listen = <E extends keyof CacheEvents>(name: E): unknown =>
      site.cache.on(name, ({ ...event }) => events.push([name, event]))
    for (const name of names) listen(name)
    await site.get('/a?x=1')
    site.clock.advance(1000)
    await site.get('/a?x=1')
    await site.cache.invalidate({ tags: ['t'] }, { reason: 'import' })
    site.handler = () => ({ status: 500 })
    await site.get('/a?x=1')
    const key = expect.stringContaining('p2:/a q3:x=1')
    const entry = { key, url: '/a?x=1', route: '/a', status: 200, bytes: 5, tags: ['t'] }
    expect(events).toEqual([
      ['miss', { key, reason: 'uri-miss' }],
      ['store', { ...entry, ageMs: 0, ttlMs: 60_000 }],
      ['hit', { ...entry, ageMs: 1000, ttlMs: 59_000 }],
      ['invalidate', { selector: { tags: ['t'] }, seq: 1, reason: 'import' }],
      ['miss', { key, reason: 'uri-miss' }],
      ['reject', { key, code: 'error', detail: expect.any(String) }],
    ])
  })

  test('a listener that throws disturbs no request', async () => {
    const site = createSite({ ttl: 60 })
    for (const name of ['hit', 'miss', 'store', 'error'] as const)
      site.cache.on(name, () => {
        throw new Error('broken')
      })
    expect((await site.get('/a')).how).toMatch(/stored/)
    expect((await site.get('/a')).how).toMatch(/hit/)
    expect(site.cache.stats().errors).toBe(3)
  })
})

describe('log lines', () => {
  test('debug what happens, warn of what fails', async () => {
    const { logger, messages } = createLogger()
    const clock = createSite().clock
    const backend = chaosBackend(memory({ clock }))
    const site = createSite({ ttl: 60, logger, backend })
    await site.get('/a')
    await site.get('/a')
    backend.chaos.set({ failRate: 1, only: ['get'] })
    await site.get('/a')
    expect(messages()).toEqual([
      'debug stowage miss',
      'debug stowage store',
      'debug stowage hit',
      'warn stowage BACKEND_READ get: chaos: get failed',
      'debug stowage miss',
      'debug stowage store',
    ])
  })

  test('of one fault number at most 5 a second', async () => {
    const { logger, messages } = createLogger()
    const site = createSite({ ttl: 60, logger, backend: chaosBackend(memory(), { failRate: 1 }) })
    for (let i = 0; i < 200; i++) expect((await site.get(`/${i}`)).status).toBe(200)
    const warnings = messages().filter((line) => line.startsWith('warn'))
    // Two codes, and no more than a second or two of work.
    expect(warnings.length).toBeLessThanOrEqual(5 * 2 * 3)
    expect(site.cache.stats().errors).toBeGreaterThan(200)
  })

  test('and events never hold cookies, credentials or content', async () => {
    const secret = 'SECRET'
    const visitor: FieldMap = {
      cookie: `sid=${secret}; theme=${secret}`,
      authorization: `Bearer ${secret}`,
      'x-api-key': secret,
      'proxy-authorization': secret,
    }
    const variations: CacheOptions[] = [
      { scope: (request) => request.cookie('sid') },
      { scope: 'public', key: { cookies: ['sid', 'theme'], headers: ['x-api-key'] } },
      { debug: true, statusHeader: ['Cache-Status', 'X-Cache-Key'] },
      { methods: ['GET', 'POST'], key: { body: 'bytes' }, scope: 'public' },
    ]
    for (const options of variations) {
      const { logger, lines } = createLogger()
      const backend = chaosBackend(memory(), { failRate: 0.2, corruptRate: 0.2, seed: 3 })
      const site: Site = createSite(
        { ttl: 60, staleWhileRevalidate: 60, logger, backend, ...options },
        () => ({
          headers: { 'cache-control': 'public', vary: 'cookie, authorization', 'set-cookie': [] },
          body: secret,
        }),
      )
      for (const name of ['hit', 'miss', 'store', 'reject', 'invalidate', 'refresh', 'error'] as const)
        site.cache.on(name, (event) => lines.push(['event', event]))
      for (let i = 0; i < 30; i++) {
        const { headers } = await site.get('/a', visitor)
        expect(inspect(headers)).not.toContain(secret)
        const body = () => ({ bytes: Buffer.from(secret) })
        await site.get('/b', visitor, { method: 'POST', body })
        site.clock.advance(20_000)
      }
      await site.settled()
      expect(lines.length).toBeGreaterThan(60)
      expect(inspect(lines, { depth: null, maxStringLength: null })).not.toContain(secret)
    }
  })
})
