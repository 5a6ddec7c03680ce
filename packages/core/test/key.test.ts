import { describe, expect, test } from 'vitest'
import { type CacheOptions, trackingParams } from '../src/index.ts'
import { bodyDigest, keyOf, keyPrefix, primaryKey, variantKey } from '../src/key.ts'
import type { QueryRule } from '../src/key-check.ts'
import { keyedQuery } from '../src/keyed-query.ts'
import { compileOptions, type Policy } from '../src/policy.ts'
import type { CacheRequest } from '../src/view.ts'
import { cpuTime } from './cpu-time.ts'

const policyOf = (options: CacheOptions = {}): Policy => compileOptions(options, 'test').policy

const request = (members: Partial<CacheRequest> = {}): CacheRequest => ({
  method: 'GET',
  url: '/',
  authority: 'a.example',
  scheme: 'http',
  headers: {},
  raw: undefined,
  ...members,
})

const prefix = keyPrefix('stowage', '')
const full = (members: Partial<CacheRequest>, options?: CacheOptions): string =>
  primaryKey(prefix, request(members), policyOf(options)).full

describe('primary key (RFC 9111 §2)', () => {
  const apart: readonly [title: string, a: Partial<CacheRequest>, b: Partial<CacheRequest>][] = [
    ['scheme', { scheme: 'http' }, { scheme: 'https' }],
    ['authority', { authority: 'a.example' }, { authority: 'b.example' }],
    ['method', { method: 'GET' }, { method: 'QUERY' }],
    ['path', { url: '/a' }, { url: '/b' }],
    ['letter case of the path', { url: '/a' }, { url: '/A' }],
    ['encoding of the path', { url: '/a' }, { url: '/%61' }],
    ['a slash at the end', { url: '/a' }, { url: '/a/' }],
    ['query', { url: '/?a=1' }, { url: '/?a=2' }],
    ['an empty query', { url: '/' }, { url: '/?' }],
    ['what is path and what is query', { url: '/a?b' }, { url: '/a%3Fb' }],
  ]
  test.each(apart)('%s tells apart', (_title, a, b) => {
    expect(full(a)).not.toBe(full(b))
  })

  test('HEAD shares the entries of GET (RFC 9110 §9.3.2)', () => {
    expect(full({ method: 'HEAD' })).toBe(full({ method: 'GET' }))
  })

  test('without host, scheme and authority do not count', () => {
    const options: CacheOptions = { key: { host: false } }
    expect(full({ scheme: 'https', authority: 'b' }, options)).toBe(full({}, options))
  })

  test('namespace and version tell caches apart, in any split of their text', () => {
    const splits = [
      ['ab', ''],
      ['a', 'b'],
      ['', 'ab'],
      ['a v1', 'b'],
      ['a', ' v1:b'],
    ] as const
    expect(new Set(splits.map(([namespace, version]) => keyPrefix(namespace, version))).size).toBe(5)
  })
})

