/** What becomes of one operation of a store that may be out of reach. */
export interface GuardedOperation {
  /** Whether doing it twice comes to the same, so that it may be tried again. */
  readonly repeatable: boolean
  /** What a failure is answered with; without it, whoever asked is told. */
  readonly missing?: () => unknown
  /** Whether the fallback may answer. `'also'`: it is told, and the store's failure is told as well. */
  readonly fallback?: true | 'also'
  /** Goes over all that is stored: the deadline of a request is not for it. */
  readonly slow?: true
  /** What can be read only once must last for several attempts. */
  readonly prepare?: (args: readonly unknown[]) => readonly unknown[]
  /** Characters of the values that it holds. */
  readonly size?: (args: readonly unknown[]) => number
  /** Keys of which the store has something older where it has not taken this. */
  readonly changes?: (args: readonly unknown[]) => Iterable<string>
  /** What an answer counts as. */
  readonly counts?: (answer: unknown, args: readonly unknown[]) => Counted
}

export type Counted = {
  readonly hits?: number
  readonly misses?: number
  readonly sets?: number
  readonly deletes?: number
}

const hitOrMiss = (answer: unknown): Counted =>
  answer === null || answer === undefined ? { misses: 1 } : { hits: 1 }

const hitsOfMany = (answer: unknown, [keys]: readonly unknown[]): Counted => {
  const hits = answer instanceof Map ? answer.size : 0
  return { hits, misses: Math.max(0, (Array.isArray(keys) ? keys.length : 0) - hits) }
}

const sizeOfMany = ([entries]: readonly unknown[]): number => {
  let size = 0
  for (const [, value] of entries as Iterable<readonly [string, string]>) size += value.length
  return size
}

const oneKey = ([key]: readonly unknown[]): Iterable<string> => [String(key)]
const keysOf = ([keys]: readonly unknown[]): Iterable<string> => keys as readonly string[]
const keysOfEntries = ([entries]: readonly unknown[]): Iterable<string> =>
  (entries as readonly (readonly [string, string])[]).map(([key]) => key)

const atomic: GuardedOperation = { repeatable: false }

/**
 * Reads miss, and entries that cannot be written are lost. Who deletes, counts or takes a lock is told that it failed:
 * to believe it done would be wrong.
 */
export const guardedOperations: Readonly<Record<string, GuardedOperation>> = {
  get: { repeatable: true, fallback: true, missing: () => null, counts: hitOrMiss },
  getWithTtl: { repeatable: true, fallback: true, missing: () => null, counts: hitOrMiss },
  getMany: { repeatable: true, fallback: true, missing: () => new Map(), counts: hitsOfMany },
  has: { repeatable: true, fallback: true, missing: () => false },
  set: {
    repeatable: true,
    fallback: true,
    missing: () => undefined,
    changes: oneKey,
    size: ([, value]) => String(value).length,
    counts: () => ({ sets: 1 }),
  },
  setMany: {
    repeatable: true,
    fallback: true,
    missing: () => 0,
    prepare: ([entries, ...rest]) => [[...(entries as Iterable<unknown>)], ...rest],
    size: sizeOfMany,
    changes: keysOfEntries,
    counts: (stored) => ({ sets: Number(stored) }),
  },
  delete: { repeatable: true, fallback: 'also', changes: oneKey, counts: () => ({ deletes: 1 }) },
  deleteMany: {
    repeatable: false,
    fallback: 'also',
    changes: keysOf,
    counts: (removed) => ({ deletes: Number(removed) }),
  },
  clear: { repeatable: false, fallback: 'also', slow: true },
  prune: { repeatable: false, slow: true },
  increment: atomic,
  setIfAbsent: atomic,
  compareAndDelete: atomic,
  setIfOwner: atomic,
  publish: atomic,
}
