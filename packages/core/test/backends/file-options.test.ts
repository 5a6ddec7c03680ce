import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CacheConfigError, file } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { type FileOptions, readFileOptions } from '../../src/backends/file-options.ts'

const problemsOf = (options: object): readonly (readonly [string, string])[] => {
  try {
    file(options as FileOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(CacheConfigError)
    return (error as CacheConfigError).problems.map(({ code, path }) => [code, path] as const)
  }
  return []
}

describe('file: options', () => {
  test('without any, entries and bytes are bounded, in a directory of this user', () => {
    expect(readFileOptions({})).toMatchObject({
      directory: join(tmpdir(), `stowage-${process.geteuid?.() ?? 'cache'}`),
      maxEntries: 100_000,
      maxBytes: 1024 ** 3,
      maxEntryBytes: 32 * 1024 ** 2,
      maxAgeMs: Number.POSITIVE_INFINITY,
      cleanupMs: 300_000,
    })
    expect(readFileOptions({ maxBytes: '1mb' }).maxEntryBytes).toBe(256 * 1024)
  })

  test('everything wrong is named at once, with what was meant', () => {
    const wrong = {
      directroy: '/tmp/x',
      directory: '',
      maxEntries: 0,
      maxBytes: '1 gb',
      maxFileAge: 0,
      cleanupInterval: '5 m',
      clock: 7,
    }
    expect(problemsOf(wrong)).toEqual([
      ['CACHE_CONFIG_UNKNOWN_OPTION', 'file.directroy'],
      ['CACHE_CONFIG_RANGE', 'file.maxBytes'],
      ['CACHE_CONFIG_RANGE', 'file.directory'],
      ['CACHE_CONFIG_RANGE', 'file.maxEntries'],
      ['CACHE_CONFIG_RANGE', 'file.maxFileAge'],
      ['CACHE_CONFIG_DURATION', 'file.cleanupInterval'],
      ['CACHE_CONFIG_TYPE', 'file.clock'],
    ])
    expect(problemsOf({ maxBytes: 1000, maxEntryBytes: 2000 })).toEqual([
      ['CACHE_CONFIG_RANGE', 'file.maxEntryBytes'],
    ])
    expect(
      problemsOf({ maxEntries: Number.POSITIVE_INFINITY, cleanupInterval: Number.POSITIVE_INFINITY }),
    ).toEqual([])
  })

  test('they have to be an object', () => {
    expect(problemsOf(null as never)).toEqual([['CACHE_CONFIG_TYPE', 'file']])
  })
})
