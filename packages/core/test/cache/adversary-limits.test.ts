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

test('paths of any length leave little behind at a route with key rules of its own', () => {
  const cache = createCache()
  const rules = cache.policy({ ttl: '1m', key: { query: ['p'] } })
  const visit = (path: string): void => {
    const front = forwardOf(cache.lookup(requestOf(path)) as never)
    const atRoute = forwardOf(cache.refine(front, rules) as never)
    atRoute.respond({ status: 404, headers: {} })
    atRoute.end()
  }
  visit('/')
  const before = heap()
  const tail = 'x'.repeat(15_000)
  for (let i = 0; i < 3000; i += 1) visit(`/${i}${tail}`)
  expect(heap() - before).toBeLessThan(10_000_000)
  visit('/')
})

describe('a request within the limits of a server costs little processor time', () => {
  const byCookie: CacheOptions = { ttl: 60, scope: 'public', key: { cookies: ['a'] } }
  const ignoring: CacheOptions = { ttl: 60, key: { query: { ignore: ['utm_*', 'fbclid'] } } }
  const rows: readonly [name: string, options: CacheOptions, url: string, headers: FieldMap][] = [
    ['broken escapes in the query', { ttl: 60 }, `/p?${'%zz&'.repeat(3900)}`, {}],
    ['broken escapes in few parameters', { ttl: 60 }, `/p?${`${'%zz'.repeat(20)}&`.repeat(250)}`, {}],
    ['broken escapes beside ignored names', ignoring, `/p?${'%z&'.repeat(5000)}`, {}],
    ['bytes that are no text', ignoring, `/p?${'%ff&'.repeat(3900)}`, {}],
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
    expect(cpuTime(pass, 8)).toBeLessThan(15)
  })
})
