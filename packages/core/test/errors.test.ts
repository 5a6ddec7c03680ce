import { describe, expect, test } from 'vitest'
import {
  CacheBackendError,
  CacheConfigError,
  type ConfigProblem,
  nearest,
  refuseProblems,
  showValue,
  unknownOptions,
} from '../src/errors.ts'

const first: ConfigProblem = {
  code: 'CACHE_CONFIG_RANGE',
  path: 'memory.maxEntries',
  received: 0,
  message: 'memory: maxEntries must be above 0; received 0.',
  hint: '10000',
}
const second: ConfigProblem = {
  code: 'CACHE_CONFIG_UNKNOWN_OPTION',
  path: 'memory.maxsize',
  received: 5,
  message: 'memory: unknown option "maxsize".',
}

describe('CacheConfigError', () => {
  test('has the particulars of the first problem, and a line for each', () => {
    const error = new CacheConfigError([first, second])
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('CacheConfigError')
    expect(error.message).toBe(`${first.message}\n${second.message}`)
    expect(error).toMatchObject({
      code: 'CACHE_CONFIG_RANGE',
      path: 'memory.maxEntries',
      received: 0,
      hint: '10000',
    })
    expect(error.problems).toEqual([first, second])
  })

  test('has no hint where the first problem has none', () => {
    expect('hint' in new CacheConfigError([second, first])).toBe(false)
  })

  test('is thrown for any problem, and not for none', () => {
    expect(() => refuseProblems([])).not.toThrow()
    expect(() => refuseProblems([first, second])).toThrow(CacheConfigError)
  })
})

describe('CacheBackendError', () => {
  test('names backend, operation and code, and keeps the cause out of the message', () => {
    const cause = new Error('connect redis://user:secret@host')
    const error = new CacheBackendError('TIMEOUT_ERROR', { backend: 'redis', operation: 'get', cause })
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('CacheBackendError')
    expect(error.message).toBe('redis: get failed (TIMEOUT_ERROR)')
    expect(error).toMatchObject({ code: 'TIMEOUT_ERROR', backend: 'redis', operation: 'get' })
    expect(error.cause).toBe(cause)
  })
})

describe('unknownOptions', () => {
  test('reports each unknown name with the nearest known one', () => {
    const known = ['ttl', 'tags', 'maxEntries']
    expect(unknownOptions('route', { tll: 60, ttl: 5, colour: 'red' }, known)).toEqual([
      {
        code: 'CACHE_CONFIG_UNKNOWN_OPTION',
        path: 'route.tll',
        received: 60,
        message: 'route: unknown option "tll". Did you mean "ttl"?',
        hint: 'ttl',
      },
      {
        code: 'CACHE_CONFIG_UNKNOWN_OPTION',
        path: 'route.colour',
        received: 'red',
        message: 'route: unknown option "colour".',
      },
    ])
  })

  test('a name of its own that objects inherit is unknown all the same', () => {
    const options: object = JSON.parse('{"__proto__": 1, "constructor": 2}')
    expect(unknownOptions('memory', options, ['ttl']).map((problem) => problem.path)).toEqual([
      'memory.__proto__',
      'memory.constructor',
    ])
  })
})

describe('nearest', () => {
  const names = ['maxEntries', 'maxBytes', 'maxEntryBytes', 'cleanupInterval', 'clock', 'ttl', 'key']

  test.each<[string, string | undefined]>([
    ['maxEntires', 'maxEntries'],
    ['maxentries', 'maxEntries'],
    ['MAXBYTES', 'maxBytes'],
    ['maxByte', 'maxBytes'],
    ['cleanupIntervall', 'cleanupInterval'],
    ['clocks', 'clock'],
    ['tll', 'ttl'],
    ['tttl', 'ttl'],
    ['max', undefined],
    ['size', undefined],
    ['abc', undefined],
    ['', undefined],
    ['x'.repeat(1_000_000), undefined],
  ])('%.20s: %s', (name, expected) => {
    expect(nearest(name, names)).toBe(expected)
  })

  test('the nearer of two wins', () => {
    expect(nearest('staleIfErrr', ['staleIfErrxx', 'staleIfError'])).toBe('staleIfError')
  })
})

describe('showValue', () => {
  test.each<[unknown, string]>([
    ['5 m', '"5 m"'],
    ['x'.repeat(100), `"${'x'.repeat(60)}…"`],
    ['a\nb', '"a\\nb"'],
    [0, '0'],
    [Number.NaN, 'NaN'],
    [5n, '5n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [{ password: 'secret' }, 'an object'],
    [['secret'], 'an array'],
    [() => 'secret', 'a function'],
  ])('%s', (value, shown) => {
    expect(showValue(value)).toBe(shown)
  })
})
