import { describe, expect, test } from 'vitest'
import { keyPrefix, primaryKey } from '../src/key.ts'
import { compileOptions } from '../src/policy.ts'
import { PrimaryKeys } from '../src/primary-keys.ts'
import type { CacheRequest } from '../src/view.ts'

const prefix = keyPrefix('stowage', '')
const policyOf = (key: object = {}) => compileOptions({ key } as never, 'test').policy

const request = (members: Partial<CacheRequest> = {}): CacheRequest => ({
  method: 'GET',
  url: '/items?b=2&a=1',
  authority: 'shop.example',
  scheme: 'https',
  headers: {},
  raw: undefined,
  ...members,
})

describe('the primary keys of a cache', () => {
  const policy = policyOf()
  const others: readonly (readonly [string, CacheRequest])[] = [
    ['method', request({ method: 'QUERY' })],
    ['target', request({ url: '/items?b=2&a=3' })],
    ['host', request({ authority: 'other.example' })],
    ['scheme', request({ scheme: 'http' })],
    ['target as it was rewritten', request({ rewritten: '/articles' })],
    ['forwarded host', request({ forwarded: { 'x-forwarded-host': 'b.example' } })],
  ]

  test('a request like one before it has the very same key, and so has a HEAD', () => {
    const keys = new PrimaryKeys(prefix)
    const key = keys.of(request(), policy, {})
    expect(key).toEqual(primaryKey(prefix, request(), policy))
    expect(keys.of(request(), policy, {})).toBe(key)
    expect(keys.of(request({ method: 'HEAD' }), policy, {})).toBe(key)
  })

  test.each(others)('another %s is another key, whichever came first', (_, other) => {
    const keys = new PrimaryKeys(prefix)
    for (const each of [request(), other, request(), other])
      expect(keys.of(each, policy, {})).toEqual(primaryKey(prefix, each, policy))
  })

  test('what else tells requests apart is never left out', () => {
    const keys = new PrimaryKeys(prefix)
    const policies = [
      policy,
      policyOf({ headers: ['accept-language'] }),
      policyOf({ cookies: ['theme'] }),
      policyOf({ by: { tenant: (view: { header(name: string): unknown }) => view.header('x-tenant') } }),
      policyOf({ query: 'none' }),
    ]
    const headers = [{}, { 'accept-language': 'de', cookie: 'theme=dark', 'x-tenant': 'a' }]
    const inputs = [{}, { scope: 'ann' }, { scope: 'bob' }, { bodyDigest: 'b1' }]
    for (const round of [1, 2])
      for (const each of policies)
        for (const fields of headers)
          for (const input of inputs) {
            const asked = request({ headers: fields })
            const expected = primaryKey(prefix, asked, each, input)
            expect(keys.of(asked, each, input), `round ${round}`).toEqual(expected)
          }
  })
})
