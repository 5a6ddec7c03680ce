import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { CacheConfigError } from '../../src/errors.ts'
import { compileOptions } from '../../src/policy.ts'
import { compileRoute } from './compile-route.ts'
import { errorOf } from './config-error.ts'

const silent = (): void => {}
const compile = (options: unknown) => compileOptions(options as never, 'cacheMiddleware', silent)
const route = (policy: unknown) => compileRoute(compile({}).policy, policy as never, 'cache.route', silent)

class Settings {
  ttl = 60
}

describe('all problems of one object', () => {
  const error = errorOf(() =>
    compile({ tll: 1, ttl: '5 m', key: { headers: ['*', 'cookie'] }, status: { 99: 1, 404: 0 } }),
  )

  test('are thrown together, in the order written', () => {
    expect(error.problems.map(({ code, path }) => [code, path])).toEqual([
      ['CACHE_CONFIG_UNKNOWN_OPTION', 'tll'],
      ['CACHE_CONFIG_DURATION', 'ttl'],
      ['CACHE_CONFIG_VARY_STAR', 'key.headers'],
      ['CACHE_CONFIG_VARY_HIGH_CARDINALITY', 'key.headers'],
      ['CACHE_CONFIG_RANGE', 'status.99'],
      ['CACHE_CONFIG_DURATION', 'status.404'],
    ])
  })

  test('have a line each in the message, and the first one names the error', () => {
    const lines = error.message.split('\n')
    expect(lines).toEqual(error.problems.map(({ message }) => message))
    expect(lines.every((line) => line.startsWith('cacheMiddleware: '))).toBe(true)
    expect([error.code, error.path, error.received]).toEqual(['CACHE_CONFIG_UNKNOWN_OPTION', 'tll', 1])
  })

  test('do not include the echo of a refused value', () => {
    expect(errorOf(() => compile({ methods: ['POST'], key: { body: 'jsn' } })).problems).toHaveLength(1)
    expect(errorOf(() => compile({ methods: ['POST'], key: 'json' })).problems).toHaveLength(1)
  })
})

describe('what is not an options object', () => {
  test.each([
    [null, 'null'],
    ['5m', '"5m"'],
    [[], 'an array'],
    [() => ({}), 'a function'],
    [new Settings(), 'an instance of Settings'],
    [new Map([['ttl', 60]]), 'an instance of Map'],
    [Object.create({ ttl: 60 }), 'an object with inherited members'],
  ])('is refused as options: %o', (options, shown) => {
    const error = errorOf(() => compile(options))
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_TYPE', path: '', received: options })
    expect(error.message).toMatch(`cacheMiddleware: options must be a plain object; received ${shown}`)
  })

  test.each([[null], [true], [[]], [() => 60], [new Settings()]])('is refused as a policy: %o', (policy) => {
    const error = errorOf(() => route(policy))
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_TYPE', path: '', received: policy })
    expect(error.message).toMatch(
      'cache.route: a policy must be a plain object, a duration or false; received ',
    )
  })
})

describe('a policy', () => {
  test('given as a string must be a duration or a name', () => {
    expect(errorOf(() => route('catalogue'))).toMatchObject({
      code: 'CACHE_CONFIG_POLICY_UNKNOWN',
      received: 'catalogue',
      message: 'cache.route: policy "catalogue" is not defined. None is.',
    })
    expect(errorOf(() => route('5 m'))).toMatchObject({ code: 'CACHE_CONFIG_DURATION', path: 'ttl' })
  })

  test('cannot hold what belongs to the whole cache', () => {
    expect(errorOf(() => route({ namespace: 'a' }))).toMatchObject({
      code: 'CACHE_CONFIG_UNKNOWN_OPTION',
      path: 'namespace',
      message:
        'cache.route: unknown option "namespace". It belongs to the whole cache: state it where the cache is made.',
    })
  })

  test('may add POST where the cache keys bodies, and not otherwise', () => {
    const keyed = compile({ key: { body: 'json' } }).policy
    expect([...compileRoute(keyed, { methods: ['POST'] }, 'cache.route', silent).methods]).toEqual(['POST'])
    expect(errorOf(() => route({ methods: ['POST'] })).code).toBe('CACHE_CONFIG_METHOD_BODY')
  })

  test('may not stop keying bodies while POST is listed', () => {
    const keyed = compile({ methods: ['GET', 'POST'], key: { body: 'json' } }).policy
    const error = errorOf(() => compileRoute(keyed, { key: { body: 'none' } }, 'cache.route', silent))
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_METHOD_BODY', path: 'key.body', received: 'none' })
  })
})

