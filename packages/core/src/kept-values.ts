import type { AbsorbingCalls } from './absorbing-calls.ts'
import type { CacheBackend } from './backend.ts'
import { FirstSeen } from './first-seen.ts'
import { type MaybePromise, whenReady } from './message.ts'
import type { Serializer } from './serializer.ts'
import type { Stamp, Validity } from './stamp.ts'
import type { Stamps } from './stamps.ts'
import { decodeValue, encodeValue, isOfThisFormat, type LoadMarks, type ValueText } from './value-entry.ts'

export interface KeptParts {
  readonly backend: CacheBackend
  readonly stamps: Stamps
  readonly calls: AbsorbingCalls
  readonly serializer: Serializer
  readonly clock: () => number
  /** The backend's key of a value. */
  readonly keyOf: (key: string) => string
  /** A value of this format is damaged. */
  readonly damaged: (error: Error) => void
}

/** A value that was found, and what may be done with it now. */
export interface Known {
  readonly value: unknown
  readonly use: 'fresh' | 'refresh' | 'error' | 'none'
}

const nothing: Known = { value: undefined, use: 'none' }

/** Values in a store, and whether they may still be used: nothing from before an invalidation, nothing damaged. */
export class KeptValues {
  readonly #parts: KeptParts
  /** When a soft invalidation was first seen. */
  readonly #softened = new FirstSeen()

  constructor(parts: KeptParts) {
    this.#parts = parts
  }

  /** What is kept under a key, where it may be used without asking anybody; the store's failures are thrown. */
  async peek(key: string): Promise<ValueText | undefined> {
    const { backend, stamps, keyOf, clock } = this.#parts
    const read = async (): Promise<string | null> => backend.get(keyOf(key))
    const [stamp, raw] = await Promise.all([stamps.now(), read()])
    return this.usable(key, raw, clock(), stamp)
  }

  async usable(key: string, raw: string | null, now: number, stamp: Stamp): Promise<ValueText | undefined> {
    const found = raw === null ? undefined : this.#read(raw, key)
    if (found === undefined || (found.expiresAt !== null && now > found.expiresAt)) return undefined
    if (found.load === undefined) return found
    return (await this.#parts.stamps.check(found.load, stamp)) === 'valid' ? found : undefined
  }

  /** The clock is read no later than the value. */
  async find(key: string): Promise<{ stamp: Stamp | undefined; found: ValueText | undefined }> {
    const { backend, stamps, calls, keyOf } = this.#parts
    const code = 'BACKEND_READ'
    const [stamp, raw] = await Promise.all([
      calls.make<Stamp | undefined>({
        code,
        operation: 'tags.head',
        run: () => stamps.now(),
        otherwise: undefined,
      }),
      calls.make({ code, operation: 'get', run: () => backend.get(keyOf(key)), otherwise: null }),
    ])
    return { stamp, found: typeof raw === 'string' ? this.#read(raw, key) : undefined }
  }

  /** Whether a load with these marks still counts; without a clock nobody can tell. */
  validity(marks: LoadMarks, stamp: Stamp | undefined): MaybePromise<Validity> {
    if (stamp === undefined) return 'removed'
    return this.#parts.calls.make<Validity>({
      code: 'BACKEND_READ',
      operation: 'tags.read',
      run: () => this.#parts.stamps.check(marks, stamp),
      otherwise: 'removed',
    })
  }

  /** What may be done now with what was found at a clock. */
  async judge(found: ValueText | undefined, stamp: Stamp | undefined): Promise<Known> {
    if (found === undefined) return nothing
    const validity = found.load === undefined ? 'valid' : await this.validity(found.load, stamp)
    if (validity === 'removed') return nothing
    const use = this.#useOf(found, validity)
    if (use === 'none') return nothing
    try {
      return { value: this.#parts.serializer.decode(found.text), use }
    } catch {
      return nothing
    }
  }

  async put(key: string, value: unknown, ttl: number, load: LoadMarks): Promise<void> {
    const { backend, stamps, calls, serializer, clock, keyOf } = this.#parts
    const createdAt = clock()
    const expiresAt = Number.isFinite(ttl) ? createdAt + ttl : null
    const kept = (ttl + Math.max(load.staleWhileRevalidate, load.staleIfError)) / 1000
    await calls.make<unknown>({
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

  #useOf(found: ValueText, validity: 'valid' | 'stale'): Known['use'] {
    const now = this.#parts.clock()
    const since = found.expiresAt === null ? Number.NEGATIVE_INFINITY : now - found.expiresAt
    if (validity === 'valid' && since < 0) return 'fresh'
    const staleFor = validity === 'valid' ? since : Math.max(since, now - this.#softenedAt(found, now))
    const { staleWhileRevalidate = 0, staleIfError = 0 } = found.load ?? {}
    return staleFor < staleWhileRevalidate ? 'refresh' : staleFor < staleIfError ? 'error' : 'none'
  }

  #softenedAt({ key, createdAt, load }: ValueText, now: number): number {
    return this.#softened.at(`${load?.stamp} ${createdAt} ${this.#parts.keyOf(key)}`, now)
  }
}
