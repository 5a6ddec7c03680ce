import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { invalidatedUris, isNonError, isUnsafe, normalAuthority } from '../../src/semantics/invalidate.ts'

const target = { scheme: 'http', authority: 'a.example', path: '/items/7?full=1' }
const own = 'http://a.example/items/7?full=1'

test.each([
  ['GET', false],
  ['HEAD', false],
  ['OPTIONS', false],
  ['TRACE', false],
  ['QUERY', false],
  ['POST', true],
  ['PUT', true],
  ['PATCH', true],
  ['DELETE', true],
  ['CONNECT', true],
  ['PURGE', true],
  ['get', true],
  ['', true],
  ['constructor', true],
])('whether %s is unsafe: %s (RFC 9110 §9.2.1, RFC 10008 §2)', (method, expected) => {
  expect(isUnsafe(method)).toBe(expected)
})

test.each([
  [100, false],
  [199, false],
  [200, true],
  [204, true],
  [303, true],
  [399, true],
  [400, false],
  [500, false],
  [Number.NaN, false],
])('whether %d is a non-error: %s (RFC 9111 §4.4)', (status, expected) => {
  expect(isNonError(status)).toBe(expected)
})

describe('Location and Content-Location (RFC 9111 §4.4)', () => {
  test.each<[string, FieldMap, string[]]>([
    ['neither', {}, []],
    ['an absolute path', { location: '/items' }, ['http://a.example/items']],
    ['a relative path', { location: '8' }, ['http://a.example/items/8']],
    ['a path with dots', { location: '../b/./c' }, ['http://a.example/b/c']],
    ['a query', { location: '?page=2' }, ['http://a.example/items/7?page=2']],
    ['an absolute URI', { location: 'http://a.example/x?y=%20' }, ['http://a.example/x?y=%20']],
    ['another case of scheme and host', { location: 'HTTP://A.Example/X' }, ['http://a.example/X']],
    ['the default port', { location: 'http://a.example:80/x' }, ['http://a.example/x']],
    ['an empty port', { location: 'http://a.example:/x' }, ['http://a.example/x']],
    ['no path', { location: 'http://a.example' }, ['http://a.example/']],
    ['a fragment', { location: '/x#part' }, ['http://a.example/x']],
    ['userinfo', { location: 'http://me:pw@a.example/x' }, ['http://a.example/x']],
    ['the target itself', { location: '/items/7?full=1' }, []],
    ['an empty reference', { location: '' }, []],
    ['Content-Location', { 'content-location': '/x' }, ['http://a.example/x']],
    ['both, equal', { location: '/x', 'content-location': '/x#y' }, ['http://a.example/x']],
    ['both', { location: '/x', 'content-location': '/y' }, ['http://a.example/x', 'http://a.example/y']],
    ['several lines', { location: ['/x', '/y'] }, ['http://a.example/x', 'http://a.example/y']],
  ])('%s', (_title, headers, expected) => {
    expect(invalidatedUris(target, headers)).toEqual([own, ...expected])
  })

  test.each([
    ['another host', 'http://b.example/x'],
    ['another port', 'http://a.example:8080/x'],
    ['another scheme', 'https://a.example/x'],
    ['a network path', '//b.example/x'],
    ['a network path with backslashes', '/\\b.example/x'],
    ['a network path with a tab', '/\t/b.example/x'],
    ['a subdomain', 'http://x.a.example/'],
    ['a host behind userinfo', 'http://a.example@b.example/'],
    ['a trailing dot', 'http://a.example./x'],
    ['a blob of the origin', 'blob:http://a.example/x'],
    ['data', 'data:text/plain,x'],
    ['script', 'javascript:alert(1)'],
    ['a host that is no host', 'http://[/x'],
    ['a port that is no port', 'http://a.example:x/'],
    ['a bad host', 'http://a b/'],
  ])('%s is left alone', (_title, location) => {
    expect(invalidatedUris(target, { location, 'content-location': location })).toEqual([own])
  })
})

