import { expect, test } from 'vitest'
import type { CacheOptions } from '../../src/options.ts'
import { compileOptions } from '../../src/policy.ts'
import { compileRoute } from './compile-route.ts'

const { policy } = compileOptions({}, 'cacheMiddleware')

test('the compiler refuses what is refused at start-up', () => {
  // @ts-expect-error unknown name
  expect(() => compileOptions({ tll: 60 }, 'cacheMiddleware')).toThrow('Did you mean "ttl"?')
  // @ts-expect-error a number in a string has no unit
  expect(() => compileOptions({ ttl: '60' }, 'cacheMiddleware')).toThrow('"60s"')
  // @ts-expect-error null is not undefined
  expect(() => compileOptions({ ttl: null }, 'cacheMiddleware')).toThrow('ttl is null')
  // @ts-expect-error not a method that can be cached
  expect(() => compileOptions({ methods: ['DELETE'] }, 'cacheMiddleware')).toThrow(
    'methods contains "DELETE"',
  )
  // @ts-expect-error not a scope
  expect(() => compileOptions({ scope: 'shared' }, 'cacheMiddleware')).toThrow('scope must be')
  // @ts-expect-error a backend without its methods
  expect(() => compileOptions({ backend: {} }, 'cacheMiddleware')).toThrow('backend must have')
  // @ts-expect-error belongs to the whole cache
  expect(() => compileRoute(policy, { namespace: 'a' }, 'cache.route')).toThrow('unknown option "namespace"')
  // @ts-expect-error no policy
  expect(() => compileRoute(policy, true, 'cache.route')).toThrow('a policy must be')
})

test('policy functions see the request of the framework', () => {
  interface Visit {
    readonly user: string
  }
  const options: CacheOptions<Visit> = {
    scope: ({ raw }) => raw.user,
    key: { by: { user: ({ raw }) => raw.user } },
  }
  const compiled = compileOptions<Visit>(options, 'cacheMiddleware').policy
  expect(compiled.scope).toBe(options.scope)
  expect(compileRoute<Visit>(compiled, { when: ({ raw }) => raw.user !== '' }, 'cache.route').deferred).toBe(
    true,
  )
})
