import { loadTags, userTag } from './entry-tags.ts'
import { isRecentAt } from './flights.ts'
import type { KeptValues, Known } from './kept-values.ts'
import { type LoadContext, type LoadRules, requireLifetime } from './load.ts'
import { RecentMarks } from './recent-marks.ts'
import type { Stamp } from './stamp.ts'
import type { LoadMarks } from './value-entry.ts'

/** What loads of one cache share. */
export interface LoadParts {
  readonly kept: KeptValues
  readonly clock: () => number
  /** A refresh has failed: nobody waits for it. */
  readonly failed: (error: unknown) => void
}

export type Load<T> = (context: LoadContext<T>) => Promise<T> | T

/** One call: what it asks for, and what there was when it came. */
interface Call {
  readonly key: string
  readonly load: Load<unknown>
  readonly rules: LoadRules
  readonly known: Known
  readonly stamp: Stamp | undefined
  /** Invalidations that this process had made by then. */
  readonly count: number
}

/** What a load came to; without marks nothing could be kept of it. */
interface Loaded {
  readonly value: unknown
  readonly marks: LoadMarks | undefined
}

interface Fate {
  /** Whether the value has been set or deleted since: what is being loaded may be older. */
  readonly isOver: boolean
}

/** A class, for V8 gives each literal with an accessor a hidden class of its own. */
class FateAmongMany implements Fate {
  readonly #isOver: () => boolean

  constructor(isOver: () => boolean) {
    this.#isOver = isOver
  }

  get isOver(): boolean {
    return this.#isOver()
  }
}

interface Flight {
  readonly fate: { isOver: boolean }
  readonly loaded: Promise<Loaded>
  readonly count: number
  readonly began: number
}

const mostFlights = 10_000
const longestWaitMs = 5000
/** After a refresh that failed, the next one of its key waits so long. */
const backOffMs = 1000
const mostAttempts = 3

/** `getOrSet`: one load for concurrent calls, stale windows, and no value from before an invalidation. */
export class Loads {
  readonly #parts: LoadParts
  readonly #flights = new Map<string, Flight>()
  readonly #failing: RecentMarks
  readonly #closing = new AbortController()
  #count = 0
  #changes = 0

  constructor(parts: LoadParts) {
    this.#parts = parts
    this.#failing = new RecentMarks(backOffMs, parts.clock)
  }

  close(): void {
    this.#closing.abort()
  }

  /** To be told of every invalidation of this process: where the store counts for nobody, this does. */
  noteInvalidation(): void {
    this.#count += 1
  }

  /** These have been set or deleted, or all: nothing that is being loaded is kept, nor handed to who comes later. */
  noteChange(keys: Iterable<string> = this.#flights.keys()): void {
    this.#changes += 1
    for (const key of [...keys]) {
      const flight = this.#flights.get(key)
      if (flight === undefined) continue
      flight.fate.isOver = true
      this.#flights.delete(key)
    }
  }

  async get<T>(key: string, load: Load<T>, rules: LoadRules): Promise<T> {
    const count = this.#count
    const { kept } = this.#parts
    const { stamp, found } = await kept.find(key)
    const known = await kept.judge(found, stamp)
    if (known.use === 'fresh') return known.value as T
    const call: Call = { key, load: load as Load<unknown>, rules, known, stamp, count }
    if (known.use === 'refresh') {
      this.#refresh(call)
      return known.value as T
    }
    try {
      return (await this.#join(call)) as T
    } catch (error) {
      if (known.use === 'error') return known.value as T
      throw error
    }
  }

  #refresh(call: Call): void {
    const { key } = call
    if (this.#flights.has(key) || this.#failing.has(key)) return
    this.#lead(call).catch((error: unknown) => {
      this.#failing.add(key)
      this.#parts.failed(error)
    })
  }

  /** Waits for the load that runs, where what it brings is not older than this call; else loads. */
  async #join(call: Call): Promise<unknown> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const running = this.#flights.get(call.key)
      const recent = running !== undefined && isRecentAt(this.#parts.clock(), running.began)
      // Without the store nobody knows what others have invalidated since: who comes late waits for a later load.
      if (running === undefined || (call.stamp === undefined && !recent)) break
      const loaded = await unlessTooLong(running.loaded, longestWaitMs)
      if (loaded === undefined) {
        // It takes too long; the first of those who waited loads for the others.
        if (this.#flights.get(call.key) === running) break
        continue
      }
      if (await this.#mayShare(loaded, recent && running.count === call.count, call)) return loaded.value
    }
    return (await this.#lead(call)).value
  }

  async #mayShare({ marks }: Loaded, recent: boolean, { stamp }: Call): Promise<boolean> {
    if (marks === undefined || stamp === undefined) return recent
    return (await this.#parts.kept.validity(marks, stamp)) === 'valid'
  }

  #lead(call: Call): Promise<Loaded> {
    const { key, count } = call
    const began = this.#parts.clock()
    if (this.#flights.size >= mostFlights) return this.#load(call, this.#fateAmongMany())
    const fate = { isOver: false }
    const loaded = this.#load(call, fate)
    const flight: Flight = { fate, loaded, count, began }
    this.#flights.set(key, flight)
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    loaded.then(land, land)
    return loaded
  }

  /** That of a load which nobody can tell of changes of its own key: any may be one. */
  #fateAmongMany(): Fate {
    const changes = this.#changes
    return new FateAmongMany(() => this.#changes !== changes)
  }

  async #load({ key, load, rules, known, stamp }: Call, fate: Fate): Promise<Loaded> {
    const tags = new Set(rules.tags)
    let { ttl } = rules
    const value = await load({
      ttl: (duration) => {
        ttl = requireLifetime('getOrSet: ttl', duration)
      },
      tag: (...more) => {
        for (const tag of more) tags.add(String(tag))
      },
      stale: known.value,
      signal: this.#closing.signal,
    })
    if (stamp === undefined || fate.isOver) return { value, marks: undefined }
    const { staleWhileRevalidate, staleIfError } = rules
    const { seq, epoch, run } = stamp
    const all = [...loadTags(key), ...[...tags].map(userTag)]
    const marks: LoadMarks = { staleWhileRevalidate, staleIfError, tags: all, stamp: seq, epoch, run }
    await this.#parts.kept.put(key, value, ttl, marks)
    return { value, marks }
  }
}

/** What a promise resolves to, or undefined where that takes too long. */
const unlessTooLong = <T>(promise: Promise<T>, ms: number): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    timer.unref()
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
