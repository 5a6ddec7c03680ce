/** The count of invalidations, and the name of its life. */
export interface Head {
  readonly epoch: string
  readonly seq: number
}

/** What the thread that owns the database can be asked: arguments and answer of each. Times are seconds since the epoch. */
export interface Operations {
  get: { args: [key: string, now: number]; answer: readonly [value: string, expires: number] | null }
  getMany: { args: [keys: readonly string[], now: number]; answer: readonly (readonly [string, string])[] }
  has: { args: [key: string, now: number]; answer: boolean }
  /** A page of keys from `from` on, or after it, in the order of their bytes. */
  keys: { args: [from: string, after: boolean, now: number]; answer: readonly string[] }
  /** The rowid of the newest entry. */
  newest: { args: []; answer: number }
  counts: { args: [now: number]; answer: DatabaseCounts }
  head: { args: []; answer: Head }
  /** `epoch`: that in which the counts will be compared. */
  read: { args: [tags: readonly string[], epoch: string | undefined]; answer: readonly number[] }
  set: {
    args: [entries: readonly (readonly [string, string])[], expires: number, now: number]
    answer: number
  }
  /** How many of the keys were there and had not expired. */
  delete: { args: [keys: readonly string[], now: number]; answer: number }
  /** Removes some of what has expired; how many. */
  prune: { args: [now: number]; answer: number }
  /** Removes some of the entries up to a rowid; how many. */
  clear: { args: [upTo: number]; answer: number }
  bump: { args: [tags: readonly string[]]; answer: Head }
  /** Begins another epoch where the count is in this one, and not as far. */
  renew: { args: [known: Head]; answer: Head }
  setIfAbsent: { args: [key: string, value: string, expires: number, now: number]; answer: boolean }
  compareAndDelete: { args: [key: string, expected: string, now: number]; answer: boolean }
  increment: { args: [key: string, expires: number, now: number]; answer: number }
  setIfOwner: {
    args: [key: string, value: string, expires: number, leaseKey: string, token: string, now: number]
    answer: boolean
  }
}

export type OperationName = keyof Operations
export type Args<N extends OperationName> = Operations[N]['args']
export type Answer<N extends OperationName> = Operations[N]['answer']

/** Those of `Operations` that need no write lock. */
export const readNames = ['get', 'getMany', 'has', 'keys', 'newest', 'counts', 'head', 'read'] as const
export type ReadName = (typeof readNames)[number]
export type WriteName = Exclude<OperationName, ReadName>

export type Handlers<Names extends OperationName> = {
  readonly [N in Names]: (...args: Args<N>) => Answer<N>
}

export interface DatabaseCounts {
  readonly total: number
  readonly expired: number
  readonly pageSize: number
  readonly pages: number
  readonly freePages: number
}

/** One call on its way to the thread. */
export interface Call {
  readonly id: number
  readonly name: OperationName
  readonly args: readonly unknown[]
}

/** Why a call failed: the name of SQLite's result code, or one of our own. */
export interface Failure {
  readonly result: string
  readonly message: string
}

export type Outcome =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure }

export interface Report {
  readonly outcomes: readonly Outcome[]
  /** Entries evicted since the last report. */
  readonly evicted: number
}

/** What the thread is started with. */
export interface DatabaseSettings {
  readonly driver: DriverChoice
  readonly path: string
  readonly table: string
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxTags: number
}

/** Which library, and for better-sqlite3 the file that it is loaded from. */
export type DriverChoice =
  | { readonly name: 'better-sqlite3'; readonly file: string }
  | { readonly name: 'node:sqlite' }

/** Rows removed at most by one call of `prune` or `clear`, and keys on one page: other calls come in between. */
export const rowsPerCall = 500
