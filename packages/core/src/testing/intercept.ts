import type { CacheBackend, MaybePromise } from '@stowage/core'

/** Stands between the caller and one operation, `get` or `tags.bump` say. */
export type Intercept = (operation: string, call: () => MaybePromise<unknown>) => MaybePromise<unknown>

/**
 * `backend` with every method led through `intercept`, those of its tag state included. It has the same capabilities,
 * whichever they are; what is no method is passed on as it is.
 */
export const interceptBackend = (backend: CacheBackend, intercept: Intercept): CacheBackend =>
  intercepted(backend, '', intercept)

const intercepted = <T extends object>(target: T, prefix: string, intercept: Intercept): T => {
  const wrapped = new Map<string, unknown>()
  const wrap = (name: string, value: unknown): unknown => {
    if (name === 'tags' && typeof value === 'object' && value !== null)
      return intercepted(value, 'tags.', intercept)
    if (typeof value !== 'function') return value
    const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args)
    if (name === 'keys') return (...args: unknown[]) => iterate(intercept, () => call(...args))
    return (...args: unknown[]) => intercept(`${prefix}${name}`, () => call(...args))
  }
  return new Proxy({} as T, {
    has: (_, name) => Reflect.has(target, name),
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof name === 'symbol') return value
      if (typeof value !== 'function' && name !== 'tags') return value
      if (!wrapped.has(name)) wrapped.set(name, wrap(name, value))
      return wrapped.get(name)
    },
  })
}

async function* iterate(intercept: Intercept, call: () => unknown): AsyncGenerator<unknown> {
  await intercept('keys', () => undefined)
  yield* call() as AsyncIterable<unknown>
}
