import assert from 'node:assert/strict'
import { type RequestOptions, request, type TestResponse } from './adapter-client.ts'

/** Cuts a structured list or its parameters where `separator` stands outside of strings. */
const splitOutsideStrings = (text: string, separator: ',' | ';'): string[] => {
  const parts = ['']
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') quoted = !quoted
    if (char === separator && !quoted) parts.push('')
    else parts[parts.length - 1] += quoted && char === '\\' ? char + text.charAt(++at) : char
  }
  return parts.map((part) => part.trim())
}

/**
 * The parameters of the last member of Cache-Status, which is that of the cache nearest to the client
 * (RFC 9211 §2); a parameter without a value has the value `''`. Empty where there is no such field.
 *
 * @example
 * cacheStatusOf(response).get('fwd')   // 'uri-miss'
 */
export const cacheStatusOf = ({ headers }: Pick<TestResponse, 'headers'>): ReadonlyMap<string, string> => {
  const field = headers['cache-status']
  const last = splitOutsideStrings(String(field ?? ''), ',').at(-1) ?? ''
  const [, ...parameters] = splitOutsideStrings(last, ';')
  return new Map(
    parameters.map((parameter) => {
      const [name = '', ...value] = parameter.split('=')
      return [name, value.join('=')]
    }),
  )
}

/** Parameters whose absence says as much as their presence. */
const telling = ['hit', 'fwd', 'stored', 'collapsed', 'detail'] as const

/** Asserts on Cache-Status: `'hit ttl=50'`, `'fwd=uri-miss stored'`. What is told there must be told, and no more. */
export const assertCacheStatus = (response: TestResponse, expected: string, about: string): void => {
  const status = cacheStatusOf(response)
  const wanted = new Map(
    expected.split(' ').map((word) => {
      const [name = '', value = ''] = word.split('=')
      return [name, value]
    }),
  )
  const names = new Set([...telling, ...wanted.keys()])
  const shown = (of: ReadonlyMap<string, string>): Record<string, string> =>
    Object.fromEntries([...names].flatMap((name) => (of.has(name) ? [[name, of.get(name) ?? '']] : [])))
  assert.deepEqual(shown(status), shown(wanted), `${about}: ${response.headers['cache-status']}`)
}

const secondOf = async (url: string, options: RequestOptions): Promise<[TestResponse, string]> => {
  await request(url, options)
  const second = await request(url, options)
  return [second, `${url}: ${second.status}, Cache-Status "${second.headers['cache-status'] ?? ''}"`]
}

/**
 * Asks twice and asserts, by Cache-Status, that the second answer came from the cache. Resolves with it.
 *
 * @example
 * await expectCached(`${url}/items`, { headers: { accept: 'application/json' } })
 */
export const expectCached = async (url: string, options: RequestOptions = {}): Promise<TestResponse> => {
  const [second, about] = await secondOf(url, options)
  assert.ok(cacheStatusOf(second).has('hit'), `not cached: ${about}`)
  return second
}

/**
 * Asks twice and asserts, by Cache-Status, that the second answer did not come from the cache. Resolves with it.
 *
 * @example
 * await expectNotCached(`${url}/me`, { headers: { cookie: 'sid=1' } })
 */
export const expectNotCached = async (url: string, options: RequestOptions = {}): Promise<TestResponse> => {
  const [second, about] = await secondOf(url, options)
  assert.ok(!cacheStatusOf(second).has('hit'), `cached: ${about}`)
  return second
}
