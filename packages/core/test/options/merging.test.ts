import { describe, expect, test } from 'vitest'
import type { CacheOptions, RequestView, RoutePolicy } from '../../src/options.ts'
import { compileOptions, type Policy, type Settings } from '../../src/policy.ts'
import { compileRoute } from './compile-route.ts'

const silent = (): void => {}
const compile = (options?: CacheOptions): { policy: Policy; settings: Settings } =>
  compileOptions(options, 'cacheMiddleware', silent)
const merge = (options: CacheOptions, route?: RoutePolicy): Policy =>
  compileRoute(compile(options).policy, route, 'cache.route', silent)

const tenant = (request: RequestView): string | undefined => request.header('x-tenant')
const plan = (request: RequestView): string | undefined => request.cookie('plan')
const always = (): boolean => true
const computed = (): readonly string[] => ['computed']
const varying = (): false => false

test('without options, the defaults are in force', () => {
  expect(compile().policy).toEqual({
    ttl: undefined,
    precedence: 'handler',
    downstream: undefined,
    softTimeout: undefined,
    hardTimeout: undefined,
    staleWhileRevalidate: 0,
    staleIfError: 60_000,
    keep: 3_600_000,
    heuristic: false,
    etag: true,
    methods: new Set(['GET', 'HEAD']),
    status: new Map(),
    key: {
      query: { use: 'all', names: [] },
      headers: [],
      cookies: [],
      by: [],
      host: true,
      body: 'none',
      maxBodyBytes: 65_536,
    },
    scope: undefined,
    tags: [],
    inheritedTags: [],
    collapse: { wait: 5000, onTimeout: 'run' },
    maxBodyBytes: 10_485_760,
    includeHeaders: undefined,
    excludeHeaders: [],
    when: undefined,
    lookupId: expect.any(String),
    deferred: false,
  })
  const { clock, ...settings } = compile().settings
  expect(settings).toEqual({
    name: 'stowage',
    named: new Map(),
    paths: undefined,
    backend: undefined,
    backendDeadline: 250,
    namespace: 'stowage',
    version: '',
    debug: false,
    clientDirectives: 'rfc',
    statusHeaders: ['Cache-Status'],
    targets: ['stowage-cache-control'],
    logger: undefined,
  })
  expect(Math.abs(clock() - Date.now())).toBeLessThan(1000)
})

test('what is stated of the whole cache is in its settings', () => {
  const clock = (): number => 7
  const options: CacheOptions = {
    name: 'shop "1"',
    backendDeadline: '50ms',
    namespace: 'shop',
    version: '2',
    debug: true,
    clientDirectives: 'ignore',
    statusHeader: ['X-Cache-Status', 'Cache-Status', 'X-Cache-Status'],
    targets: ['Shop-Cache-Control', 'CDN-Cache-Control', 'shop-cache-control'],
    logger: console,
    clock,
  }
  expect(compile(options).settings).toEqual({
    name: 'shop "1"',
    named: new Map(),
    paths: undefined,
    backend: undefined,
    backendDeadline: 50,
    namespace: 'shop',
    version: '2',
    debug: true,
    clientDirectives: 'ignore',
    statusHeaders: ['X-Cache-Status', 'Cache-Status'],
    targets: ['shop-cache-control', 'cdn-cache-control'],
    logger: console,
    clock,
  })
  expect(compile({ statusHeader: false }).settings.statusHeaders).toEqual([])
  expect(compile({ statusHeader: 'X-Cache-Key' }).settings.statusHeaders).toEqual(['X-Cache-Key'])
})

