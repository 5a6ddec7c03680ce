import type { CacheBackend, TagState } from '../backend.ts'
import { refuseProblems, showValue } from '../errors.ts'
import { whenReady } from '../message.ts'
import { type Capable, withMethods } from './pass-through.ts'

/** Keys deleted at a time. */
const batch = 500

const checkNamespace = (namespace: unknown): void => {
  if (typeof namespace === 'string' && namespace !== '' && !/[*?]/.test(namespace)) return
  const rule = 'namespaced: namespace must be a string that is not empty and has neither * nor ?'
  const problem = { path: 'namespaced.namespace', received: namespace }
  const message = `${rule}; received ${showValue(namespace)}.`
  refuseProblems([{ code: 'CACHE_CONFIG_RANGE', ...problem, message }])
}

const tagsOf = (state: TagState | undefined, prefix: string): TagState | undefined => {
  if (state === undefined) return undefined
  const named = (tags: readonly string[]): string[] => tags.map((tag) => prefix + tag)
  return {
    head: () => state.head(),
    read: (tags, epoch) => state.read(named(tags), epoch),
    bump: (tags) => state.bump(named(tags)),
  }
}

async function* keysIn(backend: CacheBackend, prefix: string, pattern = '*'): AsyncGenerator<string> {
  for await (const key of backend.keys?.(prefix + pattern) ?? [])
    if (key.startsWith(prefix)) yield key.slice(prefix.length)
}

/** The number removed: of this namespace alone, for it is found by its keys. */
const clear = async (backend: CacheBackend, prefix: string): Promise<number> => {
  let removed = 0
  let keys: string[] = []
  const remove = async (): Promise<void> => {
    const some = keys
    keys = []
    removed += some.length
    if (backend.deleteMany !== undefined) await backend.deleteMany(some)
    else for (const key of some) await backend.delete(key)
  }
  for await (const key of keysIn(backend, prefix)) {
    keys.push(prefix + key)
    if (keys.length >= batch) await remove()
  }
  await remove()
  return removed
}

const methodsOf = (backend: CacheBackend, prefix: string): Partial<CacheBackend> => {
  const store = backend as Capable
  const at = (key: string): string => prefix + key
  const withoutPrefix = (found: ReadonlyMap<string, string>): Map<string, string> =>
    new Map([...found].map(([key, value]) => [key.slice(prefix.length), value]))
  return {
    get: (key) => store.get(at(key)),
    set: (key, value, ttl) => store.set(at(key), value, ttl),
    delete: (key) => store.delete(at(key)),
    has: (key) => store.has(at(key)),
    getWithTtl: (key) => store.getWithTtl(at(key)),
    getMany: (keys) => whenReady(store.getMany(keys.map(at)), withoutPrefix),
    setMany: (entries, ttl) =>
      store.setMany(
        Array.from(entries, ([key, value]) => [at(key), value] as const),
        ttl,
      ),
    deleteMany: (keys) => store.deleteMany(keys.map(at)),
    keys: (pattern) => keysIn(backend, prefix, pattern),
    increment: (key, ttl) => store.increment(at(key), ttl),
    setIfAbsent: (key, value, ttl) => store.setIfAbsent(at(key), value, ttl),
    compareAndDelete: (key, expected) => store.compareAndDelete(at(key), expected),
    setIfOwner: (key, value, ttl, lease, token) => store.setIfOwner(at(key), value, ttl, at(lease), token),
    publish: (channel, message) => store.publish(at(channel), message),
    subscribe: (channel, on, onLost) => store.subscribe(at(channel), on, onLost),
  }
}

/**
 * A part of a backend with keys, tags and channels of its own. `keys` and `clear` touch nothing else; a backend without
 * `keys` has no `clear` here either. `stats`, `health`, `prune` and `close` are those of the whole.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_RANGE`
 *
 * @example
 * const sessions = namespaced(store, 'sessions')
 * await sessions.set('a', '1', 60)   // not the `a` of the store, nor that of any other namespace
 */
export const namespaced = (backend: CacheBackend, namespace: string): CacheBackend => {
  checkNamespace(namespace)
  // The length tells `a` with `b:c` from `a:b` with `c`.
  const prefix = `${namespace.length}:${namespace}:`
  const name = `${backend.name ?? 'backend'}/${namespace}`
  const made = withMethods(backend, name, methodsOf(backend, prefix), tagsOf(backend.tags, prefix))
  // By its keys alone a namespace can be emptied.
  if (backend.keys === undefined) delete made.clear
  else made.clear = () => clear(backend, prefix)
  return made
}
