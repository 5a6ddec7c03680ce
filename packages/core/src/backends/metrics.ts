import type { BackendStats, CacheBackend, TagState } from '../backend.ts'
import { isPromise, type MaybePromise, whenReady } from '../message.ts'
import { backendMethods, methodsOf } from './pass-through.ts'
import { RelayedStats, WrapperCounts } from './relayed-stats.ts'

/**
 * What one operation has cost: milliseconds.
 *
 * @example
 * const { calls, p99 }: OperationMetrics = (await backend.stats()).operations.get
 */
export interface OperationMetrics {
  readonly calls: number
  readonly errors: number
  readonly totalMs: number
  readonly maxMs: number
  /** Of the calls so far: an upper bound, exact to a factor of two. */
  readonly p50: number
  readonly p99: number
  /** Calls by the bound that they stayed within. */
  readonly histogram: readonly { readonly atMostMs: number; readonly calls: number }[]
}

/**
 * Statistics of `metrics()`: those of the backend, and each operation's own.
 *
 * @example
 * const stats: MetricsStats = await metrics(memory()).stats()
 * console.log(JSON.stringify(stats))
 */
export interface MetricsStats extends BackendStats {
  readonly operations: Readonly<Record<string, OperationMetrics>>
}

/**
 * What `metrics()` gives.
 *
 * @example
 * const backend: MetricsBackend = metrics(memory())
 */
export interface MetricsBackend extends CacheBackend {
  stats(): MaybePromise<MetricsStats>
}

/** From a thousandth of a millisecond on, doubling: the last one is above 4 minutes. */
const bounds: readonly number[] = Array.from({ length: 29 }, (_, index) => 2 ** index / 1000)

/** Calls and times of one operation, in the same few numbers however many calls there are. */
class Timing {
  readonly #buckets = new Array<number>(bounds.length + 1).fill(0)
  #calls = 0
  #errors = 0
  #totalMs = 0
  #maxMs = 0

  note(ms: number, failed: boolean): void {
    this.#calls++
    if (failed) this.#errors++
    this.#totalMs += ms
    this.#maxMs = Math.max(this.#maxMs, ms)
    const bucket = Math.max(0, Math.ceil(Math.log2(ms * 1000)))
    const index = Number.isFinite(bucket) ? Math.min(bucket, bounds.length) : 0
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1
  }

  get metrics(): OperationMetrics {
    const histogram = this.#buckets
      .map((calls, index) => ({ atMostMs: bounds[index] ?? Number.POSITIVE_INFINITY, calls }))
      .filter(({ calls }) => calls > 0)
    return {
      calls: this.#calls,
      errors: this.#errors,
      totalMs: this.#totalMs,
      maxMs: this.#maxMs,
      p50: this.#within(0.5),
      p99: this.#within(0.99),
      histogram,
    }
  }

  #within(share: number): number {
    let seen = 0
    for (const [index, calls] of this.#buckets.entries()) {
      seen += calls
      if (seen >= share * this.#calls && seen > 0) return Math.min(bounds[index] ?? this.#maxMs, this.#maxMs)
    }
    return 0
  }
}

/** The timings of one backend: one for each operation that it has. */
class Timings extends WrapperCounts {
  #byName = new Map<string, Timing>()

  timed<T>(name: string, run: () => MaybePromise<T>): MaybePromise<T> {
    const began = performance.now()
    const ended = (failed: boolean): void => this.#of(name).note(performance.now() - began, failed)
    try {
      const answer = run()
      if (!isPromise(answer)) {
        ended(false)
        return answer
      }
      answer.then(
        () => ended(false),
        () => ended(true),
      )
      return answer
    } catch (error) {
      ended(true)
      throw error
    }
  }

  override reset(): void {
    super.reset()
    this.#byName = new Map()
  }

  get operations(): Readonly<Record<string, OperationMetrics>> {
    return Object.fromEntries([...this.#byName].map(([name, timing]) => [name, timing.metrics]))
  }

  #of(name: string): Timing {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const timing = new Timing()
    this.#byName.set(name, timing)
    return timing
  }
}

class Snapshot extends RelayedStats implements MetricsStats {
  readonly operations: Readonly<Record<string, OperationMetrics>>
  readonly #timings: Timings
  readonly #store: BackendStats | undefined

  constructor(name: string, timings: Timings, store: BackendStats | undefined) {
    // A backend without statistics of its own has those of the wrapper.
    super(name, store, store ?? timings)
    this.#timings = timings
    this.#store = store
    this.operations = timings.operations
    this.errors = Object.values(this.operations).reduce((sum, { errors }) => sum + errors, 0)
  }

  override reset(): void {
    super.reset()
    this.#store?.reset()
    this.#timings.reset()
  }

  override toJSON(): Record<string, unknown> {
    return { ...this.#store?.toJSON(), ...super.toJSON(), operations: this.operations }
  }
}

const timedTags = (state: TagState, timings: Timings): TagState => ({
  head: () => timings.timed('tags.head', () => state.head()),
  read: (tags, epoch) => timings.timed('tags.read', () => state.read(tags, epoch)),
  bump: (tags) => timings.timed('tags.bump', () => state.bump(tags)),
})

/**
 * A backend with counts, errors and latencies of each operation, in `stats()`. A backend that answers at once still
 * does; `keys` is handed on without being timed.
 *
 * @example
 * const backend = metrics(memory())
 * const { operations } = await backend.stats()
 * console.log(operations.get?.p99)
 */
export const metrics = (backend: CacheBackend): MetricsBackend => {
  const timings = new Timings()
  const name = backend.name ?? 'backend'
  const methods = methodsOf(backend)
  const made: Record<string, unknown> = { name, ...methods }
  for (const each of backendMethods) {
    const method = methods[each]
    if (method === undefined || each === 'keys' || each === 'stats') continue
    made[each] = (...args: readonly unknown[]) =>
      timings.timed(each, () => method(...args) as MaybePromise<unknown>)
  }
  const { get, set, delete: remove } = made as unknown as CacheBackend
  // A backend without statistics of its own has these.
  const counted: Pick<CacheBackend, 'get' | 'set' | 'delete'> = {
    get: (key) =>
      whenReady(get(key), (value) => {
        if (value === null) timings.misses++
        else timings.hits++
        return value
      }),
    set: (key, value, ttl) => {
      timings.sets++
      return set(key, value, ttl)
    },
    delete: (key) => {
      timings.deletes++
      return remove(key)
    },
  }
  return {
    ...(made as unknown as CacheBackend),
    ...(backend.stats === undefined ? counted : {}),
    ...(backend.tags === undefined ? {} : { tags: timedTags(backend.tags, timings) }),
    stats: () => whenReady(backend.stats?.(), (store) => new Snapshot(name, timings, store)),
  }
}
