import type { BackendHealth, CacheBackend } from '../backend.ts'
import { CacheBackendError, type ConfigProblem, refuseProblems } from '../errors.ts'
import { isPromise, type MaybePromise, whenReady } from '../message.ts'

const required = ['get', 'set', 'delete', 'close'] as const

const check = (routes: Readonly<Record<string, CacheBackend>>): void => {
  const problems: ConfigProblem[] = []
  const refuse = (path: string, received: unknown, rule: string): void =>
    void problems.push({ code: 'CACHE_CONFIG_BACKEND', path, received, message: `router: ${rule}.` })
  if (routes[''] === undefined)
    refuse('router', routes, 'the prefix "" must be there: it is for the keys that no other prefix begins')
  for (const [prefix, backend] of Object.entries(routes)) {
    const members = Object(backend) as Record<string, unknown>
    if (required.every((name) => typeof members[name] === 'function')) continue
    refuse(`router.${prefix}`, backend, `the backend of "${prefix}" must have get, set, delete and close`)
  }
  refuseProblems(problems)
}

const all = <T>(answers: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> =>
  answers.some(isPromise) ? Promise.all(answers) : (answers as readonly T[])

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
  readonly routes: readonly (readonly [prefix: string, backend: CacheBackend])[]
  readonly backends: readonly CacheBackend[]

  constructor(routes: Readonly<Record<string, CacheBackend>>) {
    this.routes = Object.entries(routes).sort(([a], [b]) => b.length - a.length)
    this.backends = [...new Set(Object.values(routes))]
  }

  of(key: string): CacheBackend {
    // The empty prefix begins every key.
    const route = this.routes.find(([prefix]) => key.startsWith(prefix))
    if (route === undefined) throw new TypeError('a router without a default')
    return route[1]
  }

  /** What each backend is to be asked. */
  split<T>(items: Iterable<T>, keyOf: (item: T) => string): readonly (readonly [CacheBackend, T[]])[] {
    const parts = new Map<CacheBackend, T[]>()
    for (const item of items) {
      const backend = this.of(keyOf(item))
      const part = parts.get(backend)
      if (part === undefined) parts.set(backend, [item])
      else part.push(item)
    }
    return [...parts]
  }

  async *keys(pattern: string | undefined): AsyncGenerator<string> {
    for (const backend of this.backends)
      for await (const key of backend.keys?.(pattern) ?? []) if (this.of(key) === backend) yield key
  }

  pair(key: string, leaseKey: string): CacheBackend {
    const backend = this.of(key)
    if (this.of(leaseKey) === backend) return backend
    const cause = new Error('key and lease lie in different backends')
    throw new CacheBackendError('BACKEND_ERROR', { backend: 'router', operation: 'setIfOwner', cause })
  }
}

/** The capabilities that are had only where every backend has them, by the backend of the key. */
const capabilities = (router: Router): Partial<CacheBackend> => {
  const identity = (key: string): string => key
  const made: Required<
    Pick<
      CacheBackend,
      | 'has'
      | 'getWithTtl'
      | 'getMany'
      | 'setMany'
      | 'deleteMany'
      | 'clear'
      | 'prune'
      | 'keys'
      | 'health'
      | 'increment'
      | 'setIfAbsent'
      | 'compareAndDelete'
      | 'setIfOwner'
    >
  > = {
    has: (key) => router.of(key).has?.(key) ?? false,
    getWithTtl: (key) => router.of(key).getWithTtl?.(key) ?? null,
    getMany: (keys) =>
      whenReady(
        all(router.split(keys, identity).map(([backend, part]) => backend.getMany?.(part) ?? new Map())),
        (maps) => new Map(maps.flatMap((map) => [...map])),
      ),
    setMany: (entries, ttl) =>
      whenReady(
        all(
          router.split(entries, ([key]) => key).map(([backend, part]) => backend.setMany?.(part, ttl) ?? 0),
        ),
        sum,
      ),
    deleteMany: (keys) =>
      whenReady(
        all(router.split(keys, identity).map(([backend, part]) => backend.deleteMany?.(part) ?? 0)),
        sum,
      ),
    clear: () => whenReady(all(router.backends.map((backend) => backend.clear?.() ?? 0)), sum),
    prune: () => whenReady(all(router.backends.map((backend) => backend.prune?.() ?? 0)), sum),
    keys: (pattern) => router.keys(pattern),
    health: () =>
      whenReady(
        all(router.backends.flatMap((backend) => (backend.health === undefined ? [] : [backend.health()]))),
        worst,
      ),
    increment: (key, ttl) => router.of(key).increment?.(key, ttl) ?? 0,
    setIfAbsent: (key, value, ttl) => router.of(key).setIfAbsent?.(key, value, ttl) ?? false,
    compareAndDelete: (key, expected) => router.of(key).compareAndDelete?.(key, expected) ?? false,
    setIfOwner: (key, value, ttl, lease, token) =>
      router.pair(key, lease).setIfOwner?.(key, value, ttl, lease, token) ?? false,
  }
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
  const standard = made.of('')
  const { tags } = standard
  const connecting = made.backends.some(({ connect }) => connect !== undefined)
  const nothing = (): undefined => undefined
  return {
    name: 'router',
    get: (key) => made.of(key).get(key),
    set: (key, value, ttl) => made.of(key).set(key, value, ttl),
    delete: (key) => made.of(key).delete(key),
    close: () => whenReady(all(made.backends.map((backend) => backend.close())), nothing),
    ...(connecting
      ? { connect: () => whenReady(all(made.backends.map((backend) => backend.connect?.())), nothing) }
      : {}),
    ...capabilities(made),
    ...(standard.publish === undefined ? {} : { publish: standard.publish.bind(standard) }),
    ...(standard.subscribe === undefined ? {} : { subscribe: standard.subscribe.bind(standard) }),
    ...(tags === undefined ? {} : { tags }),
  }
}
