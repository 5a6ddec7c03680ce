import { type CacheOptions, createCache, memory } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { errorOf } from './config-error.ts'

const make = (options: object) => createCache({ backend: memory(), ...(options as CacheOptions) })

describe('choices that cannot work are refused', () => {
  test.each<[string, object, string]>([
    [
      'an unknown name',
      { policies: { catalogue: { ttl: 60 } }, rules: { '/a': 'catalog' } },
      'CACHE_CONFIG_POLICY_UNKNOWN',
    ],
    ['a name that reads as a duration', { policies: { '5m': { ttl: 60 } } }, 'CACHE_CONFIG_RANGE'],
    ['a policy that is a ttl', { policies: { a: 60 } }, 'CACHE_CONFIG_TYPE'],
    ['an unknown member', { policies: { a: { tll: 60 } } }, 'CACHE_CONFIG_UNKNOWN_OPTION'],
    ['a relative path', { rules: { 'docs/**': '1h' } }, 'CACHE_CONFIG_RANGE'],
    ['stars within a segment', { rules: { '/docs**': '1h' } }, 'CACHE_CONFIG_RANGE'],
    ['a query', { rules: { '/docs?a=1': '1h' } }, 'CACHE_CONFIG_RANGE'],
    ['a rule of null', { rules: { '/docs': null } }, 'CACHE_CONFIG_TYPE'],
    ['a duration that is none', { rules: { '/docs': '5 m' } }, 'CACHE_CONFIG_DURATION'],
    ['paths that are no list', { excludePaths: '/a' }, 'CACHE_CONFIG_TYPE'],
    ['precedence without a scope', { precedence: 'policy' }, 'CACHE_CONFIG_SCOPE'],
    ['the same in a rule', { rules: { '/a': { precedence: 'policy' } } }, 'CACHE_CONFIG_SCOPE'],
    ['an unknown precedence', { precedence: 'handlers' }, 'CACHE_CONFIG_TYPE'],
    ['a downstream that is no Cache-Control', { downstream: 'a\r\nb: c' }, 'CACHE_CONFIG_RANGE'],
    ['a lifetime downstream that is none', { downstream: { browser: 'soon' } }, 'CACHE_CONFIG_DURATION'],
    ['a softTimeout that never acts', { softTimeout: '2s', hardTimeout: '1s' }, 'CACHE_CONFIG_RANGE'],
    ['a hardTimeout of nothing', { hardTimeout: 0 }, 'CACHE_CONFIG_RANGE'],
  ])('%s', (_title, options, code) => {
    expect(errorOf(() => make(options)).code).toBe(code)
  })

  test('with the names that there are, and the nearest of them', () => {
    const cache = make({ policies: { catalogue: { ttl: 60 } } })
    const error = errorOf(() => cache.policy('catalog', 'route GET /items'))
    expect(error).toMatchObject({
      code: 'CACHE_CONFIG_POLICY_UNKNOWN',
      message: 'route GET /items: policy "catalog" is not defined. Defined: "catalogue".',
    })
  })

  test('precedence is accepted where a weaker layer states the scope', () => {
    const cache = make({ scope: 'public', policies: { a: { precedence: 'policy', ttl: 60 } } })
    expect(() => cache.policy('a')).not.toThrow()
    expect(() => cache.policy({ precedence: 'policy' })).not.toThrow()
  })
})

test('what is configured where is listed, defaults left out', () => {
  const cache = make({
    ttl: '1m',
    tags: ['site'],
    policies: { catalogue: { ttl: '5m', tags: ['catalogue'] } },
    rules: { '/health': false, '/docs/**': '1h', '/items/**': 'catalogue' },
    excludePaths: ['/admin/**'],
  })
  cache.policy('catalogue', 'GET /items', undefined, { ttl: '2m' })
  const listed = cache.routes().map(({ route, policy, source }) => ({ route, policy, source }))
  const shared = { staleIfError: 60, methods: ['GET', 'HEAD'] }
  expect(listed).toEqual([
    { route: '/**', policy: { ttl: 60, tags: ['site'], ...shared }, source: 'options' },
    { route: '/health', policy: false, source: 'rule /health' },
    { route: '/docs/**', policy: { ttl: 3600, tags: ['site'], ...shared }, source: 'rule /docs/**' },
    {
      route: '/items/**',
      policy: { ttl: 300, tags: ['site', 'catalogue'], ...shared },
      source: 'rule /items/**, policy catalogue',
    },
    { route: '/admin/**', policy: false, source: 'excludePaths' },
    {
      route: 'GET /items',
      policy: { ttl: 120, tags: ['site', 'catalogue'], ...shared },
      source: 'GET /items',
    },
  ])
})

test('a policy is listed with every member that is other than by default', () => {
  const when = () => true
  const device = () => 'mobile'
  const policy = {
    ttl: 60,
    precedence: 'policy',
    downstream: { browser: 'no-cache', cdn: 60 },
    staleWhileRevalidate: 1,
    staleIfError: 2,
    keep: 3,
    heuristic: 0.1,
    etag: false,
    methods: ['GET', 'HEAD', 'POST'],
    status: { 404: 10, 301: false },
    key: {
      query: { ignore: ['ref'] },
      headers: ['accept-language'],
      cookies: ['currency'],
      by: { device },
      host: false,
      body: 'json',
      maxBodyBytes: 1024,
    },
    scope: 'public',
    tags: ['site'],
    collapse: { wait: 1, onTimeout: 503 },
    softTimeout: 1,
    hardTimeout: 5,
    maxBodyBytes: 4096,
    includeHeaders: ['x-a'],
    excludeHeaders: ['x-b'],
    when,
  } as const
  const cache = make(policy)
  expect(cache.routes()[0]?.policy).toEqual(policy)
  expect(make({ ttl: 60 }).routes()[0]?.policy).toEqual({
    ttl: 60,
    staleIfError: 60,
    methods: ['GET', 'HEAD'],
  })
})

test.each([
  [{ collapse: false }],
  [{ downstream: 'max-age=10' }],
  [{ downstream: { browser: 10, cdn: 'no-store' } }],
  [{ key: { query: 'none' } }],
  [{ key: { query: ['page'] } }],
] as const)('a policy with %j is listed as it was stated', (stated) => {
  expect(make({ ttl: 60, ...stated }).routes()[0]?.policy).toMatchObject(stated)
})