describe('the target URI', () => {
  test.each([
    [
      'its path stays as received',
      { ...target, path: '/a/../b/%7e?x=a b' },
      'http://a.example/a/../b/%7e?x=a b',
    ],
    ['its fragment is dropped', { ...target, path: '/a?b#c' }, 'http://a.example/a?b'],
    ['an empty path is the root', { ...target, path: '' }, 'http://a.example/'],
    [
      'a path that begins with two slashes stays one',
      { ...target, path: '//b.example/' },
      'http://a.example//b.example/',
    ],
    ['scheme and host are lower-case', { ...target, scheme: 'HTTP', authority: 'A.EXAMPLE' }, own],
    ['the default port is dropped', { ...target, authority: 'a.example:80' }, own],
    [
      'https has its own default port',
      { ...target, scheme: 'https', authority: 'a:443' },
      'https://a/items/7?full=1',
    ],
    [
      'another port stays',
      { ...target, authority: 'a.example:8080' },
      'http://a.example:8080/items/7?full=1',
    ],
    ['an IPv6 host stays', { ...target, authority: '[::1]:80' }, 'http://[::1]/items/7?full=1'],
    [
      'the absolute form counts alone',
      { ...target, path: 'HTTPS://B.example:443/x#y' },
      'https://b.example/x',
    ],
    ['the absolute form without a path', { ...target, path: 'http://b.example?x' }, 'http://b.example/?x'],
    ['the absolute form with userinfo', { ...target, path: 'http://me@b.example/' }, 'http://b.example/'],
    ['an authority is needed for nothing', { ...target, authority: '' }, 'http:///items/7?full=1'],
    ['a scheme may be unknown', { ...target, scheme: 'coap' }, 'coap://a.example/items/7?full=1'],
  ])('%s', (_title, uri, expected) => {
    expect(invalidatedUris(uri, {})).toEqual([expected])
  })

  test('the asterisk form names no resource', () => {
    expect(invalidatedUris({ ...target, path: '*' }, { location: '/x' })).toEqual([])
  })

  test('references are resolved against the absolute form', () => {
    const uri = { ...target, path: 'http://b.example/c/d' }
    expect(invalidatedUris(uri, { location: 'e', 'content-location': 'http://a.example/' })).toEqual([
      'http://b.example/c/d',
      'http://b.example/c/e',
    ])
  })

  test.each(['', 'a/b', 'a?b', 'a#b', 'a b', 'a\\b', '[', 'a:b'])(
    'with the authority %j resolves nothing',
    (authority) => {
      expect(invalidatedUris({ ...target, authority }, { location: '/x' })).toHaveLength(1)
    },
  )
})

test.each([
  ['http', 'A.example:80', 'a.example'],
  ['http', 'a:0080', 'a'],
  ['http', 'a:', 'a'],
  ['http', 'a:443', 'a:443'],
  ['https', 'a:443', 'a'],
  ['https', 'a:00080', 'a:80'],
  ['http', 'a:0', 'a:0'],
  ['http', '[2001:DB8::80]', '[2001:db8::80]'],
  ['http', '[::1]:81', '[::1]:81'],
  ['http', '[2001:db8::0080]', '[2001:db8::0080]'],
  ['http', 'a:b', 'a:b'],
  ['http', 'u@p@a', 'a'],
])('the normal form in %s of %s is %s (RFC 9110 §4.2.3)', (scheme, authority, expected) => {
  expect(normalAuthority(scheme, authority)).toBe(expected)
})

test('any input yields URIs of one origin and never throws', () => {
  const bits = fc.constantFrom(
    '/',
    '\\',
    '//',
    'http:',
    'https://',
    'a.example',
    'b.example',
    '@',
    ':',
    '80',
    '?',
    '#',
  )
  const text = fc.oneof(
    fc.array(bits, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(text, text, text, (path, location, contentLocation) => {
      const headers = { location, 'content-location': contentLocation }
      const uris = invalidatedUris({ scheme: 'http', authority: 'a.example', path }, headers)
      const origins = uris.map((uri) => uri.slice(0, uri.indexOf('/', uri.indexOf('//') + 2)))
      expect(new Set(origins).size).toBeLessThanOrEqual(1)
      if (path.startsWith('/')) expect(origins).toContain('http://a.example')
      expect(new Set(uris).size).toBe(uris.length)
    }),
    { numRuns: 3000 },
  )
})
