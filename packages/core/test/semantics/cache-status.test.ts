import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendCacheStatus,
  type CacheStatus,
  type ForwardReason,
  formatCacheStatus,
} from '../../src/semantics/cache-status.ts'
import { parseDictionary } from '../../src/semantics/structured-fields.ts'

describe('a member of Cache-Status (RFC 9211 §2)', () => {
  test.each<[CacheStatus, string]>([
    [{}, 'stowage'],
    [{ hit: true }, 'stowage; hit'],
    [{ hit: true, ttl: 271 }, 'stowage; hit; ttl=271'],
    [{ hit: true, ttl: -12, detail: 'swr' }, 'stowage; hit; ttl=-12; detail=swr'],
    [{ fwd: 'uri-miss' }, 'stowage; fwd=uri-miss'],
    [
      { fwd: 'uri-miss', fwdStatus: 200, stored: true, detail: 'swr' },
      'stowage; fwd=uri-miss; fwd-status=200; stored; detail=swr',
    ],
    [{ fwd: 'vary-miss', stored: true }, 'stowage; fwd=vary-miss; stored'],
    [{ fwd: 'uri-miss', collapsed: true }, 'stowage; fwd=uri-miss; collapsed'],
    [{ fwd: 'uri-miss', collapsed: false }, 'stowage; fwd=uri-miss; collapsed=?0'],
    [
      { fwd: 'stale', fwdStatus: 304, stored: true, ttl: 300 },
      'stowage; fwd=stale; fwd-status=304; ttl=300; stored',
    ],
    [
      { detail: 'd', key: 'k', collapsed: true, stored: true, ttl: 1, fwdStatus: 200, fwd: 'request' },
      'stowage; fwd=request; fwd-status=200; ttl=1; stored; collapsed; key="k"; detail=d',
    ],
    [{ hit: true, key: '/a?b="c"' }, 'stowage; hit; key="/a?b=\\"c\\""'],
  ])('%o', (status, expected) => {
    expect(formatCacheStatus('stowage', status)).toBe(expected)
  })

  test.each<[string, CacheStatus, string]>([
    ['hit beside fwd', { hit: true, fwd: 'stale' }, 'c; fwd=stale'],
    ['fwd-status without fwd', { hit: true, fwdStatus: 200 }, 'c; hit'],
    ['stored without fwd', { hit: true, stored: true }, 'c; hit'],
    ['all of these without hit', { fwdStatus: 200, stored: true, collapsed: true, ttl: 1 }, 'c; ttl=1'],
    ['collapsed without fwd', { hit: true, collapsed: false }, 'c; hit'],
    ['a fwd-status that is no number', { fwd: 'stale', fwdStatus: Number.NaN }, 'c; fwd=stale'],
    ['a fwd-status that is no status code', { fwd: 'stale', fwdStatus: 1e21 }, 'c; fwd=stale'],
    ['a ttl that is no number', { hit: true, ttl: Number.NaN }, 'c; hit'],
  ])('leaves out %s', (_title, status, expected) => {
    expect(formatCacheStatus('c', status)).toBe(expected)
  })

  test.each([
    [0.9, '0'],
    [-0, '0'],
    [-0.1, '-1'],
    [Number.POSITIVE_INFINITY, '999999999999999'],
    [Number.NEGATIVE_INFINITY, '-999999999999999'],
    [1e21, '999999999999999'],
  ])('ttl %d is the Integer %s', (ttl, expected) => {
    expect(formatCacheStatus('c', { hit: true, ttl })).toBe(`c; hit; ttl=${expected}`)
  })

  test.each([
    ['CDN', 'CDN'],
    ['cache-3.example.com', 'cache-3.example.com'],
    ['CDN Company Here', '"CDN Company Here"'],
    ['192.0.2.1', '"192.0.2.1"'],
    ['', '""'],
    ['größe', '"gr%c3%b6%c3%9fe"'],
    ['a\r\nb', '"a%0d%0ab"'],
  ])('the name %j is sent as %s', (name, expected) => {
    expect(formatCacheStatus(name, { hit: true })).toBe(`${expected}; hit`)
  })

  test('a key outside ASCII is percent-encoded, also where it is no well-formed text', () => {
    expect(formatCacheStatus('c', { hit: true, key: '/ü\ud800' })).toBe('c; hit; key="/%c3%bc%ef%bf%bd"')
  })

  test('a detail that is no Token is sent as a String', () => {
    expect(formatCacheStatus('c', { fwd: 'bypass', detail: 'two words' })).toBe(
      'c; fwd=bypass; detail="two words"',
    )
  })

  test('a long key is cut off', () => {
    const member = formatCacheStatus('c', { hit: true, key: 'é'.repeat(65_536) })
    expect(member.length).toBe('c; hit; key=""'.length + 1024)
  })

  test('any name, key and detail yield parameters that parse', () => {
    const reasons = fc.constantFrom<ForwardReason>('bypass', 'method', 'uri-miss', 'vary-miss', 'stale')
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(
        text,
        text,
        text,
        reasons,
        fc.double(),
        fc.integer(),
        (name, key, detail, fwd, ttl, fwdStatus) => {
          const member = formatCacheStatus(name, { fwd, key, detail, ttl, fwdStatus })
          expect(parseDictionary([`a=${member}`])?.get('a')?.type).toMatch(/^(?:token|string)$/)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('appending', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'c; hit'],
    ['', 'c; hit'],
    [' , \t', 'c; hit'],
    ['OriginCache; hit; ttl=1100', 'OriginCache; hit; ttl=1100, c; hit'],
    ['"CDN, Here"; hit , ', '"CDN, Here"; hit, c; hit'],
  ])('to %j keeps what is there', (existing, expected) => {
    expect(appendCacheStatus(existing, 'c; hit')).toBe(expected)
  })

  test('to 64 KB of whitespace takes no time', () => {
    const started = performance.now()
    expect(appendCacheStatus(`a${' '.repeat(65_536)}b`, 'c')).toHaveLength(65_541)
    expect(performance.now() - started).toBeLessThan(500)
  })
})
