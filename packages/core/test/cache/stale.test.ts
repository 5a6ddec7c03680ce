import type { CacheOptions, FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Handler, type Site } from './site.ts'

muteWarnings()

const cc = (value: string): FieldMap => ({ 'cache-control': value })
const answering =
  (cacheControl: string): Handler =>
  ({ number }) => ({ headers: cc(cacheControl), body: `run ${number}` })

/** A site with a response that has been stale for `seconds`. */
const stale = async (seconds: number, cacheControl: string, options: CacheOptions = {}): Promise<Site> => {
  const site = createSite(options, answering(cacheControl))
  await site.get('/a')
  site.clock.advance((60 + seconds) * 1000)
  return site
}

describe('stale-while-revalidate (RFC 5861 §3)', () => {
  test('answers with what is stale, and refreshes it in the background', async () => {
    const site = await stale(5, 'max-age=60, stale-while-revalidate=10')
    const first = await site.get('/a')
    expect(first).toMatchObject({ body: 'run 1', how: 'stowage; hit; ttl=-5; detail=swr' })
    expect(first.headers.age).toBe('65')
    await site.settled()
    expect(await site.get('/a')).toMatchObject({ body: 'run 2', how: 'stowage; hit; ttl=60' })
  })

  test('ends with its window', async () => {
    for (const [seconds, body] of [
      [10, 'run 1'],
      [11, 'run 2'],
    ] as const) {
      const site = await stale(seconds, 'max-age=60, stale-while-revalidate=10')
      expect((await site.get('/a')).body).toBe(body)
    }
  })

  test('counts what the handler took where Age cannot be read, and begins at once', async () => {
    for (const [seconds, how] of [
      [4, 'stowage; hit; ttl=-10; detail=swr'],
      [5, 'stowage; fwd=stale; fwd-status=200; ttl=-6; stored'],
    ] as const) {
      const site = createSite({}, ({ number }) => {
        site.clock.advance(6000)
        const headers = { ...cc('max-age=60, stale-while-revalidate=10'), age: 'old' }
        return { headers, body: `run ${number}` }
      })
      await site.get('/a')
      site.clock.advance(seconds * 1000)
      expect((await site.get('/a')).how).toBe(how)
    }
  })

  test('of the response outranks that of the policy', async () => {
    const site = await stale(1, 'max-age=60, stale-while-revalidate=0', { staleWhileRevalidate: 600 })
    expect((await site.get('/a')).body).toBe('run 2')
    const other = await stale(300, 'max-age=60', { staleWhileRevalidate: 600 })
    expect((await other.get('/a')).body).toBe('run 1')
  })

  test('is not for responses that forbid it', async () => {
    for (const forbidding of ['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache']) {
      const site = await stale(1, `max-age=60, stale-while-revalidate=10, ${forbidding}`)
      expect((await site.get('/a')).body).toBe('run 2')
    }
  })

  test('runs one refresh, however many ask', async () => {
    const site = await stale(5, 'max-age=60, stale-while-revalidate=10')
    const decisions = await Promise.all(Array.from({ length: 100 }, () => site.decide('/a')))
    expect(decisions.every(({ action }) => action === 'reuse')).toBe(true)
    const refreshes = decisions.filter((decision) => decision.action === 'reuse' && decision.revalidation)
    expect(refreshes).toHaveLength(1)
  })

  test('one a key, whatever credentials its visitors have', async () => {
    const site = await stale(5, 'public, max-age=60, stale-while-revalidate=10')
    const visitors: FieldMap[] = [{ cookie: 'a=1' }, {}, { authorization: 'a' }, { cookie: 'a=2' }]
    const decisions = await Promise.all(visitors.map((headers) => site.decide('/a', headers)))
    const refreshes = decisions.filter((decision) => decision.action === 'reuse' && decision.revalidation)
    expect(refreshes).toHaveLength(1)
  })

  test('refreshes by what is in the key, without anybody’s cookies and credentials', async () => {
    const site = createSite({ key: { headers: ['x-tenant'], cookies: ['theme'] } }, () => ({
      headers: {
        ...cc('public, max-age=60, stale-while-revalidate=10'),
        vary: 'accept-language',
        etag: '"1"',
      },
    }))
    const visitor = {
      cookie: 'theme=dark; sid=secret',
      authorization: 'secret',
      'x-tenant': '7',
      'accept-language': 'de',
      'user-agent': 'x',
      'x-api-key': 'secret',
      range: 'bytes=0-1',
    }
    await site.get('/a', { ...visitor, range: undefined })
    site.clock.advance(65_000)
    await site.get('/a', visitor)
    await site.settled()
    expect(site.runs[1]?.headers).toEqual({
      cookie: 'theme=dark',
      'x-tenant': '7',
      'accept-language': 'de',
      'if-none-match': '"1"',
    })
    expect(site.runs[1]?.forward).toMatchObject({ background: true, reason: 'stale' })
    expect(site.runs[1]?.forward.handler.status).toBe('refresh')
  })

  test('a refresh by 304 makes it fresh again, where it was asked for', async () => {
    for (const etag of [true, false]) {
      const site = await stale(5, 'max-age=60, stale-while-revalidate=10', { etag })
      site.handler = () => ({ status: 304 })
      await site.get('/a')
      await site.settled()
      if (etag) expect(await site.get('/a')).toMatchObject({ body: 'run 1', how: 'stowage; hit; ttl=60' })
      // Without a validator there was nothing that it could confirm.
      else expect((await site.get('/a')).how).not.toMatch(/hit/)
    }
  })

  test('a HEAD request stores nothing of its own', async () => {
    const site = await stale(5, 'max-age=60, stale-while-revalidate=10')
    expect(await site.get('/a', {}, { method: 'HEAD' })).toMatchObject({ status: 200, body: null })
    await site.settled()
    expect((await site.get('/a')).body).not.toBe('')
  })

  test('at most 64 refreshes run at a time; what is stale is served meanwhile', async () => {
    const site = createSite({}, answering('max-age=60, stale-while-revalidate=10'))
    for (let i = 0; i < 100; i++) await site.get(`/${i}`)
    site.clock.advance(65_000)
    const refreshes = []
    for (let i = 0; i < 100; i++) {
      const decision = await site.decide(`/${i}`)
      expect(decision.action).toBe('reuse')
      if (decision.action === 'reuse' && decision.revalidation) refreshes.push(decision.revalidation)
    }
    expect(refreshes).toHaveLength(64)
    for (const refresh of refreshes) refresh.abort()
    const again = await site.decide('/99')
    expect(again.action === 'reuse' && again.revalidation).toBeDefined()
  })
})

