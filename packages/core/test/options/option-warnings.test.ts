import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { compileOptions } from '../../src/policy.ts'
import { compileRoute } from './compile-route.ts'

const warningsOf = (options: object, compile = compileOptions): [string, string][] => {
  const warnings: [string, string][] = []
  compile(options, 'cacheMiddleware', (code, message) => warnings.push([code, message]))
  return warnings
}

describe('a lifetime that looks like milliseconds', () => {
  test('is accepted with a warning that says what it means', () => {
    expect(warningsOf({ ttl: 300_000 })).toEqual([
      [
        'CACHE_CONFIG_TTL_LOOKS_LIKE_MS',
        'cacheMiddleware: ttl 300000 is 3.5 days. Numbers are seconds; did you mean 300 or "300s"?',
      ],
    ])
  })

  test('is looked for in statuses and bare policies, too', () => {
    const warn = vi.fn()
    expect(warningsOf({ status: { 404: 600_000, 410: 700_000 } })).toHaveLength(2)
    compileRoute(compileOptions({}, 'cacheMiddleware').policy, 600_000, 'cache.route', warn)
    expect(warn.mock.calls).toEqual([
      ['CACHE_CONFIG_TTL_LOOKS_LIKE_MS', expect.stringMatching(/^cache\.route: ttl 600000 is 6\.9 days\./)],
    ])
  })

  test.each([
    [100_000, true],
    [3_600_000, true],
    [86_400_000, true],
    [99_000, false],
    [100_001, false],
    [604_800, false],
    [2_592_000, false],
    [31_536_000, false],
    [Number.POSITIVE_INFINITY, false],
    ['300000s', false],
  ] as const)('%s: %s', (ttl, warned) => {
    expect(warningsOf({ ttl }).length > 0).toBe(warned)
  })
})

describe('timeout, the former name of ttl', () => {
  beforeEach(() => {
    vi.resetModules()
  })

  const freshCompile = async (): Promise<typeof compileOptions> =>
    (await import('../../src/policy.ts')).compileOptions

  test('is the ttl, with one warning in the life of a process', async () => {
    const compile = await freshCompile()
    expect(compile({ timeout: '2m' }, 'cacheMiddleware', () => {}).policy.ttl).toBe(120_000)
    expect(warningsOf({ timeout: '2m' }, compile)).toEqual([])
  })

  test('is reported by the first call that it is accepted from', async () => {
    const compile = await freshCompile()
    expect(() => compile({ timeout: 60, etag: 1 } as never, 'cacheMiddleware', () => {})).toThrow(
      'etag must be',
    )
    expect(warningsOf({ timeout: 60 }, compile)).toEqual([
      ['CACHE_CONFIG_DEPRECATED', 'cacheMiddleware: timeout is the former name of ttl. Use ttl.'],
    ])
  })
})

test('refused options give no warnings', () => {
  const warn = vi.fn()
  expect(() => compileOptions({ ttl: 300_000, keep: -1 }, 'cacheMiddleware', warn)).toThrow(
    'keep -1 is negative',
  )
  expect(warn).not.toHaveBeenCalled()
})

describe('without a function for them, warnings', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  test('are warnings of the process', async () => {
    vi.resetModules()
    const { compileOptions: compile } = await import('../../src/policy.ts')
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    compile({ ttl: 300_000 }, 'cacheMiddleware')
    compile({ timeout: 60 }, 'cacheMiddleware')
    expect(emitted.mock.calls).toEqual([
      [expect.any(String), { type: 'StowageWarning', code: 'CACHE_CONFIG_TTL_LOOKS_LIKE_MS' }],
      [expect.any(String), { type: 'DeprecationWarning', code: 'CACHE_CONFIG_DEPRECATED' }],
    ])
  })
})
