import type { FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { type Answer, createSite, type Run, type Site } from './site.ts'

const cc = (value: string): FieldMap => ({ 'cache-control': value })
const date = 'Mon, 31 Dec 2029 00:00:00 GMT'

/** A site with a stale response that has validators. */
const withStale = async (headers: FieldMap = { ...cc('max-age=60'), etag: '"1"' }): Promise<Site> => {
  const site = createSite({}, () => ({ headers: { 'x-run': '1', ...headers }, body: 'content' }))
  await site.get('/a')
  site.clock.advance(61_000)
  return site
}

const handlerOf =
  (answer: Answer) =>
  ({ headers }: Run): Answer =>
    headers['if-none-match'] === undefined && headers['if-modified-since'] === undefined
      ? { body: 'full' }
      : answer

describe('a stale response is validated (RFC 9111 §4.3.1)', () => {
  const rows: readonly [title: string, headers: FieldMap, asked: FieldMap][] = [
    ['by its ETag', { etag: '"1"' }, { 'if-none-match': '"1"' }],
    ['by a weak one', { etag: 'W/"1"' }, { 'if-none-match': 'W/"1"' }],
    ['by its Last-Modified', { 'last-modified': date }, { 'if-modified-since': date }],
    [
      'by both',
      { etag: '"1"', 'last-modified': date },
      { 'if-none-match': '"1"', 'if-modified-since': date },
    ],
    ['by nothing where a handler could not understand it', { etag: '"1", "2"' }, {}],
  ]
  test.each(rows)('%s, not by what the client has', async (_title, validators, asked) => {
    const site = createSite({ etag: false }, () => ({ headers: { ...cc('max-age=60'), ...validators } }))
    await site.get('/a')
    site.clock.advance(61_000)
    await site.get('/a', {
      'if-none-match': '"client"',
      'if-modified-since': date,
      range: 'bytes=0-1',
      accept: '*/*',
    })
    expect(site.runs[1]?.headers).toEqual({ accept: '*/*', ...asked })
  })

  test('by the ETag that was made for it', async () => {
    const site = createSite({ ttl: 60 })
    const { headers } = await site.get('/a')
    site.clock.advance(61_000)
    await site.get('/a')
    expect(site.runs[1]?.headers).toEqual({ 'if-none-match': headers.etag })
  })

  test('not after it was kept for long enough', async () => {
    const site = createSite({ ttl: 60, keep: '10m' })
    await site.get('/a')
    site.clock.advance(660_001)
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })

  test('while it is fresh where it says no-cache', async () => {
    const site = createSite({}, () => ({
      headers: { ...cc('no-cache, max-age=60'), etag: '"1"' },
      body: 'a',
    }))
    await site.get('/a')
    site.handler = handlerOf({ status: 304 })
    for (const runs of [2, 3]) {
      expect((await site.get('/a')).body).toBe('a')
      expect(site.runs).toHaveLength(runs)
    }
  })
})

describe('a 304 (RFC 9111 §4.3.4)', () => {
  test('makes it fresh again, with the fields that it brings', async () => {
    const site = await withStale()
    site.handler = handlerOf({
      status: 304,
      headers: { ...cc('max-age=30'), etag: '"1"', 'x-run': '2', 'x-new': 'a' },
    })
    const validated = await site.get('/a')
    expect(validated.how).toBe('stowage; fwd=stale; fwd-status=304; ttl=30; stored')
    expect(validated).toMatchObject({ status: 200, body: 'content' })
    expect(validated.headers).toMatchObject({
      'x-run': '2',
      'x-new': 'a',
      'cache-control': 'max-age=30',
      age: '0',
    })
    site.clock.advance(29_000)
    const hit = await site.get('/a')
    expect(hit.how).toBe('stowage; hit; ttl=1')
    expect(hit.headers).toMatchObject({ 'x-run': '2', 'x-new': 'a', age: '29' })
    expect(site.runs).toHaveLength(2)
  })

  test('without fields keeps those that are there', async () => {
    const site = await withStale()
    site.handler = handlerOf({ status: 304 })
    expect((await site.get('/a')).how).toBe('stowage; fwd=stale; fwd-status=304; ttl=60; stored')
    expect((await site.get('/a')).headers['cache-control']).toBe('max-age=60')
  })

  test('changes neither what describes the content nor by what it is found', async () => {
    const site = await withStale()
    site.handler = handlerOf({
      status: 304,
      headers: {
        'content-length': '0',
        'content-digest': 'x',
        'content-type': 'a/b',
        'transfer-encoding': 'chunked',
      },
    })
    await site.get('/a')
    const { headers, body } = await site.get('/a')
    expect(body).toBe('content')
    expect(headers['content-length']).toBe('7')
    for (const name of ['content-digest', 'content-type', 'transfer-encoding'])
      expect(headers[name]).toBeUndefined()
  })

  test('answers the client’s own condition from what is stored', async () => {
    const site = await withStale()
    site.handler = handlerOf({ status: 304 })
    const served = await site.get('/a', { 'if-none-match': '"1"' })
    expect(served).toMatchObject({ status: 304, body: null })
    expect(served.headers.etag).toBe('"1"')
    site.clock.advance(61_000)
    expect((await site.get('/a', { 'if-none-match': '"2"' })).status).toBe(200)
  })

  const unstorable: readonly [detail: string, headers: FieldMap][] = [
    ['no-store', cc('no-store')],
    ['private', cc('private, max-age=60')],
    ['set-cookie', { 'set-cookie': 'a=1' }],
    ['vary', { vary: 'x-new' }],
    ['vary', { vary: '*' }],
    ['vary', { 'content-encoding': 'br' }],
    ['validator-mismatch', { etag: '"2"' }],
    ['validator-mismatch', { etag: 'W/"2"' }],
    ['validator-mismatch', { 'last-modified': date }],
  ]
  test.each(unstorable)(
    'that is at odds with sharing (%s) answers one client, and nobody after it: %j',
    async (detail, headers) => {
      const site = await withStale()
      site.handler = handlerOf({ status: 304, headers })
      const served = await site.get('/a')
      expect(served.how).toBe(`stowage; fwd=stale; fwd-status=304; detail=${detail}`)
      expect(served).toMatchObject({ status: 200, body: 'content' })
      expect(served.headers['set-cookie']).toBe(headers['set-cookie'])
      const next = await site.get('/a')
      expect(next.how).toMatch(/fwd=uri-miss/)
      expect(next.body).toBe('full')
    },
  )

  test('that nobody asked for is passed on', async () => {
    const site = createSite({ ttl: 60 }, () => ({ status: 304, headers: { etag: '"1"' } }))
    const served = await site.get('/a', { 'if-none-match': '"1"' })
    expect(served).toMatchObject({ status: 304, how: 'stowage; fwd=uri-miss; fwd-status=304; detail=status' })
  })

  test('shortens the life of what it confirms where it says so', async () => {
    const site = await withStale({ ...cc('max-age=60'), etag: '"1"', 'last-modified': date })
    site.handler = handlerOf({ status: 304, headers: { ...cc('no-cache'), etag: '"1"' } })
    await site.get('/a')
    expect((await site.get('/a')).how).toMatch(/fwd=stale; fwd-status=304/)
    expect(site.runs).toHaveLength(3)
  })
})

describe('a full response to a validation', () => {
  test('takes the place of the stored one', async () => {
    const site = await withStale()
    site.handler = () => ({ headers: { ...cc('max-age=60'), etag: '"2"' }, body: 'new' })
    expect((await site.get('/a')).body).toBe('new')
    expect((await site.get('/a')).body).toBe('new')
    expect(site.runs).toHaveLength(2)
  })

  test('answers the client’s own condition, which the handler did not see', async () => {
    const site = createSite({}, () => ({ headers: { ...cc('max-age=60'), etag: '"2"' }, body: 'new' }))
    const served = await site.get('/a', { 'if-none-match': 'W/"2"' })
    expect(served).toMatchObject({ status: 304, body: null })
    expect(served.headers).toMatchObject({ etag: '"2"', 'cache-control': 'max-age=60' })
    expect((await site.get('/a')).body).toBe('new')
  })

  test('of another status is judged by itself', async () => {
    const site = await withStale()
    site.handler = () => ({ status: 404, body: 'gone' })
    expect((await site.get('/a')).body).toBe('gone')
    site.handler = () => ({ status: 410, headers: cc('max-age=60'), body: 'for good' })
    await site.get('/a')
    expect((await site.get('/a')).how).toMatch(/hit/)
  })
})

describe('req.cache.notModified()', () => {
  test('confirms the stored response', async () => {
    const site = await withStale()
    site.handler = ({ forward: { handler } }) => {
      expect(handler.status).toBe('revalidate')
      expect(handler.stale).toEqual({ etag: '"1"' })
      handler.notModified()
      return {}
    }
    expect(await site.get('/a')).toMatchObject({
      body: 'content',
      how: expect.stringMatching(/fwd-status=304.*stored/),
    })
    expect((await site.get('/a')).how).toMatch(/hit/)
  })

  test('throws where nothing is stored', async () => {
    const site = createSite({ ttl: 60 }, ({ forward: { handler } }) => {
      expect([handler.status, handler.stale]).toEqual(['miss', undefined])
      expect(() => handler.notModified()).toThrow(/req\.cache\.stale/)
      return {}
    })
    await site.get('/a')
    expect(site.runs).toHaveLength(1)
  })
})
