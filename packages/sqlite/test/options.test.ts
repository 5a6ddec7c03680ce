import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { CacheConfigError } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { type SqliteOptions, sqlite } from '../src/index.ts'
import { createSite } from './site.ts'

const refusalOf = (options: SqliteOptions): CacheConfigError => {
  try {
    sqlite(options)
  } catch (error) {
    if (error instanceof CacheConfigError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('sqlite refuses', () => {
  test.each([
    [
      { table: 'a;drop' },
      'CACHE_CONFIG_IDENTIFIER',
      'sqlite: table "a;drop" must match ^[A-Za-z_][A-Za-z0-9_]*$.',
    ],
    [{ table: '1st' }, 'CACHE_CONFIG_IDENTIFIER', undefined],
    [{ table: 'sqlite_master' }, 'CACHE_CONFIG_IDENTIFIER', undefined],
    [{ table: 'a"b' }, 'CACHE_CONFIG_IDENTIFIER', undefined],
    [{ path: ':memory:' }, 'CACHE_CONFIG_RANGE', undefined],
    [{ maxBytes: 1000 }, 'CACHE_CONFIG_RANGE', undefined],
    [{ maxEntries: 0 }, 'CACHE_CONFIG_RANGE', undefined],
    [{ cleanupInterval: '5 m' }, 'CACHE_CONFIG_DURATION', undefined],
    [{ driver: 'sql.js' }, 'CACHE_CONFIG_TYPE', undefined],
    [{ pth: 'x.db' }, 'CACHE_CONFIG_UNKNOWN_OPTION', 'sqlite: unknown option "pth". Did you mean "path"?'],
  ])('%j at once', (options, code, message) => {
    const refusal = refusalOf(options as SqliteOptions)
    expect(refusal.code).toBe(code)
    if (message !== undefined) expect(refusal.message).toBe(message)
  })

  test('everything that is wrong at once', () => {
    const refusal = refusalOf({ table: '1', maxEntries: -1, maxBytes: '1kb' })
    expect(refusal.problems.map(({ path }) => path).sort()).toEqual([
      'sqlite.maxBytes',
      'sqlite.maxEntries',
      'sqlite.table',
    ])
  })

  test('what this Node does not have, with what to install', () => {
    if (isBuiltin('node:sqlite')) return expect(sqlite({ driver: 'node:sqlite' }).name).toBe('sqlite')
    const refusal = refusalOf({ driver: 'node:sqlite' })
    expect(refusal.code).toBe('CACHE_CONFIG_DEPENDENCY')
    expect(refusal.message).toContain('has no node:sqlite')
    expect(refusal.hint).toBe('npm install better-sqlite3')
  })
})

test('nothing is opened before the first call', async () => {
  await using site = createSite()
  const store = site.open()
  expect(existsSync(site.path)).toBe(false)
  await store.connect()
  expect(existsSync(site.path)).toBe(true)
})
