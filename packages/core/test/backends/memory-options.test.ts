import { describe, expect, test } from 'vitest'
import { memory } from '../../src/backends/memory.ts'
import type { MemoryOptions } from '../../src/backends/memory-options.ts'
import { CacheConfigError } from '../../src/errors.ts'

const refusal = (options: unknown): CacheConfigError => {
  try {
    memory(options as MemoryOptions)
  } catch (error) {
    if (error instanceof CacheConfigError) return error
    throw error
  }
  throw new Error('the options were accepted')
}

describe('memory: options that cannot work', () => {
  test.each<[unknown, string, string, string]>([
    [
      { maxEntries: 0 },
      'RANGE',
      'memory.maxEntries',
      'memory: maxEntries must be a whole number from 1 on, or Infinity; received 0.',
    ],
    [{ maxEntries: -5 }, 'RANGE', 'memory.maxEntries', 'received -5.'],
    [{ maxEntries: 1.5 }, 'RANGE', 'memory.maxEntries', 'received 1.5.'],
    [{ maxEntries: Number.NaN }, 'RANGE', 'memory.maxEntries', 'received NaN.'],
    [{ maxEntries: '1000' }, 'RANGE', 'memory.maxEntries', 'received "1000".'],
    [
      { maxBytes: 0 },
      'RANGE',
      'memory.maxBytes',
      'memory: maxBytes must be a number of bytes above 0, or a string such as "100mb"; received 0.',
    ],
    [{ maxBytes: -1 }, 'RANGE', 'memory.maxBytes', 'received -1.'],
    [{ maxBytes: '100 mb' }, 'RANGE', 'memory.maxBytes', 'received "100 mb".'],
    [{ maxEntryBytes: Number.NaN }, 'RANGE', 'memory.maxEntryBytes', 'received NaN.'],
    [
      { maxBytes: '1mb', maxEntryBytes: '2mb' },
      'RANGE',
      'memory.maxEntryBytes',
      'must not exceed maxBytes (1048576)',
    ],
    [{ maxEntries: Infinity, maxBytes: Infinity }, 'RANGE', 'memory.maxBytes', 'cannot both be Infinity'],
    [{ cleanupInterval: 0 }, 'RANGE', 'memory.cleanupInterval', 'Use Infinity to switch it off'],
    [
      { cleanupInterval: '60' },
      'DURATION',
      'memory.cleanupInterval',
      'memory: cleanupInterval "60" is not a duration. Use seconds (60) or a string such as "1m".',
    ],
    [{ cleanupInterval: -1 }, 'DURATION', 'memory.cleanupInterval', '-1 is not a duration'],
    [{ sizeOf: 5 }, 'TYPE', 'memory.sizeOf', 'memory: sizeOf must be a function; received 5.'],
    [{ clock: {} }, 'TYPE', 'memory.clock', 'received an object.'],
    [
      { maxEntires: 5 },
      'UNKNOWN_OPTION',
      'memory.maxEntires',
      'memory: unknown option "maxEntires". Did you mean "maxEntries"?',
    ],
    [{ ttl: 5 }, 'UNKNOWN_OPTION', 'memory.ttl', 'memory: unknown option "ttl".'],
    ['100mb', 'TYPE', 'memory', 'memory: options must be an object.'],
    [null, 'TYPE', 'memory', 'memory: options must be an object.'],
  ])('%j: %s at %s', (options, code, path, message) => {
    const error = refusal(options)
    expect(error.code).toBe(`CACHE_CONFIG_${code}`)
    expect(error.path).toBe(path)
    expect(error.message).toContain(message)
    expect(error.problems).toHaveLength(1)
  })

  test('every problem is reported, the first by name', () => {
    const error = refusal({ maxEntries: 0, maxBytes: '5', maxbytes: 5, cleanupInterval: 'soon' })
    expect(error.problems.map((problem) => problem.path)).toEqual([
      'memory.maxbytes',
      'memory.maxEntries',
      'memory.maxBytes',
      'memory.cleanupInterval',
    ])
    expect(error.message.split('\n')).toHaveLength(4)
    expect(error).toMatchObject({ path: 'memory.maxbytes', received: 5, hint: 'maxBytes' })
  })
})

describe('memory: options that work', () => {
  test.each<[MemoryOptions, number, number]>([
    [{}, 10_000, 104_857_600],
    [{ maxEntries: 5 }, 5, 104_857_600],
    [{ maxBytes: '1mb' }, 10_000, 1_048_576],
    [{ maxBytes: 1 }, 10_000, 1],
    [{ maxEntries: Infinity }, Infinity, 104_857_600],
    [{ maxBytes: Infinity }, 10_000, Infinity],
    [{ maxBytes: 1e300 }, 10_000, 1e300],
  ])('%j', (options, maxEntries, maxBytes) => {
    const store = memory(options)
    expect(store.stats()).toMatchObject({ maxEntries, maxBytes })
    store.close()
  })

  test('an option given as undefined is one left out', () => {
    const options: unknown = {
      maxEntries: undefined,
      maxBytes: undefined,
      maxEntryBytes: undefined,
      clock: undefined,
    }
    expect(memory(options as MemoryOptions).stats()).toMatchObject({
      maxEntries: 10_000,
      maxBytes: 104_857_600,
    })
  })

  test('room for 1,000,000 entries is taken when they come, not before', () => {
    const before = process.memoryUsage().rss
    const stores = Array.from({ length: 20 }, () => memory({ maxEntries: 1_000_000 }))
    for (const store of stores) store.set('key', 'value', 60)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
    for (const store of stores) store.close()
  })
})
