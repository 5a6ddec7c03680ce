import { describe, expect, test } from 'vitest'
import type { CachePolicy, RequestView } from '../../src/options.ts'
import { compileOptions } from '../../src/policy.ts'
import { compileRoute } from './compile-route.ts'

const silent = (): void => {}
const idOf = (options: CachePolicy): string =>
  compileOptions(options, 'cacheMiddleware', silent).policy.lookupId

const session = (request: RequestView): string | undefined => request.cookie('sid')
const tenant = (request: RequestView): string | undefined => request.header('x-tenant')
const always = (): boolean => true
const withBody = (key: CachePolicy['key']): CachePolicy => ({
  methods: ['POST'],
  key: { body: 'json', ...key },
})

describe('lookups find the same entry', () => {
  test.each<[string, CachePolicy, CachePolicy]>([
    ['without any rule', {}, {}],
    [
      'with the defaults stated',
      {},
      { key: { query: 'all', host: true, headers: [] }, methods: ['HEAD', 'GET'] },
    ],
    ['where lists are in another order', { key: { headers: ['A', 'b'] } }, { key: { headers: ['B', 'a'] } }],
    ['where names are repeated', { key: { cookies: ['a', 'a'] } }, { key: { cookies: ['a'] } }],
    [
      'where ignored parameters are in another order',
      { key: { query: { ignore: ['a', 'b'] } } },
      { key: { query: { ignore: ['b', 'a'] } } },
    ],
    ['where nothing is kept and none is used', { key: { query: [] } }, { key: { query: 'none' } }],
    ['where nothing is ignored', { key: { query: { ignore: [] } } }, {}],
    [
      'with the same function',
      { key: { by: { tenant } }, scope: session },
      { scope: session, key: { by: { tenant } } },
    ],
    ['where bodies never count', { key: { body: 'json' } }, { key: { maxBodyBytes: 1 } }],
    ['with sizes written otherwise', withBody({ maxBodyBytes: '1kb' }), withBody({ maxBodyBytes: 1024 })],
    [
      'whatever is stored, and for how long',
      { ttl: 1, tags: ['a'], keep: 9, etag: false, collapse: false },
      { ttl: false, status: { 404: 1 } },
    ],
  ])('%s', (_title, one, other) => {
    expect(idOf(one)).toBe(idOf(other))
  })
})

describe('lookups may find another entry', () => {
  test.each<[string, CachePolicy, CachePolicy]>([
    ['with another query rule', { key: { query: 'none' } }, {}],
    [
      'where a list is kept and not ignored',
      { key: { query: ['a'] } },
      { key: { query: { ignore: ['a'] } } },
    ],
    ['with another pattern', { key: { query: ['a'] } }, { key: { query: ['a*'] } }],
    ['with another field', { key: { headers: ['a'] } }, { key: { headers: ['b'] } }],
    ['where a cookie is named as the field', { key: { headers: ['a'] } }, { key: { cookies: ['a'] } }],
    ['where two names could be one', { key: { query: ['a', 'b'] } }, { key: { query: ['a","b'] } }],
    ['without the host', { key: { host: false } }, {}],
    ['with another method', withBody({}), { ...withBody({}), methods: ['QUERY'] }],
    ['with bodies told apart in another way', withBody({}), withBody({ body: 'bytes' })],
    ['with another limit for bodies', withBody({}), withBody({ maxBodyBytes: 1 })],
    ['with a scope', { scope: 'public' }, {}],
    ['with another scope', { scope: 'public' }, { scope: 'private' }],
    ['with another function', { scope: session }, { scope: tenant }],
    ['with a function of the same text', { scope: (r) => r.method }, { scope: (r) => r.method }],
    ['with a function under another name', { key: { by: { a: tenant } } }, { key: { by: { b: tenant } } }],
    ['with a condition', { when: always }, {}],
  ])('%s', (_title, one, other) => {
    expect(idOf(one)).not.toBe(idOf(other))
  })
})

test('a route that states no rule of its own looks up as its cache does', () => {
  const { policy } = compileOptions(
    { key: { by: { tenant } }, scope: session, when: always },
    'cacheMiddleware',
    silent,
  )
  expect(compileRoute(policy, { ttl: 60, tags: ['a'] }, 'cache.route', silent).lookupId).toBe(policy.lookupId)
  expect(compileRoute(policy, { scope: 'public' }, 'cache.route', silent).lookupId).not.toBe(policy.lookupId)
})

test('two routes written apart with equal rules look up alike', () => {
  const { policy } = compileOptions({}, 'cacheMiddleware', silent)
  const [one, other] = [60, 90].map((ttl) =>
    compileRoute(policy, { ttl, key: { headers: ['accept'], query: ['page'] } }, 'cache.route', silent),
  )
  expect(one?.lookupId).toBe(other?.lookupId)
})
