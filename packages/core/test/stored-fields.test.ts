import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../src/message.ts'
import { responseDirectives } from '../src/semantics/cache-control.ts'
import { storedFields } from '../src/stored-fields.ts'

const rules = { includeHeaders: undefined, excludeHeaders: [] }

const kept = (headers: FieldMap, cacheControl = '', status = 200, more: object = {}): string[] =>
  Object.keys(storedFields(status, headers, responseDirectives(cacheControl), { ...rules, ...more }))

describe('the fields that are stored (RFC 9111 §3.1)', () => {
  test('are all but those of one exchange', () => {
    const exchange = [
      ...['age', 'date', 'set-cookie', 'set-cookie2', 'clear-site-data', 'server-timing', 'x-request-id'],
      ...['request-id', 'x-correlation-id', 'traceparent', 'tracestate', 'x-response-time', 'x-runtime'],
      ...['ratelimit', 'ratelimit-remaining', 'ratelimit-policy', 'x-ratelimit-reset'],
    ]
    const others = ['content-type', 'etag', 'link', 'x-powered-by', 'warning', 'x-rate', '__proto__']
    const headers = Object.fromEntries([...exchange, ...others].map((name) => [name, 'a']))
    expect(kept(headers)).toEqual(others)
  })

  test('Retry-After belongs to one exchange where the response is a success', () => {
    const headers = { 'retry-after': '1' }
    expect([200, 299, 301, 404, 503].map((status) => kept(headers, '', status).length)).toEqual([
      0, 0, 1, 1, 1,
    ])
  })

  test('leave out what qualified private and no-cache name (§5.2.2.4, §5.2.2.7)', () => {
    const headers = { 'x-user': 'a', 'x-seen': 'b', 'x-other': 'c' }
    expect(kept(headers, 'private="X-User", no-cache="x-seen"')).toEqual(['x-other'])
    expect(kept(headers, 'private, no-cache')).toEqual(['x-user', 'x-seen', 'x-other'])
  })

  test('are those that a policy includes, and what the content cannot be used without', () => {
    const headers = { 'content-type': 'a', etag: 'b', 'x-a': 'c', 'x-b': 'd', vary: 'e' }
    expect(kept(headers, '', 200, { includeHeaders: ['x-a'] })).toEqual([
      'content-type',
      'etag',
      'x-a',
      'vary',
    ])
    expect(kept(headers, '', 200, { excludeHeaders: ['x-a', 'etag'] })).toEqual([
      'content-type',
      'x-b',
      'vary',
    ])
  })

  test('are no more than those that are there', () => {
    expect(kept({ 'x-a': undefined, 'x-b': [], 'x-c': '' })).toEqual(['x-b', 'x-c'])
  })
})
