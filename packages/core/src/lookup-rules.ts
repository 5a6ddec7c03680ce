import type { QueryRule } from './key-check.ts'
import type { RequestView } from './options.ts'

/** Validated key rules with their defaults. */
export interface KeyPolicy<Req = unknown> {
  readonly query: QueryRule
  /** Lower-case, sorted. */
  readonly headers: readonly string[]
  /** Sorted. */
  readonly cookies: readonly string[]
  /** Sorted by name. */
  readonly by: readonly (readonly [name: string, of: (request: RequestView<Req>) => string | undefined])[]
  readonly host: boolean
  readonly body: 'none' | 'bytes' | 'json'
  readonly maxBodyBytes: number
}

/** What decides which entry a lookup finds, and whether it looks for one. */
export interface LookupRules<Req = unknown> {
  /** Methods answered from the cache; HEAD is there whenever GET is. */
  readonly methods: ReadonlySet<string>
  readonly key: KeyPolicy<Req>
  readonly scope: 'public' | 'private' | undefined | ((request: RequestView<Req>) => string | undefined)
  readonly when: ((request: RequestView<Req>) => boolean) | undefined
}

const numbers = new WeakMap<object, number>()
let lastNumber = 0

/** One number for one function, as long as it lives: two functions are never known to do the same. */
const numberOf = (of: object): number => {
  const known = numbers.get(of)
  if (known !== undefined) return known
  lastNumber += 1
  numbers.set(of, lastNumber)
  return lastNumber
}

/**
 * Equal for rules by which any lookup finds the same entry. JSON, so that no name can be written to look like another
 * part.
 */
export const lookupIdOf = <Req>({ methods, key, scope, when }: LookupRules<Req>): string => {
  const keyed = methods.has('POST') || methods.has('QUERY')
  return JSON.stringify([
    [...methods].sort(),
    [key.query.use, ...key.query.names],
    key.headers,
    key.cookies,
    key.by.map(([name, of]) => [name, numberOf(of)]),
    key.host,
    keyed ? [key.body, key.maxBodyBytes] : [],
    typeof scope === 'function' ? numberOf(scope) : (scope ?? 'shared'),
    when === undefined ? 0 : numberOf(when),
  ])
}

/** Whether a function decides the key (`by`, `scope`) or whether to look (`when`). */
export const isDeferred = <Req>({ key, scope, when }: LookupRules<Req>): boolean =>
  key.by.length > 0 || typeof scope === 'function' || when !== undefined