describe('a refresh that fails', () => {
  const failures: readonly [how: string, handler: Handler][] = [
    ['500', () => ({ status: 500 })],
    ['503', () => ({ status: 503 })],
    ['501', () => ({ status: 501 })],
    [
      'an abort',
      ({ forward }) => {
        forward.abort(new Error('cut off'))
        return {}
      },
    ],
  ]
  test.each(failures)(
    'by %s leaves what is stale as it was, and the handler in peace for a second',
    async (_how, handler) => {
      const site = await stale(5, 'max-age=60, stale-while-revalidate=10')
      const errors: string[] = []
      const refreshes: boolean[] = []
      site.cache.on('error', ({ code }) => errors.push(code))
      site.cache.on('refresh', ({ ok }) => refreshes.push(ok))
      site.handler = handler
      for (let i = 0; i < 20; i++) {
        expect((await site.get('/a')).body).toBe('run 1')
        await site.settled()
      }
      expect(site.runs).toHaveLength(2)
      expect([errors, refreshes]).toEqual([['REVALIDATION_FAILED'], [false]])
      site.clock.advance(999)
      await site.get('/a')
      expect(site.runs).toHaveLength(2)
      site.clock.advance(1)
      site.handler = answering('max-age=60')
      await site.get('/a')
      await site.settled()
      expect((await site.get('/a')).how).toBe('stowage; hit; ttl=60')
      expect(refreshes).toEqual([false, true])
    },
  )

  test('does not lengthen the window', async () => {
    const site = await stale(0, 'max-age=60, stale-while-revalidate=10', { staleIfError: 0 })
    site.handler = () => ({ status: 503, body: 'down' })
    const bodies: string[] = []
    for (let second = 1; second <= 14; second++) {
      site.clock.advance(1000)
      bodies.push((await site.get('/a')).body ?? '')
      await site.settled()
    }
    expect(bodies).toEqual([...Array(10).fill('run 1'), ...Array(4).fill('down')])
    expect(site.runs.length).toBeLessThanOrEqual(1 + 14)
  })
})

describe('stale-if-error (RFC 5861 §4)', () => {
  test.each([500, 502, 503, 504])('answers in the place of %d, within 60 s by default', async (status) => {
    const site = await stale(30, 'max-age=60')
    site.handler = () => ({ status, body: 'down' })
    expect(await site.get('/a')).toMatchObject({
      status: 200,
      body: 'run 1',
      how: `stowage; fwd=stale; fwd-status=${status}; ttl=-30; detail=sie`,
    })
    site.clock.advance(31_000)
    expect((await site.get('/a')).body).toBe('down')
  })

  test.each([404, 429, 501, 505])('does not answer in the place of %d', async (status) => {
    const site = await stale(1, 'max-age=60')
    site.handler = () => ({ status, body: 'down' })
    expect((await site.get('/a')).body).toBe('down')
  })

  test('asks a failing handler once a second', async () => {
    const site = await stale(1, 'max-age=60, stale-if-error=600')
    site.handler = () => ({ status: 503 })
    for (let i = 0; i < 100; i++) {
      expect((await site.get('/a')).body).toBe('run 1')
      site.clock.advance(100)
    }
    // A hundred requests within ten seconds.
    expect(site.runs.length - 1).toBeLessThanOrEqual(10)
    expect((await site.get('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
  })

  test('a client may want less of it, not more', async () => {
    const site = await stale(30, 'max-age=60, stale-if-error=60')
    site.handler = () => ({ status: 503, body: 'down' })
    expect((await site.get('/a', cc('stale-if-error=29'))).body).toBe('down')
    site.clock.advance(31_000)
    expect((await site.get('/a', cc('stale-if-error=600'))).body).toBe('down')
  })

  test('is not for responses that forbid it, nor for stored errors', async () => {
    for (const forbidding of ['must-revalidate', 's-maxage=60', 'no-cache']) {
      const site = await stale(1, `max-age=60, stale-if-error=60, ${forbidding}`)
      site.handler = () => ({ status: 503, body: 'down' })
      expect((await site.get('/a')).body).toBe('down')
    }
    const site = createSite({ status: { 404: 60 } }, () => ({ status: 404, body: 'gone' }))
    await site.get('/a')
    site.clock.advance(61_000)
    site.handler = () => ({ status: 503, body: 'down' })
    expect((await site.get('/a')).body).toBe('down')
  })

  test('while the response is still fresh, for a client that asked for a new one', async () => {
    const site = createSite({}, answering('max-age=60'))
    await site.get('/a')
    site.handler = () => ({ status: 503, body: 'down' })
    expect((await site.get('/a', cc('no-cache'))).body).toBe('run 1')
  })
})
