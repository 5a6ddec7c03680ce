import type { CacheBackend, TagState } from '../backend.ts'
import { refuseProblems, showValue } from '../errors.ts'
import { type MaybePromise, whenReady } from '../message.ts'
import { withMethods } from './pass-through.ts'

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
  const at = (key: unknown): string => prefix + String(key)
  const { getMany, keys } = backend
  const methods = {
    get: (key: unknown) => backend.get(at(key)),
    set: (key: unknown, value: unknown, ttl: unknown) => backend.set(at(key), value as string, ttl as number),
    delete: (key: unknown) => backend.delete(at(key)),
    has: (key: unknown) => backend.has?.(at(key)),
    getWithTtl: (key: unknown) => backend.getWithTtl?.(at(key)),
    getMany: (given: unknown): MaybePromise<Map<string, string>> => {
      const found = getMany?.call(backend, (given as readonly string[]).map(at)) ?? new Map<string, string>()
      return whenReady(
        found,
        (map) => new Map([...map].map(([key, value]) => [key.slice(prefix.length), value])),
      )
    },
    setMany: (entries: unknown, ttl: unknown) => {
      const named = [...(entries as Iterable<readonly [string, string]>)].map(
        ([key, value]) => [at(key), value] as const,
      )
      return backend.setMany?.(named, ttl as number)
    },
    deleteMany: (given: unknown) => backend.deleteMany?.((given as readonly string[]).map(at)),
    keys: (pattern?: unknown) => keysIn(backend, prefix, pattern as string | undefined),
    increment: (key: unknown, ttl: unknown) => backend.increment?.(at(key), ttl as number),
    setIfAbsent: (key: unknown, value: unknown, ttl: unknown) =>
      backend.setIfAbsent?.(at(key), value as string, ttl as number),
    compareAndDelete: (key: unknown, expected: unknown) =>
      backend.compareAndDelete?.(at(key), expected as string),
    setIfOwner: (key: unknown, value: unknown, ttl: unknown, lease: unknown, token: unknown) =>
      backend.setIfOwner?.(at(key), value as string, ttl as number, at(lease), token as string),
    publish: (channel: unknown, message: unknown) => backend.publish?.(at(channel), message as string),
    subscribe: (channel: unknown, on: unknown, onLost: unknown) =>
      backend.subscribe?.(at(channel), on as (message: string) => void, onLost as () => void),
    clear: () => clear(backend, prefix),
  }
  const name = `${backend.name ?? 'backend'}/${namespace}`
  const made = withMethods(backend, name, methods, tagsOf(backend.tags, prefix))
  // By its keys alone a namespace can be emptied.
  if (keys === undefined) delete made.clear
  else made.clear = methods.clear
  return made
}
