import { readFileSync } from 'node:fs'
import {
  backendForEnvironment,
  backendFromEnv,
  type CacheBackend,
  CacheConfigError,
  ttlFromEnv,
} from '@stowage/core'
import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { backendFor, backendOf, type LoadPackage } from '../src/environment.ts'

/** Packages that tell what they were asked for. */
const packages = (): { load: LoadPackage; made: [string, unknown][] } => {
  const made: [string, unknown][] = []
  const maker =
    (name: string) =>
    (options: unknown): CacheBackend => {
      made.push([name, options])
      return mockBackend({ name })
    }
  const load: LoadPackage = async (name) => {
    if (name === '@stowage/redis') return { redis: maker('redis') }
    if (name === '@stowage/sqlite') return { default: { sqlite: maker('sqlite') } }
    throw new Error(`asked for ${name}`)
  }
  return { load, made }
}

const none: LoadPackage = async (name) => {
  throw Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' })
}

const statsOf = async (backend: CacheBackend) => (await backend.stats?.())?.maxEntries

describe('backendFromEnv()', () => {
  test('is memory() of 10,000 entries where nothing is set, and loads nothing', async () => {
    const backend = await backendOf({ CACHE_BACKEND: '' }, none)
    expect([backend.name, await statsOf(backend)]).toEqual(['memory', 10_000])
    const small = await backendFromEnv({ MEMORY_CACHE_SIZE: '7', CACHE_CLEANUP_INTERVAL: '30' })
    expect(await statsOf(small)).toBe(7)
  })

  test.each<[env: Record<string, string>, options: object]>([
    [{}, { url: 'redis://localhost:6379' }],
    [
      { REDIS_URL: 'redis://h:1/2', REDIS_MAX_CONNECTIONS: '20' },
      { url: 'redis://h:1/2', maxConnections: 20 },
    ],
    [
      { REDIS_PASSWORD: 'p@ss', REDIS_DB: '3', REDIS_SSL: 'true', REDIS_RETRY_ON_TIMEOUT: 'false' },
      { url: 'rediss://:p%40ss@localhost:6379/3', retryAttempts: 1 },
    ],
  ])('redis with %j', async (env, options) => {
    const { load, made } = packages()
    const backend = await backendOf({ CACHE_BACKEND: 'redis', ...env }, load)
    expect([backend.name, made]).toEqual(['redis', [['redis', options]]])
  })

  test('the file of authorities is read for Redis', async () => {
    const { load, made } = packages()
    const path = new URL(import.meta.url).pathname
    await backendOf({ CACHE_BACKEND: 'redis', REDIS_SSL: 'true', REDIS_SSL_CA_CERTS: path }, load)
    const tls = { ca: readFileSync(path) }
    expect(made).toEqual([['redis', { url: 'rediss://localhost:6379', tls }]])
  })

  test('tiered is memory in front of Redis, each by its own variables', async () => {
    const { load, made } = packages()
    const env = { CACHE_BACKEND: 'tiered', MEMORY_CACHE_SIZE: '7', REDIS_URL: 'redis://h:1/2' }
    const backend = await backendOf(env, load)
    expect([backend.name, made]).toEqual(['tiered', [['redis', { url: 'redis://h:1/2' }]]])
    await backend.close()
  })

  test('sqlite, file and http', async () => {
    const { load, made } = packages()
    await backendOf({ CACHE_BACKEND: 'sqlite', CACHE_SQLITE_PATH: '/tmp/a.db' }, load)
    expect(made).toEqual([['sqlite', { path: '/tmp/a.db' }]])
    for (const env of [
      { CACHE_BACKEND: 'file', CACHE_DIRECTORY: '/tmp/stowage-of-a-test' },
      { CACHE_BACKEND: 'http', CACHE_HTTP_URL: 'http://localhost:1', CACHE_HTTP_TOKEN: 'secret' },
    ]) {
      const backend = await backendOf(env, none)
      expect(typeof backend.get).toBe('function')
      await backend.close()
    }
  })

  test.each<[env: Record<string, string>, path: string, hint: string | undefined]>([
    [{ CACHE_BACKEND: 'redsi' }, 'CACHE_BACKEND', 'redis'],
    [{ MEMORY_CACHE_SIZE: 'many' }, 'MEMORY_CACHE_SIZE', undefined],
    [{ CACHE_CLEANUP_INTERVAL: '5 m' }, 'CACHE_CLEANUP_INTERVAL', undefined],
    [{ CACHE_BACKEND: 'redis', REDIS_URL: 'secret' }, 'REDIS_URL', undefined],
    [{ CACHE_BACKEND: 'redis', REDIS_SSL: 'maybe' }, 'REDIS_SSL', undefined],
    [{ CACHE_BACKEND: 'redis', REDIS_SSL_CA_CERTS: '/none/ca.pem' }, 'REDIS_SSL_CA_CERTS', undefined],
    [{ CACHE_BACKEND: 'http' }, 'CACHE_HTTP_URL', undefined],
  ])('refuses %j', async (env, path, hint) => {
    const error = await backendOf(env, none).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CacheConfigError)
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_ENV', path, ...(hint === undefined ? {} : { hint }) })
    expect(String(error)).not.toMatch(/secret/)
  })

  test('says how to install what is missing', async () => {
    await expect(backendOf({ CACHE_BACKEND: 'redis' }, none)).rejects.toMatchObject({
      code: 'CACHE_CONFIG_DEPENDENCY',
      hint: 'npm install @stowage/redis',
      message:
        'CACHE_BACKEND="redis": package "@stowage/redis" is not installed. Run: npm install @stowage/redis',
    })
  })
})

describe('backendForEnvironment()', () => {
  test.each([
    ['development', 500],
    ['test', 100],
    ['testing', 100],
    ['staging', 10_000],
  ])('%s has memory() of %i entries', async (environment, entries) => {
    expect(await statsOf(await backendFor(environment, {}, none))).toBe(entries)
  })

  test('production has Redis with 100 connections', async () => {
    const { load, made } = packages()
    await backendFor('production', { REDIS_URL: 'redis://h:1' }, load)
    expect(made).toEqual([['redis', { url: 'redis://h:1', maxConnections: 100, healthCheckInterval: 30 }]])
  })

  test('what production lacks is said of it, whatever CACHE_BACKEND is', async () => {
    const env = { NODE_ENV: 'production', CACHE_BACKEND: 'sqlite' }
    await expect(backendFor('production', env, none)).rejects.toMatchObject({
      code: 'CACHE_CONFIG_DEPENDENCY',
      path: 'NODE_ENV',
      received: 'production',
      message:
        'backendForEnvironment: package "@stowage/redis" is not installed. Run: npm install @stowage/redis',
    })
  })

  test('goes by NODE_ENV, which the tests have set', async () => {
    expect(await statsOf(await backendForEnvironment())).toBe(100)
  })
})

test('ttlFromEnv() is in seconds, or with a unit', () => {
  expect(ttlFromEnv({})).toBeUndefined()
  expect(ttlFromEnv({ CACHE_DEFAULT_TIMEOUT: '300' })).toBe(300)
  expect(ttlFromEnv({ CACHE_DEFAULT_TIMEOUT: '5m' })).toBe('5m')
  expect(() => ttlFromEnv({ CACHE_DEFAULT_TIMEOUT: 'soon' })).toThrow(CacheConfigError)
})
