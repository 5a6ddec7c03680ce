import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CacheBackend } from './backend.ts'
import { file } from './backends/file.ts'
import { httpApi } from './backends/http-api.ts'
import { memory } from './backends/memory.ts'
import { tiered } from './backends/tiered.ts'
import type { Duration } from './durations.ts'
import { EnvironmentReader } from './environment-reader.ts'

/** Loads a package by its name. */
export type LoadPackage = (name: string) => Promise<Record<string, unknown>>

type Variables = Readonly<Record<string, string | undefined>>
type Maker = (options: object) => CacheBackend

const isMissing = (error: unknown): boolean =>
  /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String((error as { code?: unknown }).code))

/** From where this package is, or from where the application is: not every installer puts both side by side. */
const loadPackage: LoadPackage = async (name) => {
  try {
    return (await import(name)) as Record<string, unknown>
  } catch (error) {
    if (!isMissing(error)) throw error
    const { createRequire } = process.getBuiltinModule('node:module')
    const found = createRequire(join(process.cwd(), 'package.json')).resolve(name)
    return (await import(pathToFileURL(found).href)) as Record<string, unknown>
  }
}

const makerOf = async (
  env: EnvironmentReader,
  load: LoadPackage,
  name: string,
  member: string,
): Promise<Maker> => {
  let loaded: Record<string, unknown>
  try {
    loaded = await load(name)
  } catch (error) {
    if (isMissing(error)) env.lacks(name)
    throw error
  }
  const made = loaded[member] ?? (loaded.default as Record<string, unknown> | undefined)?.[member]
  if (typeof made !== 'function') throw new TypeError(`${name} has no ${member}()`)
  return made as Maker
}

const memoryOf = (env: EnvironmentReader): CacheBackend => {
  const maxEntries = env.count('MEMORY_CACHE_SIZE')
  const cleanupInterval = env.duration('CACHE_CLEANUP_INTERVAL')
  env.settle()
  return memory({
    ...(maxEntries === undefined ? {} : { maxEntries }),
    ...(cleanupInterval === undefined ? {} : { cleanupInterval }),
  })
}

const redisUrl = (env: EnvironmentReader): string => {
  const url = env.url('REDIS_URL', 'redis://localhost:6379')
  const [password, db] = [env.text('REDIS_PASSWORD'), env.count('REDIS_DB', 0)]
  if (password !== undefined) url.password = encodeURIComponent(password)
  if (db !== undefined) url.pathname = `/${db}`
  const secure = env.flag('REDIS_SSL') === true
  return secure ? url.href.replace(/^redis:/, 'rediss:') : url.href
}

const redisOf = async (
  env: EnvironmentReader,
  load: LoadPackage,
  more: object = {},
): Promise<CacheBackend> => {
  const maxConnections = env.count('REDIS_MAX_CONNECTIONS')
  const authority = env.file('REDIS_SSL_CA_CERTS')
  const options = {
    url: redisUrl(env),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(env.flag('REDIS_RETRY_ON_TIMEOUT') === false ? { retryAttempts: 1 } : {}),
    ...(authority === undefined ? {} : { tls: { ca: authority } }),
    ...more,
  }
  env.settle()
  const redis = await makerOf(env, load, '@stowage/redis', 'redis')
  return redis(options)
}

const sqliteOf = async (env: EnvironmentReader, load: LoadPackage): Promise<CacheBackend> => {
  const path = env.text('CACHE_SQLITE_PATH')
  const cleanupInterval = env.duration('CACHE_CLEANUP_INTERVAL')
  env.settle()
  const sqlite = await makerOf(env, load, '@stowage/sqlite', 'sqlite')
  return sqlite({
    ...(path === undefined ? {} : { path }),
    ...(cleanupInterval === undefined ? {} : { cleanupInterval }),
  })
}

