import type { CacheBackend, TagState } from '../backend.ts'
import { isPromise, type MaybePromise, whenReady } from '../message.ts'
import { within } from '../within.ts'
import type { Fallback } from './fallback.ts'
import type { Guard } from './guard.ts'
import { type Counted, type GuardedOperation, guardedOperations } from './guarded-operations.ts'
import { guardedTags } from './guarded-tags.ts'
import type { Outage } from './outage.ts'
import type { Overtaken } from './overtaken.ts'
import type { ResilientCounts } from './resilient-stats.ts'

/** One store with its guard, and what stands beside it. */
export interface StoreParts {
  readonly name: string
  readonly backend: CacheBackend
  readonly guard: Guard
  readonly counts: ResilientCounts
  readonly fallback: Fallback | undefined
  readonly overtaken: Overtaken
  /** Where the store keeps the count of invalidations. */
  readonly outage: Outage | undefined
}

export interface ViewOptions {
  readonly deadlineMs: number
  /** Whether a failed read is a miss and a failed write nothing; else they reject. */
  readonly absorbs: boolean
  /** False: only the store itself counts. */
  readonly fallback: boolean
}

type Method = (...args: readonly unknown[]) => unknown

/** What goes over all entries may take this long. */
const slowMs = 60_000

const methodOf = (backend: CacheBackend, name: string): Method | undefined => {
  const method: unknown = (backend as unknown as Record<string, unknown>)[name]
  return typeof method === 'function' ? (...args) => Reflect.apply(method, backend, args) : undefined
}

const add = (counts: ResilientCounts, { hits = 0, misses = 0, sets = 0, deletes = 0 }: Counted): void => {
  counts.hits += hits
  counts.misses += misses
  counts.sets += sets
  counts.deletes += deletes
}

/** One operation of a store: through the guard, else from the fallback, else as nothing. */
class GuardedMethod {
  readonly #store: StoreParts
  readonly #options: ViewOptions
  readonly #name: string
  readonly #operation: GuardedOperation
  readonly #method: Method

  constructor(
    store: StoreParts,
    options: ViewOptions,
    name: string,
    operation: GuardedOperation,
    method: Method,
  ) {
    this.#store = store
    this.#options = options
    this.#name = name
    this.#operation = operation
    this.#method = method
  }

  call(given: readonly unknown[]): MaybePromise<unknown> {
    const { guard } = this.#store
    const { prepare, repeatable, slow, size } = this.#operation
    const args = prepare === undefined ? given : prepare(given)
    if (!guard.isInReach) {
      this.#noteLost(args)
      return this.#instead(args, undefined)
    }
    try {
      const answer = guard.call({
        operation: this.#name,
        run: () => this.#method(...args) as MaybePromise<unknown>,
        deadlineMs: slow === true ? slowMs : this.#options.deadlineMs,
        repeatable,
        size: size === undefined ? 0 : size(args),
      })
      if (!isPromise(answer)) return this.#counted(answer, args)
      return answer.then(
        (value) => this.#counted(value, args),
        (error: unknown) => this.#failed(error, args),
      )
    } catch (error) {
      return this.#failed(error, args)
    }
  }

  /** A cache judges what it finds; of others, nobody but the store knows what is older. */
  #noteLost(args: readonly unknown[]): void {
    const { changes } = this.#operation
    if (changes !== undefined && this.#options.absorbs) this.#store.overtaken.note(changes(args))
  }

  #failed(error: unknown, args: readonly unknown[]): MaybePromise<unknown> {
    this.#noteLost(args)
    return this.#store.guard.isInReach ? this.#missing(error) : this.#instead(args, error)
  }

  /** The store is out of reach. */
  #instead(args: readonly unknown[], cause: unknown): MaybePromise<unknown> {
    const { guard, fallback } = this.#store
    const error = cause ?? guard.outOfReach(this.#name)
    const wanted = this.#options.fallback ? this.#operation.fallback : undefined
    const method = wanted === undefined ? undefined : fallback?.method(this.#name)
    if (method === undefined) return this.#missing(error)
    const done = this.#ask(method, args)
    if (wanted !== 'also') return done
    return whenReady(done, () => this.#missing(error))
  }

  #ask(method: Method, args: readonly unknown[]): MaybePromise<unknown> {
    const asked = { backend: `${this.#store.name} fallback`, operation: this.#name }
    try {
      const answer = method(...args)
      if (!isPromise(answer)) return this.#fellBack(answer, args)
      return within(Promise.resolve(answer), this.#options.deadlineMs, asked).then(
        (value) => this.#fellBack(value, args),
        (error: unknown) => this.#missing(error),
      )
    } catch (error) {
      return this.#missing(error)
    }
  }

  #fellBack(answer: unknown, args: readonly unknown[]): unknown {
    const hits = this.#operation.counts?.(answer, args).hits ?? 0
    this.#store.counts.fallbackHits += hits
    return this.#counted(answer, args)
  }

  #counted(answer: unknown, args: readonly unknown[]): unknown {
    const { counts } = this.#operation
    if (counts !== undefined) add(this.#store.counts, counts(answer, args))
    return answer
  }

  #missing(error: unknown): unknown {
    const { missing } = this.#operation
    if (missing === undefined || !this.#options.absorbs) throw error
    return missing()
  }
}

/** Each step goes through the guard; the fallback's keys stand in while the store is out of reach. */
async function* guardedKeys(
  store: StoreParts,
  { fallback: falls }: ViewOptions,
  pattern: string | undefined,
): AsyncGenerator<string> {
  const { backend, guard, fallback } = store
  if (!guard.isInReach) {
    const keys = falls ? fallback?.method('keys') : undefined
    if (keys === undefined) throw guard.outOfReach('keys')
    yield* keys(pattern) as AsyncIterable<string>
    return
  }
  const walk = backend.keys?.(pattern)[Symbol.asyncIterator]()
  if (walk === undefined) return
  try {
    for (;;) {
      const call = { operation: 'keys', deadlineMs: slowMs, repeatable: false }
      const step = await guard.call({ ...call, run: () => walk.next() })
      if (step.done === true) return
      yield step.value
    }
  } finally {
    void walk.return?.()?.catch?.(() => undefined)
  }
}

/** The invalidation state of the store. */
export const guardedTagsOf = (
  { backend, guard, outage }: StoreParts,
  options: { readonly deadlineMs: number; readonly standIn: boolean },
): TagState | undefined =>
  backend.tags === undefined || outage === undefined
    ? undefined
    : guardedTags({ state: backend.tags, guard, outage, ...options })

/** The store as it is to be used: each capability that it has, and no other. */
export const guardedView = (store: StoreParts, options: ViewOptions): CacheBackend => {
  const { backend } = store
  const view: Record<string, unknown> = { name: store.name, close: () => backend.close() }
  for (const [name, operation] of Object.entries(guardedOperations)) {
    const method = methodOf(backend, name)
    if (method === undefined) continue
    const guarded = new GuardedMethod(store, options, name, operation, method)
    view[name] = (...args: readonly unknown[]) => guarded.call(args)
  }
  // Whoever connects, or listens, is told by the store itself.
  for (const name of ['connect', 'subscribe']) {
    const method = methodOf(backend, name)
    if (method !== undefined) view[name] = method
  }
  if (methodOf(backend, 'keys') !== undefined)
    view.keys = (pattern?: string) => guardedKeys(store, options, pattern)
  const tags = guardedTagsOf(store, { deadlineMs: options.deadlineMs, standIn: true })
  if (tags !== undefined) view.tags = tags
  // Built from what the backend has, which is a CacheBackend.
  return view as unknown as CacheBackend
}