describe('one policy', () => {
  test.each<[CacheOptions, Partial<Policy>]>([
    [{ ttl: '1.5s' }, { ttl: 1500 }],
    [{ ttl: Number.POSITIVE_INFINITY }, { ttl: Number.POSITIVE_INFINITY }],
    [{ ttl: false }, { ttl: false }],
    [{ ttl: varying }, { ttl: varying }],
    [
      { staleWhileRevalidate: 60, staleIfError: 0, keep: '1d' },
      { staleWhileRevalidate: 60_000, staleIfError: 0, keep: 86_400_000 },
    ],
    [{ heuristic: 0.1 }, { heuristic: 0.1 }],
    [{ methods: ['GET'] }, { methods: new Set(['GET', 'HEAD']) }],
    [{ methods: ['HEAD'] }, { methods: new Set(['GET', 'HEAD']) }],
    [
      { status: { 404: '10s', 500: false } },
      {
        status: new Map<number, number | false>([
          [404, 10_000],
          [500, false],
        ]),
      },
    ],
    [{ collapse: false }, { collapse: false }],
    [{ collapse: true }, { collapse: { wait: 5000, onTimeout: 'run' } }],
    [{ collapse: { wait: 0 } }, { collapse: { wait: 0, onTimeout: 'run' } }],
    [{ collapse: { onTimeout: 503 } }, { collapse: { wait: 5000, onTimeout: 503 } }],
    [{ maxBodyBytes: '1kb' }, { maxBodyBytes: 1024 }],
    [
      { includeHeaders: ['X-A', 'x-a'], excludeHeaders: ['X-B'] },
      { includeHeaders: ['x-a'], excludeHeaders: ['x-b'] },
    ],
    [{ includeHeaders: [] }, { includeHeaders: [] }],
    [{ scope: 'private' }, { scope: 'private', deferred: false }],
    [{ scope: tenant }, { scope: tenant, deferred: true }],
    [{ when: always }, { when: always, deferred: true }],
    [{ tags: ['a', 'b', 'a'] }, { tags: ['a', 'b'], inheritedTags: [] }],
  ])('%o', (options, expected) => {
    expect(compile(options).policy).toMatchObject(expected)
  })
})

describe('key rules', () => {
  test.each<[CacheOptions['key'], Partial<Policy['key']>]>([
    [{ query: 'none' }, { query: { use: 'none', names: [] } }],
    [{ query: ['page', 'a', 'page'] }, { query: { use: 'keep', names: ['a', 'page'] } }],
    [{ query: [] }, { query: { use: 'none', names: [] } }],
    [{ query: { ignore: ['utm_*', 'ref'] } }, { query: { use: 'ignore', names: ['ref', 'utm_*'] } }],
    [{ query: { ignore: [] } }, { query: { use: 'all', names: [] } }],
    [{ headers: ['X-B', 'Accept', 'x-b'] }, { headers: ['accept', 'x-b'] }],
    [{ cookies: ['b', 'A', 'a[0]'] }, { cookies: ['A', 'a[0]', 'b'] }],
    [
      { by: { tenant, plan } },
      {
        by: [
          ['plan', plan],
          ['tenant', tenant],
        ],
      },
    ],
    [
      { host: false, body: 'json', maxBodyBytes: '1kb' },
      { host: false, body: 'json', maxBodyBytes: 1024 },
    ],
  ])('%o', (key, expected) => {
    expect(compile({ key: key ?? {} }).policy.key).toMatchObject(expected)
  })

  test('of functions make the lookup wait for the route', () => {
    expect(compile({ key: { by: { plan } } }).policy.deferred).toBe(true)
    expect(compile({ key: { by: {} } }).policy.deferred).toBe(false)
  })
})