const fileOf = (env: EnvironmentReader): CacheBackend => {
  const directory = env.text('CACHE_DIRECTORY')
  const cleanupInterval = env.duration('CACHE_CLEANUP_INTERVAL')
  env.settle()
  return file({
    ...(directory === undefined ? {} : { directory }),
    ...(cleanupInterval === undefined ? {} : { cleanupInterval }),
  })
}

const httpOf = (env: EnvironmentReader): CacheBackend => {
  const baseUrl = env.required('CACHE_HTTP_URL')
  const authToken = env.text('CACHE_HTTP_TOKEN')
  env.settle()
  return httpApi({ baseUrl, ...(authToken === undefined ? {} : { authToken }) })
}

type Make = (env: EnvironmentReader, load: LoadPackage) => CacheBackend | Promise<CacheBackend>

const makers: Readonly<Record<string, Make>> = {
  memory: memoryOf,
  redis: (env, load) => redisOf(env, load),
  file: fileOf,
  sqlite: sqliteOf,
  http: httpOf,
  tiered: async (env, load) => tiered(memoryOf(env), await redisOf(env, load)),
}

/** `backendFromEnv()` with the packages from somewhere else. */
export const backendOf = async (variables: Variables, load: LoadPackage): Promise<CacheBackend> => {
  const env = new EnvironmentReader('backendFromEnv', variables)
  const name = env.oneOf('CACHE_BACKEND', Object.keys(makers), 'memory')
  const make = makers[name]
  if (make === undefined) throw new TypeError(`no backend "${name}"`)
  return make(env, load)
}

/** `backendForEnvironment()` with variables and packages from somewhere else. */
export const backendFor = async (
  environment: string | undefined,
  variables: Variables,
  load: LoadPackage,
): Promise<CacheBackend> => {
  if (environment === 'development') return memory({ maxEntries: 500 })
  if (environment === 'test' || environment === 'testing') return memory({ maxEntries: 100 })
  if (environment !== 'production') return backendOf(variables, load)
  const env = new EnvironmentReader('backendForEnvironment', variables)
  return redisOf(env, load, { maxConnections: 100, healthCheckInterval: 30 })
}

/**
 * The backend that the environment names: `CACHE_BACKEND` is `memory` (default), `redis`, `file`, `sqlite`, `http`
 * or `tiered` (`memory` in front of `redis`).
 * The page on backends lists the variables of each. Packages other than this one are loaded only when they are named.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_ENV` where a variable cannot be used, `CACHE_CONFIG_DEPENDENCY` where the
 * package of the backend is not installed
 *
 * @example
 * const cache = createCache({ backend: await backendFromEnv(), ttl: ttlFromEnv() ?? '1m' })
 */
export const backendFromEnv = (env: Variables = process.env): Promise<CacheBackend> =>
  backendOf(env, loadPackage)

/**
 * The backend usual for an environment: `development` has `memory()` of 500 entries, `test` and `testing` of 100,
 * `production` Redis by the variables of `backendFromEnv()` with 100 connections. Any other: what `backendFromEnv()` says.
 *
 * @param environment Default `process.env.NODE_ENV`.
 * @throws {CacheConfigError} as `backendFromEnv()`
 *
 * @example
 * const backend = await backendForEnvironment()
 */
export const backendForEnvironment = (environment = process.env.NODE_ENV): Promise<CacheBackend> =>
  backendFor(environment, process.env, loadPackage)

/**
 * `CACHE_DEFAULT_TIMEOUT`, in seconds or with a unit, for `ttl` and `defaultTtl`; undefined where it is not set.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_ENV`
 *
 * @example
 * const cache = createCache({ ttl: ttlFromEnv() ?? '5m' })
 */
export const ttlFromEnv = (env: Variables = process.env): Duration | undefined => {
  const read = new EnvironmentReader('ttlFromEnv', env)
  const ttl = read.duration('CACHE_DEFAULT_TIMEOUT')
  read.settle()
  return ttl
}