describe('selected parts', () => {
  test('a field that is absent is not an empty one', () => {
    const options: CacheOptions = { key: { headers: ['X-A'] } }
    const keys = [{}, { 'x-a': '' }, { 'x-a': '-' }, { 'x-a': 'a' }].map((headers) =>
      full({ headers }, options),
    )
    expect(new Set(keys).size).toBe(4)
    expect(full({ headers: { 'x-a': ' a ' } }, options)).toBe(full({ headers: { 'x-a': 'a' } }, options))
    expect(full({ headers: { 'x-a': ['a', 'b'] } }, options)).toBe(
      full({ headers: { 'x-a': 'a,b' } }, options),
    )
  })

  test('a cookie that is repeated counts with all its values, in their order', () => {
    const options: CacheOptions = { key: { cookies: ['a'] } }
    const lines = ['', 'a', 'a=', 'a=1', 'a=1; a=2', 'a=2; a=1', 'a=12', 'A=1', 'b=1']
    const keys = lines.map((cookie) => full({ headers: { cookie } }, options))
    expect(keys[0]).toBe(keys[1])
    expect(keys[0]).toBe(keys[7])
    expect(new Set(keys).size).toBe(6)
    expect(full({ headers: { cookie: 'b=9; a=1; c=8' } }, options)).toBe(keys[3])
  })

  test('a part that a function leaves undefined is none of the texts it may return', () => {
    const values = [undefined, '', 'undefined', '-', '0']
    const keys = values.map((value) => full({}, { key: { by: { tenant: () => value } } }))
    expect(new Set(keys).size).toBe(values.length)
  })

  test.each([null, 7, ['a'], { id: 1 }, true])(
    'a function that returns %j fails: it would not be told apart',
    (value) => {
      const by = { tenant: () => value as unknown as string }
      expect(() => full({}, { key: { by } })).toThrow(/key\.by\.tenant returned/)
    },
  )

  test('cookies, credentials and scopes are not readable in the key', () => {
    const policy = policyOf({ key: { headers: ['x-api-key', 'x-plain'], cookies: ['sid'] } })
    const headers = {
      'x-api-key': 'SECRET-2',
      'x-plain': 'shown',
      cookie: 'sid=SECRET-3',
    }
    const key = primaryKey(prefix, request({ headers }), policy, { scope: 'SECRET-4' })
    const variant = variantKey(
      key,
      ['authorization', 'cookie', 'x-plain'],
      ['SECRET-1', 'sid=SECRET-3', 'shown'],
    )
    expect(variant.full).not.toContain('SECRET')
    expect(variant.full).toContain('shown')
    const other = { ...headers, cookie: 'sid=SECRET-5' }
    expect(primaryKey(prefix, request({ headers: other }), policy, { scope: 'SECRET-4' }).full).not.toBe(
      key.full,
    )
  })

  test('a body tells apart together with the type and coding that give it its meaning', () => {
    const policy = policyOf({ methods: ['QUERY'], key: { body: 'bytes' } })
    const keys = ['a', 'b'].flatMap((digest) =>
      [{}, { 'content-type': 'a' }, { 'content-encoding': 'a' }].map(
        (headers) => primaryKey(prefix, request({ headers }), policy, { bodyDigest: digest }).full,
      ),
    )
    expect(new Set(keys).size).toBe(6)
  })
})

describe('body digest', () => {
  const json = (text: string): string | undefined => bodyDigest({ bytes: Buffer.from(text) }, 'json')

  test('JSON counts by its value, and what is none by its bytes', () => {
    expect(json('{"a":1,"b":[2]}')).toBe(json(' {"b": [2], "a": 1}'))
    expect(json('{"a":1}')).not.toBe(json('{"a":2}'))
    expect(json('{"a":1')).toBe(bodyDigest({ bytes: Buffer.from('{"a":1') }, 'bytes'))
    expect(json('{"a":1}')).not.toBe(bodyDigest({ bytes: Buffer.from('{"a":1}') }, 'bytes'))
  })

  test('a body that is not UTF-8 counts by its bytes', () => {
    const bytes = [Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xfe, 0x22])]
    expect(bodyDigest({ bytes: bytes[0] ?? Buffer.alloc(0) }, 'json')).not.toBe(
      bodyDigest({ bytes: bytes[1] ?? Buffer.alloc(0) }, 'json'),
    )
  })

  test('what a parser made of it is the JSON that it was', () => {
    expect(bodyDigest({ parsed: { b: 1, a: 2 } }, 'json')).toBe(json('{"a":2,"b":1}'))
    expect(bodyDigest({ parsed: new Map() }, 'json')).toBeUndefined()
    expect(bodyDigest({ parsed: undefined }, 'json')).toBeUndefined()
  })
})

describe('backend id', () => {
  test('is the key itself up to 1024 characters, and no longer beyond', () => {
    const short = 'k'.repeat(1024)
    expect(keyOf(short).id).toBe(short)
    for (const length of [1025, 5000, 100_000]) {
      const key = keyOf('k'.repeat(length))
      expect(key.id.length).toBeLessThanOrEqual(1024)
      expect(key.full.length).toBe(length)
    }
  })

  test('long keys that differ only behind what is shown have different ids', () => {
    const url = `/${'a'.repeat(3000)}`
    const ids = Array.from(
      { length: 100 },
      (_, i) => primaryKey(prefix, request({ url: `${url}${i}` }), policyOf()).id,
    )
    expect(new Set(ids).size).toBe(100)
    expect(Math.max(...ids.map((id) => id.length))).toBeLessThanOrEqual(1024)
  })
})

