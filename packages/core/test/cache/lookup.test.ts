import type { CacheRequest, FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { type Answer, createSite, forwardOf, requestOf } from './site.ts'

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

describe('a miss and the hits after it', () => {
  test('run the handler once and answer the same', async () => {
    const site = createSite({}, () => ({
      status: 203,
      headers: { ...fresh, 'content-type': 'text/css', link: ['</a>', '</b>'], etag: '"1"' },
      body: 'a {}',
    }))
    const miss = await site.get('/a')
    expect(miss.how).toBe('stowage; fwd=uri-miss; fwd-status=203; ttl=60; stored')
    site.clock.advance(20_000)
    const hit = await site.get('/a')
    expect(hit.how).toBe('stowage; hit; ttl=40')
    expect(hit).toMatchObject({ status: 203, body: 'a {}' })
    expect(hit.headers).toMatchObject({ ...miss.headers, 'cache-status': hit.how, age: '20' })
    expect(site.runs).toHaveLength(1)
  })

  test('until the response is no longer fresh', async () => {
    const site = createSite({}, () => ({ headers: fresh }))
    await site.get('/a')
    site.clock.advance(59_999)
    expect((await site.get('/a')).how).toBe('stowage; hit; ttl=0')
    site.clock.advance(1)
    expect((await site.get('/a')).how).toBe('stowage; fwd=stale; fwd-status=200; ttl=60; stored')
    expect(site.runs).toHaveLength(2)
  })

  test('say 2^31 seconds of what is fresh for ever', async () => {
    const site = createSite({
      ttl: Number.POSITIVE_INFINITY,
      statusHeader: ['Cache-Status', 'X-Cache-Timeout'],
    })
    const miss = await site.get('/a')
    expect(miss.how).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=2147483648; stored')
    expect(miss.headers['x-cache-timeout']).toBe('2147483648')
    expect((await site.get('/a')).how).toBe('stowage; hit; ttl=2147483648')
  })

  test('are separate for separate keys', async () => {
    const site = createSite({}, ({ number }) => ({ headers: fresh, body: `run ${number}` }))
    const requests: readonly (readonly [string, Partial<CacheRequest>])[] = [
      ['/a', {}],
      ['/b', {}],
      ['/a?b', {}],
      ['/a', { authority: 'b.example' }],
      ['/a', { scheme: 'https' }],
    ]
    for (const turn of [1, 2])
      for (const [index, [url, more]] of requests.entries())
        expect([turn, (await site.get(url, {}, more)).body]).toEqual([turn, `run ${index + 1}`])
  })

  test('an age that the response came with counts', async () => {
    const site = createSite({}, () => ({ headers: { ...fresh, age: '50' } }))
    await site.get('/a')
    expect((await site.get('/a')).headers.age).toBe('50')
    site.clock.advance(10_000)
    expect((await site.get('/a')).how).toMatch(/fwd=stale/)
  })

  test('a ttl stays here: downstream is told to ask again', async () => {
    const site = createSite({ ttl: 300 })
    for (const served of [await site.get('/a'), await site.get('/a')])
      expect(served.headers).toMatchObject({
        'cache-control': 'no-cache',
        etag: expect.stringMatching(/^W\//),
      })
  })

  test('what nobody declared fresh is not stored', async () => {
    const site = createSite({})
    for (const turn of [1, 2]) {
      const served = await site.get('/a')
      expect(served.how).toBe('stowage; fwd=uri-miss; fwd-status=200; detail=no-freshness')
      expect(served.headers).toEqual({ 'cache-status': served.how })
      expect(site.runs).toHaveLength(turn)
    }
  })

  test('the status fields are those that were asked for', async () => {
    const site = createSite({
      ttl: 60,
      name: 'edge',
      debug: true,
      statusHeader: ['X-Cache-Status', 'X-Cache-Timeout', 'X-Cache-Key', 'X-Cache-Backend'],
    })
    const words = [(await site.get('/a')).headers, (await site.get('/a')).headers]
    expect(words.map((headers) => headers['x-cache-status'])).toEqual(['MISS', 'HIT'])
    expect(words[1]).toMatchObject({ 'x-cache-timeout': '60', 'x-cache-backend': 'memory' })
    expect(words[1]?.['x-cache-key']).toContain('p2:/a')
    expect(words[1]?.['cache-status']).toBeUndefined()
  })

  test('a member of a cache nearer to the origin is kept in front', async () => {
    const site = createSite({}, () => ({ headers: { ...fresh, 'cache-status': 'inner; hit' } }))
    expect((await site.get('/a')).how).toMatch(/^inner; hit, stowage; fwd=uri-miss/)
  })
})

describe('responses that are not stored', () => {
  const cc = (value: string): Answer => ({ headers: { 'cache-control': value } })
  const rows: readonly [detail: string, answer: Answer][] = [
    ['no-store', cc('no-store')],
    ['private', cc('private, max-age=60')],
    ['private', cc('Max-Age=60, PRIVATE')],
    ['private', cc('private="" , max-age=60')],
    ['set-cookie', { headers: { ...fresh, 'set-cookie': 'a=1' } }],
    ['vary-star', { headers: { ...fresh, vary: 'accept, *' } }],
    ['stream', { headers: { ...fresh, 'content-type': 'text/event-stream' } }],
    ['status', { status: 206, headers: fresh }],
    ['status', { status: 304, headers: fresh }],
    ['error', { status: 404 }],
    ['error', { status: 500 }],
    ['no-freshness', { status: 302 }],
    ['zero-lifetime', cc('max-age=0')],
    ['must-understand', { status: 299, headers: { 'cache-control': 'must-understand, max-age=60' } }],
  ]
  test.each(rows)('%s: %j', async (detail, answer) => {
    const site = createSite({ ttl: 60, staleIfError: 0, etag: false }, () => answer)
    for (const runs of [1, 2]) {
      const { how } = await site.get('/a')
      expect(how).toBe(`stowage; fwd=uri-miss; fwd-status=${answer.status ?? 200}; detail=${detail}`)
      expect(site.runs).toHaveLength(runs)
    }
  })

  test('an unstorable answer takes what it replaces with it', async () => {
    const site = createSite({}, () => ({ headers: fresh, body: 'old' }))
    await site.get('/a')
    site.handler = () => ({ headers: { 'cache-control': 'private' }, body: 'new' })
    expect((await site.get('/a', { 'cache-control': 'no-cache' })).body).toBe('new')
    expect((await site.get('/a')).body).toBe('new')
  })
})

describe('requests that are not looked up', () => {
  const rows: readonly [how: string, headers: FieldMap, more: Partial<CacheRequest>][] = [
    ['fwd=bypass; fwd-status=200; detail=request-no-store', { 'cache-control': 'no-store' }, {}],
    ['fwd=bypass; fwd-status=200; detail=upgrade', { connection: 'Upgrade', upgrade: 'websocket' }, {}],
    ['fwd=bypass; fwd-status=200; detail=precondition', { 'if-match': '"1"' }, {}],
    ['fwd=bypass; fwd-status=200; detail=precondition', { 'if-unmodified-since': 'then' }, {}],
    ['fwd=bypass; fwd-status=200; detail=request-body', { 'content-length': '3' }, {}],
    ['fwd=bypass; fwd-status=200; detail=request-body', { 'transfer-encoding': 'chunked' }, {}],
    ['fwd=bypass; fwd-status=200; detail=target', {}, { url: 'http://a.example/a' }],
    ['fwd=bypass; fwd-status=200; detail=target', {}, { url: '*' }],
    ['fwd=method; fwd-status=200', {}, { method: 'POST' }],
    ['fwd=method; fwd-status=200', {}, { method: 'OPTIONS' }],
    ['fwd=method; fwd-status=200', {}, { method: 'get' }],
    ['fwd=method; fwd-status=200', {}, { method: 'QUERY' }],
  ]
  test.each(rows)('%s: %j %j', async (how, headers, more) => {
    const site = createSite({}, () => ({ headers: fresh }))
    await site.get('/a')
    for (const runs of [2, 3]) {
      expect((await site.get('/a', headers, more)).how).toBe(`stowage; ${how}`)
      expect(site.runs).toHaveLength(runs)
    }
    // Nor did they leave anything behind.
    if (more.method !== 'POST' && more.method !== 'get') expect((await site.get('/a')).how).toMatch(/hit/)
  })

  test('the handler of a bypassed request sees what the client sent', async () => {
    const site = createSite({ ttl: false })
    const sent = { 'if-none-match': '"1"', range: 'bytes=0-1', 'cache-control': 'no-cache' }
    await site.get('/a', sent)
    expect(site.runs[0]?.headers).toEqual(sent)
    expect(site.runs[0]?.forward.handler.status).toBe('bypass')
  })
})

describe('a whole response and nothing less (RFC 9111 §3.3)', () => {
  const open = async (headers: FieldMap = fresh) => {
    const site = createSite({})
    const forward = forwardOf(await site.cache.lookup(requestOf('/a')))
    const verdict = forward.respond({ status: 200, headers })
    expect(verdict.record).toBe(true)
    return { site, forward }
  }

  test('in pieces, copied as they come', async () => {
    const { site, forward } = await open()
    const piece = Buffer.from('ab')
    forward.write(piece)
    piece.fill('x')
    forward.write(Buffer.from('cd'))
    await forward.end()
    expect((await site.get('/a')).body).toBe('abcd')
  })

  test.each(['3', '5', 'x', '4, 4'])('not with a Content-Length of %s for four bytes', async (length) => {
    const { site, forward } = await open({ ...fresh, 'content-length': length })
    forward.write(Buffer.from('abcd'))
    await forward.end()
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })

  test('not after an abort, at any moment', async () => {
    for (const pieces of [0, 1, 2]) {
      const { site, forward } = await open()
      for (let i = 0; i < pieces; i++) forward.write(Buffer.from('ab'))
      forward.abort()
      await forward.end()
      expect((await site.get('/a')).how).toMatch(/uri-miss/)
    }
  })

  test('not what is larger than its limit', async () => {
    const site = createSite({ maxBodyBytes: 4 }, () => ({ headers: fresh, body: 'abcde' }))
    const rejected: string[] = []
    site.cache.on('reject', ({ code }) => rejected.push(code))
    await site.get('/a')
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
    expect(rejected).toEqual(['too-large', 'too-large'])
    site.handler = () => ({ headers: fresh, body: 'abcd' })
    await site.get('/a')
    expect((await site.get('/a')).body).toBe('abcd')
  })

  test('what is reported after the end changes nothing', async () => {
    const { site, forward } = await open()
    await forward.end()
    forward.write(Buffer.from('ab'))
    forward.abort()
    await forward.end()
    expect(forward.respond({ status: 200, headers: fresh })).toEqual({ record: false, edits: {} })
    expect((await site.get('/a')).body).toBe('')
  })
})
