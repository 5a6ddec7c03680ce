import type { CacheBackend } from './backend.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Deadline } from './deadline.ts'
import { isRecentAt } from './flights.ts'
import { type LoadContext, type LoadRules, requireLifetime } from './load.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { RecentMarks } from './recent-marks.ts'
import { loadTags, userTag } from './selector.ts'
import type { Serializer } from './serializer.ts'
import type { Stamp, Stamps, Validity } from './stamps.ts'
import { decodeValue, encodeValue, isOfThisFormat, type LoadMarks, type ValueText } from './value-entry.ts'

/** What loads of one cache share. */
export interface LoadParts {
  readonly backend: CacheBackend
  readonly stamps: Stamps
  readonly deadline: Deadline
  readonly serializer: Serializer
  readonly clock: () => number
  /** The backend's key of a value. */
  readonly keyOf: (key: string) => string
  /** A refresh has failed: nobody waits for it. */
  readonly failed: (error: unknown) => void
  /** A value of this format is damaged. */
  readonly damaged: (error: Error) => void
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

/** A value that was found, and what may be done with it now. */
interface Known {
  readonly value: unknown
  readonly use: 'fresh' | 'refresh' | 'error' | 'none'
}

/** What a load came to; without marks nothing could be kept of it. */
interface Loaded {
  readonly value: unknown
  readonly marks: LoadMarks | undefined
}

interface Flight {
  readonly loaded: Promise<Loaded>
  readonly count: number
  readonly began: number
}

const mostFlights = 10_000
const mostSoftened = 10_000
const longestWaitMs = 5000
/** After a refresh that failed, the next one of its key waits so long. */
const backOffMs = 1000
const mostAttempts = 3
const nothing: Known = { value: undefined, use: 'none' }

/** `getOrSet`: one load for concurrent calls, stale windows, and no value from before an invalidation. */
export class Loads {
  readonly #parts: LoadParts
  readonly #flights = new Map<string, Flight>()
  readonly #failing: RecentMarks
  readonly #closing = new AbortController()
  /** When a soft invalidation was first seen. */
  readonly #softened = new BoundedMap<number>(mostSoftened)
  #count = 0

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

