import type { CacheBackend, TagState } from '../backend.ts'

/** Any method of a backend. */
export type BackendMethod = (...args: readonly unknown[]) => unknown
export type BackendMethods = Record<string, BackendMethod>

/** A backend that is asked for nothing but what it has: whoever takes it for this has looked. */
export type Capable = Required<CacheBackend>

/** Every method that a backend may have. */
export const backendMethods = [
  ...(['get', 'set', 'delete', 'close', 'connect', 'has', 'clear', 'keys', 'getMany', 'setMany'] as const),
  ...(['deleteMany', 'getWithTtl', 'prune', 'stats', 'health', 'increment', 'setIfAbsent'] as const),
  ...(['compareAndDelete', 'setIfOwner', 'publish', 'subscribe'] as const),
] as const

/** The methods that a backend has, each bound to it. */
export const methodsOf = (backend: CacheBackend): BackendMethods => {
  const bound: BackendMethods = {}
  for (const name of backendMethods) {
    const method: unknown = (backend as unknown as Record<string, unknown>)[name]
    if (typeof method === 'function') bound[name] = (...args) => Reflect.apply(method, backend, args)
  }
  return bound
}

/**
 * A backend with the methods of another, some of them replaced: only those that are there already, so that no capability
 * is made up, and one that replaces another may rely on that.
 */
export const withMethods = (
  backend: CacheBackend,
  name: string,
  replaced: Partial<CacheBackend>,
  tags: TagState | undefined,
): CacheBackend => {
  const methods = methodsOf(backend)
  for (const [method, by] of Object.entries(replaced))
    if (methods[method] !== undefined) methods[method] = by as BackendMethod
  // Built from what the backend has, which is a CacheBackend.
  return { name, ...methods, ...(tags === undefined ? {} : { tags }) } as unknown as CacheBackend
}
