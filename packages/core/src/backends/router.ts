import type { BackendHealth, CacheBackend } from '../backend.ts'
import { CacheBackendError, type ConfigProblem, refuseProblems } from '../errors.ts'
import { isBackend } from '../members.ts'
import { eachReady, type MaybePromise, whenReady } from '../message.ts'
import type { Capable } from './pass-through.ts'

const check = (routes: Readonly<Record<string, CacheBackend>>): void => {
  const problems: ConfigProblem[] = []
  const refuse = (path: string, received: unknown, rule: string): void =>
    void problems.push({ code: 'CACHE_CONFIG_BACKEND', path, received, message: `router: ${rule}.` })
  if (routes[''] === undefined)
    refuse('router', routes, 'the prefix "" must be there: it is for the keys that no other prefix begins')
  for (const [prefix, backend] of Object.entries(routes)) {
    if (!isBackend(backend))
      refuse(`router.${prefix}`, backend, `the backend of "${prefix}" must have get, set, delete and close`)
  }
  refuseProblems(problems)
}

const sum = (counts: readonly number[]): number =>
  counts.includes(-1) ? -1 : counts.reduce((total, count) => total + count, 0)

const worst = (healths: readonly BackendHealth[]): BackendHealth => {
  const order = ['unhealthy', 'degraded', 'healthy'] as const
  const status = order.find((each) => healths.some((health) => health.status === each)) ?? 'healthy'
  const found = healths.find((health) => health.status === status)
  return { ...found, status, connected: healths.every(({ connected }) => connected) }
}

/** Keys by prefix to backends. */
class Router {
  readonly #routes: readonly (readonly [prefix: string, backend: Capable])[]
  /** A capability is used where all of them have it. */
  readonly backends: readonly Capable[]

  constructor(routes: Readonly<Record<string, CacheBackend>>) {
    const capable = routes as Readonly<Record<string, Capable>>
    this.#routes = Object.entries(capable).sort(([a], [b]) => b.length - a.length)
    this.backends = [...new Set(Object.values(capable))]
  }

  of(key: string): Capable {
    // The empty prefix begins every key.
    const route = this.#routes.find(([prefix]) => key.startsWith(prefix))
    if (route === undefined) throw new TypeError('a router without a default')
    return route[1]
  }

  /** Asks each backend about its own part, all at once. */
  each<T, R>(
    items: Iterable<T>,
    keyOf: (item: T) => string,
    ask: (backend: Capable, part: T[]) => MaybePromise<R>,
  ): MaybePromise<readonly R[]> {
    const parts = new Map<Capable, T[]>()
    for (const item of items) {
      const backend = this.of(keyOf(item))
      const part = parts.get(backend)
      if (part === undefined) parts.set(backend, [item])
      else part.push(item)
    }
    return eachReady([...parts], ([backend, part]) => ask(backend, part))
  }

  async *keys(pattern: string | undefined): AsyncGenerator<string> {
    for (const backend of this.backends)
      for await (const key of backend.keys(pattern)) if (this.of(key) === backend) yield key
  }

  pair(key: string, leaseKey: string): Capable {
    const backend = this.of(key)
    if (this.of(leaseKey) === backend) return backend
    const cause = new Error('key and lease lie in different backends')
    throw new CacheBackendError('BACKEND_ERROR', { backend: 'router', operation: 'setIfOwner', cause })
  }
}

const itself = (key: string): string => key

const ofOneKey = (router: Router) =>
  ({
    has: (key) => router.of(key).has(key),
    getWithTtl: (key) => router.of(key).getWithTtl(key),
    increment: (key, ttl) => router.of(key).increment(key, ttl),
    setIfAbsent: (key, value, ttl) => router.of(key).setIfAbsent(key, value, ttl),
    compareAndDelete: (key, expected) => router.of(key).compareAndDelete(key, expected),
    setIfOwner: (key, value, ttl, lease, token) =>
      router.pair(key, lease).setIfOwner(key, value, ttl, lease, token),
  }) satisfies Partial<CacheBackend>

const ofManyKeys = (router: Router) =>
  ({
    getMany: (keys) =>
      whenReady(
        router.each(keys, itself, (backend, part) => backend.getMany(part)),
        (maps) => new Map(maps.flatMap((map) => [...map])),
      ),
    setMany: (entries, ttl) =>
      whenReady(
        router.each(
          entries,
          ([key]) => key,
          (backend, part) => backend.setMany(part, ttl),
        ),
        sum,
      ),
    deleteMany: (keys) =>
      whenReady(
        router.each(keys, itself, (backend, part) => backend.deleteMany(part)),
        sum,
      ),
  }) satisfies Partial<CacheBackend>

const ofAll = (router: Router) =>
  ({
    clear: () =>
      whenReady(
        eachReady(router.backends, (backend) => backend.clear()),
        sum,
      ),
    prune: () =>
      whenReady(
        eachReady(router.backends, (backend) => backend.prune()),
        sum,
      ),
    keys: (pattern) => router.keys(pattern),
    health: () =>
      whenReady(
        eachReady(router.backends, (backend) => backend.health()),
        worst,
      ),
  }) satisfies Partial<CacheBackend>

/** The capabilities that are had only where every backend has them. */
const capabilities = (router: Router): Partial<CacheBackend> => {
  const made = { ...ofOneKey(router), ...ofManyKeys(router), ...ofAll(router) }
  const names = Object.keys(made) as (keyof typeof made)[]
  const had = names.filter((name) => router.backends.every((backend) => typeof backend[name] === 'function'))
  return Object.fromEntries(had.map((name) => [name, made[name]]))
}

/**
 * Several backends by the prefix of the key, the longest that fits; `''` is for all other keys. A capability is there
 * where every backend has it. Invalidation state is one: that of the default, and so are channels.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_BACKEND`
 *
 * @example
 * const backend = router({ '': redis(), 'session:': memory() })
 */
export const router = (routes: Readonly<Record<string, CacheBackend>>): CacheBackend => {
  check(routes)
  const made = new Router(routes)
  const standard: CacheBackend = made.of('')
  const { tags } = standard
  const backends: readonly CacheBackend[] = made.backends
  const connecting = backends.some(({ connect }) => connect !== undefined)
  const nothing = (): undefined => undefined
  return {
    name: 'router',
    get: (key) => made.of(key).get(key),
    set: (key, value, ttl) => made.of(key).set(key, value, ttl),
    delete: (key) => made.of(key).delete(key),
    close: () =>
      whenReady(
        eachReady(backends, (backend) => backend.close()),
        nothing,
      ),
    ...(connecting
      ? {
          connect: () =>
            whenReady(
              eachReady(backends, (backend) => backend.connect?.()),
              nothing,
            ),
        }
      : {}),
    ...capabilities(made),
    ...(standard.publish === undefined ? {} : { publish: standard.publish.bind(standard) }),
    ...(standard.subscribe === undefined ? {} : { subscribe: standard.subscribe.bind(standard) }),
    ...(tags === undefined ? {} : { tags }),
  }
}