  async get<T>(key: string, load: Load<T>, rules: LoadRules): Promise<T> {
    const count = this.#count
    const { stamp, found } = await this.#find(key)
    const known = await this.#judge(found, stamp)
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

  /** What is kept under a key, where it may be used without asking anybody; the store's failures are thrown. */
  async peek(key: string): Promise<ValueText | undefined> {
    const { backend, stamps, keyOf, clock } = this.#parts
    const [stamp, raw] = await Promise.all([stamps.now(), backend.get(keyOf(key))])
    return this.usable(key, raw, clock(), stamp)
  }

  async usable(key: string, raw: string | null, now: number, stamp: Stamp): Promise<ValueText | undefined> {
    const found = raw === null ? undefined : this.#read(raw, key)
    if (found === undefined || (found.expiresAt !== null && now > found.expiresAt)) return undefined
    if (found.load === undefined) return found
    return (await this.#parts.stamps.check(found.load, stamp)) === 'valid' ? found : undefined
  }

  /** What is damaged goes; what somebody else has under this key is left alone. */
  #read(raw: string, key: string): ValueText | undefined {
    const found = decodeValue(raw, key)
    if (found !== undefined || !isOfThisFormat(raw)) return found
    const { backend, damaged, keyOf } = this.#parts
    damaged(new Error('a stored value is damaged or belongs to another key'))
    const gone = async (): Promise<void> => backend.delete(keyOf(key))
    // What cannot be deleted is found damaged again.
    gone().catch(() => undefined)
    return undefined
  }

  /** The clock is read no later than the value. */
  async #find(key: string): Promise<{ stamp: Stamp | undefined; found: ValueText | undefined }> {
    const { backend, stamps, deadline, keyOf } = this.#parts
    const code = 'BACKEND_READ'
    const [stamp, raw] = await Promise.all([
      deadline.call<Stamp | undefined>({
        code,
        operation: 'tags.head',
        run: () => stamps.now(),
        otherwise: undefined,
      }),
      deadline.call({ code, operation: 'get', run: () => backend.get(keyOf(key)), otherwise: null }),
    ])
    return { stamp, found: typeof raw === 'string' ? this.#read(raw, key) : undefined }
  }

  #validity(marks: LoadMarks, stamp: Stamp | undefined): MaybePromise<Validity> {
    if (stamp === undefined) return 'removed'
    return this.#parts.deadline.call<Validity>({
      code: 'BACKEND_READ',
      operation: 'tags.read',
      run: () => this.#parts.stamps.check(marks, stamp),
      otherwise: 'removed',
    })
  }

  async #judge(found: ValueText | undefined, stamp: Stamp | undefined): Promise<Known> {
    if (found === undefined) return nothing
    const validity = found.load === undefined ? 'valid' : await this.#validity(found.load, stamp)
    if (validity === 'removed') return nothing
    const use = this.#useOf(found, validity)
    if (use === 'none') return nothing
    try {
      return { value: this.#parts.serializer.decode(found.text), use }
    } catch {
      return nothing
    }
  }

  #useOf(found: ValueText, validity: 'valid' | 'stale'): Known['use'] {
    const now = this.#parts.clock()
    const since = found.expiresAt === null ? Number.NEGATIVE_INFINITY : now - found.expiresAt
    if (validity === 'valid' && since < 0) return 'fresh'
    const staleFor = validity === 'valid' ? since : Math.max(since, now - this.#softenedAt(found, now))
    const { staleWhileRevalidate = 0, staleIfError = 0 } = found.load ?? {}
    return staleFor < staleWhileRevalidate ? 'refresh' : staleFor < staleIfError ? 'error' : 'none'
  }

  #softenedAt({ key, createdAt, load }: ValueText, now: number): number {
    const id = `${load?.stamp} ${createdAt} ${this.#parts.keyOf(key)}`
    const known = this.#softened.get(id) ?? now
    this.#softened.set(id, known)
    return known
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
      const loaded = await within(running.loaded, longestWaitMs)
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
    return (await this.#validity(marks, stamp)) === 'valid'
  }

  #lead(call: Call): Promise<Loaded> {
    const { key, count } = call
    const began = this.#parts.clock()
    const loaded = this.#load(call)
    if (this.#flights.size >= mostFlights) return loaded
    const flight: Flight = { loaded, count, began }
    this.#flights.set(key, flight)
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    loaded.then(land, land)
    return loaded
  }

  async #load({ key, load, rules, known, stamp }: Call): Promise<Loaded> {
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
    if (stamp === undefined) return { value, marks: undefined }
    const { staleWhileRevalidate, staleIfError } = rules
    const { seq, epoch, run } = stamp
    const all = [...loadTags(key), ...[...tags].map(userTag)]
    const marks: LoadMarks = { staleWhileRevalidate, staleIfError, tags: all, stamp: seq, epoch, run }
    await this.#store(key, value, ttl, marks)
    return { value, marks }
  }

  async #store(key: string, value: unknown, ttl: number, load: LoadMarks): Promise<void> {
    const { backend, stamps, deadline, serializer, clock, keyOf } = this.#parts
    const createdAt = clock()
    const expiresAt = Number.isFinite(ttl) ? createdAt + ttl : null
    const kept = (ttl + Math.max(load.staleWhileRevalidate, load.staleIfError)) / 1000
    await deadline.call<unknown>({
      code: 'BACKEND_WRITE',
      operation: 'set',
      run: () => {
        const text = serializer.encode(value)
        const raw = encodeValue({ key, text, createdAt, expiresAt, metadata: {}, load })
        return whenReady(stamps.settle(), () => backend.set(keyOf(key), raw, kept))
      },
      otherwise: undefined,
    })
  }
}

/** What a promise resolves to, or undefined where that takes too long. */
const within = <T>(promise: Promise<T>, ms: number): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    timer.unref()
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
