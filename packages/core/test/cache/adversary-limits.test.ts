import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CacheOptions, createCache, type FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { cpuTime } from '../cpu-time.ts'
import { forwardOf, requestOf } from './site.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heap = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

describe('requests of any length leave little behind', () => {
  const long = 'x'.repeat(15_000)
  const urls: readonly [name: string, urlOf: (i: number) => string][] = [
    ['paths', (i) => `/items/${i}${long}`],
    ['queries of many paths', (i) => `/items/of-a-shop/${i}?${long}`],
    ['queries', (i) => `/items?${long}${i}`],
  ]
  const rows = urls.flatMap(([name, of]) => [true, false].map((refined) => [name, refined, of] as const))
  test.each(rows)('%s (at a route with key rules of its own: %s)', (_name, refined, urlOf) => {
    const cache = createCache({ key: { query: refined ? 'all' : 'none' } })
    const rules = cache.policy({ ttl: '1m', key: { query: ['p'] } })
    const visit = (url: string): void => {
      const front = forwardOf(cache.lookup(requestOf(url)) as never)
      const forward = refined ? forwardOf(cache.refine(front, rules) as never) : front
      forward.respond({ status: 404, headers: {} })
      forward.end()
    }
    visit('/')
    const before = heap()
    for (let i = 0; i < 700; i += 1) visit(urlOf(i))
    expect(heap() - before).toBeLessThan(5_000_000)
    visit('/')
  })
})

describe('a request within the limits of a server costs little processor time', () => {
  const byCookie: CacheOptions = { ttl: 60, scope: 'public', key: { cookies: ['a'] } }
  const ignoring: CacheOptions = { ttl: 60, key: { query: { ignore: ['utm_*', 'fbclid'] } } }
  const rows: readonly [name: string, options: CacheOptions, url: string, headers: FieldMap][] = [
    ['broken escapes in the query', { ttl: 60 }, `/p?${'%zz&'.repeat(3900)}`, {}],
    ['broken escapes in few parameters', { ttl: 60 }, `/p?${`${'%zz'.repeat(20)}&`.repeat(250)}`, {}],
    ['broken escapes beside ignored names', ignoring, `/p?${'%z&'.repeat(5000)}`, {}],
    ['bytes that are no text', ignoring, `/p?${'%ff&'.repeat(2000)}`, {}],
    ['broken escapes in the path', { ttl: 60 }, `/${'%zz'.repeat(5000)}`, {}],
    ['the same cookie very often', byCookie, '/p', { cookie: 'a=b;'.repeat(16_384) }],
    [
      'the cookie of a scope after many',
      { ttl: 60, scope: (r) => r.cookie('sid') },
      '/p',
      { cookie: `${'a=b;'.repeat(16_384)}sid=1` },
    ],
  ]
  test.each(rows)('%s', (_name, options, url, headers) => {
    const cache = createCache(options)
    const pass = (): void => {
      const decision = cache.lookup(requestOf(url, headers)) as never
      const forward = forwardOf(decision)
      forward.respond({ status: 200, headers: {} })
      forward.abort()
    }
    pass()
    expect(cpuTime(pass)).toBeLessThan(15)
  })
})
