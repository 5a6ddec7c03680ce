import { atOnce } from './at-once.ts'
import type { Policy } from './policy.ts'
import { type CacheRequest, createView } from './view.ts'

/** What the functions of a policy have said of a request: for whom the response to it is. */
export interface Asked {
  readonly scope: string | undefined
  /** In the order of the names under `key.by`. */
  readonly by: readonly (string | undefined)[]
}

const nobody: readonly (string | undefined)[] = []

/** What is no text has no length either, which is what keeps the parts of a key apart. */
const textOf = (name: string, value: unknown): string | undefined => {
  if (value === undefined || typeof value === 'string') return value
  throw new TypeError(
    `key.by.${name} returned ${value === null ? 'null' : `a value of type ${typeof value}`}`,
  )
}

/** What the functions under `key.by` say. */
export const askBy = (request: CacheRequest, { key }: Pick<Policy, 'key'>): Asked['by'] => {
  if (key.by.length === 0) return nobody
  const view = createView(request)
  return key.by.map(([name, of]) => textOf(name, atOnce(of(view), `key.by.${name}`)))
}

/** What the function for the scope says; undefined also where there is none. */
export const askScope = (request: CacheRequest, { scope }: Pick<Policy, 'scope'>): Asked['scope'] =>
  typeof scope === 'function' ? atOnce(scope(createView(request)), 'scope') : undefined

/** What is neither true nor false is no answer, and a request of which nothing is known bypasses the cache. */
export const askWhen = (request: CacheRequest, { when }: Pick<Policy, 'when'>): boolean => {
  if (when === undefined) return true
  const answer: unknown = atOnce(when(createView(request)), 'when')
  if (typeof answer === 'boolean') return answer
  throw new TypeError(`when returned a value of type ${typeof answer}`)
}

/**
 * Whether the functions say something else of a request now than when it was looked up: a user may have been
 * authenticated meanwhile, and the response is hers. Throws what they throw.
 */
export const isAnotherNow = (request: CacheRequest, policy: Policy, before: Asked): boolean => {
  if (!policy.deferred) return false
  const by = askBy(request, policy)
  return (
    !askWhen(request, policy) ||
    askScope(request, policy) !== before.scope ||
    by.some((value, at) => value !== before.by[at])
  )
}