describe('only own members count', () => {
  const polluted = Object.prototype as { ttl?: unknown; headers?: unknown; tll?: unknown }
  afterEach(() => {
    delete polluted.ttl
    delete polluted.headers
    delete polluted.tll
  })

  test('so that a polluted Object.prototype changes nothing', () => {
    const before = compile({ key: {} }).policy
    polluted.ttl = 60
    polluted.headers = ['cookie']
    polluted.tll = 1
    expect(compile({ key: {} }).policy).toEqual(before)
    expect(compile({ key: {} }).policy.ttl).toBe(undefined)
  })

  test('and "__proto__" or "constructor" as own members are unknown options', () => {
    const error = errorOf(() => compile(JSON.parse('{"__proto__": {"ttl": 60}, "constructor": 1}')))
    expect(error.problems.map(({ code, path }) => [code, path])).toEqual([
      ['CACHE_CONFIG_UNKNOWN_OPTION', '__proto__'],
      ['CACHE_CONFIG_UNKNOWN_OPTION', 'constructor'],
    ])
  })
})

describe('accepted are', () => {
  test('objects without a prototype and of another realm', () => {
    expect(compile(Object.assign(Object.create(null), { ttl: 60 })).policy.ttl).toBe(60_000)
    expect(compile(runInNewContext('({ ttl: 60, key: { cookies: ["a"] } })')).policy.ttl).toBe(60_000)
  })

  test('members that are undefined, as left out', () => {
    const stated = compile({ ttl: undefined, key: { headers: undefined }, status: { 404: undefined } })
    expect(stated.policy).toEqual(compile({}).policy)
  })

  test('backends and loggers that are instances of a class', () => {
    class Shelf {
      get = () => null
      set(): void {}
      delete(): void {}
      close(): void {}
    }
    const backend = new Shelf()
    expect(compile({ backend }).settings.backend).toBe(backend)
    expect(compile({ logger: console }).settings.logger).toBe(console)
  })
})

test('a getter is read once, so that what was checked is what counts', () => {
  let reads = 0
  const options = {
    get ttl() {
      reads += 1
      return reads === 1 ? 60 : 'unchecked'
    },
  }
  expect(compile(options).policy.ttl).toBe(60_000)
  expect(reads).toBe(1)
})

test('lists are copied, so that a later change of the options has no effect', () => {
  const tags = ['a']
  const { policy } = compile({ tags, excludeHeaders: tags, key: { cookies: tags, query: tags } })
  tags.push('b')
  expect([policy.tags, policy.excludeHeaders, policy.key.cookies, policy.key.query.names]).toEqual([
    ['a'],
    ['a'],
    ['a'],
    ['a'],
  ])
})

test('whatever is given, the outcome is a policy or a CacheConfigError', () => {
  const names = [
    'ttl',
    'status',
    'key',
    'collapse',
    'methods',
    'tags',
    'backend',
    'logger',
    'targets',
    'name',
  ]
  const shaped = fc.dictionary(fc.constantFrom(...names), fc.anything({ withNullPrototype: true }))
  const keyed = fc.record({
    key: fc.dictionary(fc.constantFrom('query', 'headers', 'by', 'body'), fc.anything()),
  })
  fc.assert(
    fc.property(fc.oneof(fc.anything(), shaped, keyed), (given) => {
      for (const run of [() => compile(given), () => route(given)]) {
        try {
          expect(run()).toBeTypeOf('object')
        } catch (error) {
          expect(error).toBeInstanceOf(CacheConfigError)
        }
      }
    }),
    { numRuns: 500 },
  )
})
