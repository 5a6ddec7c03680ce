import type { FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { createSite, type Site } from './site.ts'

const cc = (value: string): FieldMap => ({ 'cache-control': value })
const head = { method: 'HEAD' } as const

const filled = async (headers: FieldMap = {}, body = 'abcdefghij'): Promise<Site> => {
  const site = createSite({}, () => ({ headers: { ...cc('max-age=60'), etag: '"1"', ...headers }, body }))
  await site.get('/a')
  return site
}

describe('HEAD (RFC 9110 §9.3.2, RFC 9111 §4.3.5)', () => {
  test('is answered from a stored GET response, without its content', async () => {
    const site = await filled()
    const served = await site.get('/a', {}, head)
    expect(served).toMatchObject({ status: 200, body: null, how: 'stowage; hit; ttl=60' })
    expect(served.headers).toMatchObject({ 'content-length': '10', etag: '"1"' })
    expect((await site.get('/a', { 'if-none-match': '"1"' }, head)).status).toBe(304)
  })

  test('goes forward where nothing is stored, and stores nothing', async () => {
    const site = createSite({}, () => ({ headers: cc('max-age=60'), body: 'content' }))
    expect((await site.get('/a', {}, head)).how).toBe('stowage; fwd=uri-miss; fwd-status=200')
    expect((await site.get('/a', {}, head)).how).toMatch(/uri-miss/)
    expect((await site.get('/a')).body).toBe('content')
    expect(site.runs).toHaveLength(3)
  })

  test('the handler sees its conditions', async () => {
    const site = createSite({ ttl: 60 })
    await site.get('/a', { 'if-none-match': '"1"' }, head)
    expect(site.runs[0]?.headers).toEqual({ 'if-none-match': '"1"' })
  })

  const differing: readonly [title: string, headers: FieldMap, stays: boolean][] = [
    ['nothing different', { etag: '"1"', 'content-length': '10' }, true],
    ['nothing to compare', {}, true],
    ['another ETag', { etag: '"2"' }, false],
    ['another length', { 'content-length': '11' }, false],
    ['another Last-Modified', { 'last-modified': 'Mon, 31 Dec 2029 00:00:00 GMT' }, false],
  ]
  test.each(differing)(
    'that goes forward shows by %s whether the stored response still holds',
    async (_title, headers, stays) => {
      const site = await filled()
      site.handler = () => ({ headers })
      await site.get('/a', cc('no-cache'), head)
      expect((await site.get('/a')).how.includes('hit')).toBe(stays)
    },
  )
})

describe('Range of a stored response (RFC 9110 §14)', () => {
  const rows: readonly [
    range: string,
    status: number,
    body: string | null,
    contentRange: string | undefined,
  ][] = [
    ['bytes=0-3', 206, 'abcd', 'bytes 0-3/10'],
    ['bytes=8-', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=-3', 206, 'hij', 'bytes 7-9/10'],
    ['bytes=5-99', 206, 'fghij', 'bytes 5-9/10'],
    ['bytes=10-', 416, null, 'bytes */10'],
    ['bytes=0-1,3-4', 200, 'abcdefghij', undefined],
    ['bytes=3-1', 200, 'abcdefghij', undefined],
    ['lines=0-1', 200, 'abcdefghij', undefined],
  ]
  test.each(rows)('%s: %d', async (range, status, body, contentRange) => {
    const site = await filled()
    const served = await site.get('/a', { range })
    expect(served).toMatchObject({ status, body })
    expect(served.headers['content-range']).toBe(contentRange)
    expect(served.headers['content-length']).toBe(String(body?.length ?? 0))
    expect(site.runs).toHaveLength(1)
  })

  test('If-Range decides, and a condition that holds comes first', async () => {
    const site = await filled()
    expect((await site.get('/a', { range: 'bytes=0-1', 'if-range': '"1"' })).status).toBe(206)
    expect((await site.get('/a', { range: 'bytes=0-1', 'if-range': '"2"' })).status).toBe(200)
    expect((await site.get('/a', { range: 'bytes=0-1', 'if-none-match': '"1"' })).status).toBe(304)
    expect((await site.get('/a', { range: 'bytes=0-1' }, head)).status).toBe(200)
  })

  test('a range of what is not stored is the handler’s, and not stored', async () => {
    const site = createSite({}, ({ headers }) =>
      headers.range === undefined
        ? { headers: cc('max-age=60'), body: 'abcdefghij' }
        : { status: 206, headers: { ...cc('max-age=60'), 'content-range': 'bytes 0-1/10' }, body: 'ab' },
    )
    const served = await site.get('/a', { range: 'bytes=0-1' })
    expect(served).toMatchObject({ status: 206, how: 'stowage; fwd=uri-miss; fwd-status=206; detail=range' })
    expect((await site.get('/a')).body).toBe('abcdefghij')
  })

  test('a stale response is validated whole, and cut afterwards', async () => {
    const site = await filled()
    site.clock.advance(61_000)
    site.handler = ({ headers }) => {
      expect(headers).toEqual({ 'if-none-match': '"1"' })
      return { status: 304 }
    }
    expect(await site.get('/a', { range: 'bytes=0-1' })).toMatchObject({ status: 206, body: 'ab' })
  })
})