describe('the query', () => {
  const rule = (use: QueryRule['use'], ...names: string[]): QueryRule => ({ use, names })
  const rows: readonly [
    title: string,
    query: string | undefined,
    rule: QueryRule,
    expected: string | undefined,
  ][] = [
    ['none at all', undefined, rule('all'), undefined],
    ['an empty one', '', rule('all'), ''],
    ['different names in one order', 'b=1&a=2', rule('all'), 'a=2&b=1'],
    ['a repeated name in its own order', 'b=1&a=2&a=1', rule('all'), 'a=2&a=1&b=1'],
    ['names that are spelled differently are one name', 'b=0&%61=2&a=1', rule('all'), '%61=2&a=1&b=0'],
    ['a plus in a name is a space', 'c&a+b=2&a%20b=1', rule('all'), 'a+b=2&a%20b=1&c'],
    [
      'nested names keep their order',
      'z=1&a[]=2&a[0]=1&a.b=3&a=4',
      rule('all'),
      'a[]=2&a[0]=1&a.b=3&a=4&z=1',
    ],
    ['values stay as received', 'a=%2f&b=%2F', rule('all'), 'a=%2f&b=%2F'],
    ['empty parameters stay', 'b&&a', rule('all'), '&a&b'],
    ['a parameter without a value is not an empty one', 'a', rule('all'), 'a'],
    ['use none', 'a=1', rule('none'), undefined],
    ['keep what is named', 'a=1&b=2&c=3', rule('keep', 'c', 'a'), 'a=1&c=3'],
    ['keep by a wildcard', 'x_a=1&b=2&x_b=3', rule('keep', 'x_*'), 'x_a=1&x_b=3'],
    [
      'keep nested names with their base',
      'page[]=1&page[size]=2&pages=3',
      rule('keep', 'page'),
      'page[]=1&page[size]=2',
    ],
    ['keep by a decoded name', '%61=1', rule('keep', 'a'), '%61=1'],
    ['keep nothing', 'b=2', rule('keep', 'a'), undefined],
    ['ignore what is named', 'a=1&b=2', rule('ignore', 'a'), 'b=2'],
    ['ignore by a wildcard', 'utm_source=1&b=2&utm_=3', rule('ignore', 'utm_*'), 'b=2'],
    ['ignore no nested name by its base', 'a[]=1&a=2', rule('ignore', 'a'), 'a[]=1'],
    ['ignore all', 'a=1', rule('ignore', '*'), undefined],
    ['ignoring is exact in letter case', 'A=1', rule('ignore', 'a'), 'A=1'],
  ]
  test.each(rows)('%s', (_title, query, of, expected) => {
    expect(keyedQuery(query, of)).toBe(expected)
  })

  test('tracking parameters are ignored by their list', () => {
    const policy = policyOf({ key: { query: { ignore: trackingParams } } })
    const url = '/?utm_source=a&gclid=b&id=7&fbclid=c&utm_x=1'
    expect(primaryKey(prefix, request({ url }), policy).full).toBe(
      primaryKey(prefix, request({ url: '/?id=7' }), policy).full,
    )
  })

  test('more than 256 parameters stay in the order received: parsers may not read all of them', () => {
    const list = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${count - i}=1`)
    const sorted = list(256).sort((a, b) => (a.slice(0, -2) < b.slice(0, -2) ? -1 : 1))
    expect(keyedQuery(list(256).join('&'), rule('all'))).toBe(sorted.join('&'))
    expect(keyedQuery(list(257).join('&'), rule('all'))).toBe(list(257).join('&'))
  })

  test('a query of 64 KB is keyed in linear time', () => {
    const query = Array.from({ length: 16_000 }, (_, i) => `a${i % 10}=`).join('&')
    const spent = cpuTime(() => {
      keyedQuery(query, rule('ignore', 'a*b*c*d*', 'utm_*'))
      keyedQuery('%'.repeat(65_536), rule('keep', '*a*b*'))
    }, 3)
    expect(spent).toBeLessThan(200)
  })
})