describe('a route over its cache', () => {
  const scoped: CacheOptions = { scope: tenant }

  test.each<[string, CacheOptions, RoutePolicy | undefined, Partial<Policy>]>([
    ['has 300 s where nobody states a ttl', {}, undefined, { ttl: 300_000 }],
    ['has 300 s with a policy that states none', {}, { etag: false }, { ttl: 300_000, etag: false }],
    ['inherits a ttl', { ttl: 60 }, undefined, { ttl: 60_000 }],
    ['inherits that nothing is stored', { ttl: false }, { etag: false }, { ttl: false }],
    ['inherits a ttl function', { ttl: varying }, {}, { ttl: varying }],
    ['may switch caching on', { ttl: false }, '1m', { ttl: 60_000 }],
    ['may switch caching off', { ttl: 60 }, false, { ttl: false }],
    ['may be a number of seconds', { ttl: 60, etag: false }, 30, { ttl: 30_000, etag: false }],
    ['may use the former name of ttl', { ttl: 60 }, { timeout: '2m' }, { ttl: 120_000 }],
    [
      'replaces statuses as a whole',
      { status: { 404: 1 } },
      { status: { 410: 2 } },
      { status: new Map([[410, 2000]]) },
    ],
    [
      'replaces collapsing as a whole',
      { collapse: { wait: 1 } },
      { collapse: { onTimeout: 'stale' } },
      { collapse: { wait: 5000, onTimeout: 'stale' } },
    ],
    [
      'may switch collapsing back on',
      { collapse: false },
      { collapse: true },
      { collapse: { wait: 5000, onTimeout: 'run' } },
    ],
    [
      'replaces methods',
      { methods: ['GET'], key: { body: 'json' } },
      { methods: ['POST'] },
      { methods: new Set(['POST']) },
    ],
    [
      'keeps what it does not state',
      { heuristic: 0.1, keep: 1, excludeHeaders: ['x-a'] },
      '1m',
      { heuristic: 0.1, keep: 1000, excludeHeaders: ['x-a'] },
    ],
    [
      'may set what was on to zero or false',
      { heuristic: 0.1, staleIfError: 9 },
      { heuristic: false, staleIfError: 0 },
      { heuristic: false, staleIfError: 0 },
    ],
    ['inherits a scope', scoped, {}, { scope: tenant, deferred: true }],
    ['replaces a scope', scoped, { scope: 'public' }, { scope: 'public', deferred: false }],
  ])('%s', (_title, options, route, expected) => {
    expect(merge(options, route)).toMatchObject(expected)
  })

  test('merges key rules one by one', () => {
    const { key } = merge(
      { key: { headers: ['accept'], cookies: ['a'], by: { tenant }, host: false } },
      { key: { cookies: ['b'], by: { plan } } },
    )
    expect(key).toMatchObject({ headers: ['accept'], cookies: ['b'], by: [['plan', plan]], host: false })
  })

  test('leaves the policy of the cache as it was', () => {
    const { policy } = compile({ ttl: 60, tags: ['a'], key: { cookies: ['a'] } })
    const before = structuredClone(policy)
    compileRoute(policy, { ttl: 1, tags: ['b'], key: { cookies: ['b'] } }, 'cache.route', silent)
    expect(policy).toEqual(before)
  })
})

describe('tags of all layers unite', () => {
  test.each<[string, CacheOptions, RoutePolicy, Pick<Policy, 'tags' | 'inheritedTags'>]>([
    ['none at all', {}, {}, { tags: [], inheritedTags: [] }],
    ['of the cache alone', { tags: ['a'] }, {}, { tags: ['a'], inheritedTags: [] }],
    ['of the route alone', {}, { tags: ['b'] }, { tags: ['b'], inheritedTags: [] }],
    ['of both', { tags: ['a'] }, { tags: ['b'] }, { tags: ['b'], inheritedTags: [['a']] }],
    [
      'a function and a list',
      { tags: computed },
      { tags: ['b'] },
      { tags: ['b'], inheritedTags: [computed] },
    ],
    [
      'a list and a function',
      { tags: ['a'] },
      { tags: computed },
      { tags: computed, inheritedTags: [['a']] },
    ],
    ['an empty list above', { tags: ['a'] }, { tags: [] }, { tags: [], inheritedTags: [['a']] }],
  ])('%s', (_title, options, route, expected) => {
    expect(merge(options, route)).toMatchObject(expected)
  })

  test('over three layers, weakest first', () => {
    const middle = merge({ tags: ['a'] }, { tags: computed })
    expect(compileRoute(middle, { tags: ['c'] }, 'cache.route', silent)).toMatchObject({
      tags: ['c'],
      inheritedTags: [['a'], computed],
    })
  })
})
