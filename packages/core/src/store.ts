import type { AbsorbingCalls } from './absorbing-calls.ts'
import type { CacheBackend } from './backend.ts'
import { BoundedMap } from './bounded-map.ts'
import { decode, encode } from './codec.ts'
import { Decoded, DecodedEntries } from './decoded.ts'
import type { StoredResponse } from './entry.ts'
import { FirstSeen } from './first-seen.ts'
import { type Key, keyOf, variantKey } from './key.ts'
import { type FieldMap, isPromise, type MaybePromise, whenReady } from './message.ts'
import type { Reports } from './reports.ts'
import { selectingValues, unionVary } from './semantics/vary.ts'
import type { Stamp } from './stamp.ts'
import type { Stamps } from './stamps.ts'
import { recordIn, VariantRecords } from './variant-records.ts'

/** What was found for a request. */
export interface Found {
  /** Undefined where the invalidation clock cannot be read: nothing may be reused or stored then. */
  readonly stamp: Stamp | undefined
  /** What this process had invalidated by then; undefined where that is not known for all that the handler has loaded. */
  readonly here: Stamp | undefined
  readonly primary: Key
  /** Where the selected response lies or would lie. */
  readonly key: Key
  /** The fields by which the responses of this primary key are known to vary. */
  readonly fields: readonly string[]
  /** The selected response; undefined where there is none, or it was invalidated. */
  readonly entry: Decoded | undefined
}

/** What was found, for a request that had met the cache before: what its handler loaded may be as old as that. */
export const stampedAt = (found: Found, stamp: Stamp | undefined): Found => ({
  ...found,
  stamp,
  here: undefined,
})

/** Decoded copies, in bytes of text and body. */
const decodedBytes = 32 * 1024 * 1024
const mostVaryMemos = 10_000
/** A longer value than any entry of the largest body that a policy allows is not looked at. */
const longestValue = 256 * 1024 * 1024
const noFields: readonly string[] = []

/** A store that answers with anything else is broken; what JavaScript has for nothing is nothing. */
const textOf = (value: unknown): string | null => {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return null
  throw new TypeError(`the backend answered with ${typeof value}, not with text`)
}

/** Stored responses of one cache: reads and writes that never throw, decode once, and know about variants. */
export class EntryStore {
  readonly #backend: CacheBackend
  readonly #stamps: Stamps
  readonly #calls: AbsorbingCalls
  readonly #reports: Reports
  readonly #clock: () => number
  readonly #decoded = new DecodedEntries(decodedBytes)
  /** Fields that a response under way turned out to vary by, before its record is in the store. */
  readonly #varyMemo = new BoundedMap<readonly string[]>(mostVaryMemos)
  /** When a soft invalidation was first seen: its windows begin once, though the decoded copy may go and come again. */
  readonly #softened = new FirstSeen()
  readonly #records: VariantRecords

  constructor(
    backend: CacheBackend,
    stamps: Stamps,
    calls: AbsorbingCalls,
    reports: Reports,
    clock: () => number,
  ) {
    this.#backend = backend
    this.#stamps = stamps
    this.#calls = calls
    this.#reports = reports
    this.#clock = clock
    this.#records = new VariantRecords(
      {
        get: (id) => this.#get(id),
        set: (id, raw, ttl) => this.#set(id, raw, ttl),
        drop: (ids, fields) => this.#drop(ids, fields),
      },
      clock,
    )
  }

  /** The selected response for a primary key and a request's header fields (RFC 9111 §4.1). */
  find(primary: Key, headers: FieldMap): MaybePromise<Found> {
    const here = this.#stamps.here()
    const stamp = this.stamp()
    const raw = this.#get(primary.id)
    if (isPromise(stamp) || isPromise(raw))
      return Promise.all([stamp, raw]).then(([s, r]) => this.#select({ primary, here, stamp: s }, headers, r))
    return this.#select({ primary, here, stamp }, headers, raw)
  }

  stamp(): MaybePromise<Stamp | undefined> {
    return this.#calls.make<Stamp | undefined>({
      code: 'BACKEND_READ',
      operation: 'tags.head',
      run: () => this.#stamps.now(),
      otherwise: undefined,
    })
  }

  /** What another request brought, where it is still valid: by the store's count, or by this process's own. */
  async verifyShared(stored: StoredResponse, here: Stamp | undefined): Promise<Decoded | undefined> {
    const entry = new Decoded('', stored)
    const stamp = await this.stamp()
    if (stamp !== undefined) return this.verify(entry, stamp)
    if (here === undefined) return undefined
    // What others invalidate cannot be known meanwhile: nobody waits so long that it would matter.
    return (await this.#stamps.checkHere(stored, here)) === 'valid' ? entry : undefined
  }

  /** Whether an entry is still valid, counted from this moment; the same question at the same count costs nothing. */
  verify(entry: Decoded, stamp: Stamp): MaybePromise<Decoded | undefined> {
    if (entry.seq === stamp.seq && entry.epoch === stamp.epoch)
      return entry.validity === 'removed' ? undefined : entry
    const validity = this.#calls.make({
      code: 'BACKEND_READ',
      operation: 'tags.read',
      run: () => this.#stamps.check(entry.stored, stamp),
      otherwise: undefined,
    })
    return whenReady(validity, (known) => {
      if (known === undefined) return undefined
      if (known === 'stale' && entry.validity !== 'stale') entry.invalidatedAt = this.#softenedAt(entry)
      entry.validity = known
      entry.seq = stamp.seq
      entry.epoch = stamp.epoch
      return known === 'removed' ? undefined : entry
    })
  }

  #softenedAt({ stored }: Decoded): number {
    return this.#softened.at(`${stored.stamp} ${stored.responseTime} ${keyOf(stored.key).id}`, this.#clock())
  }

  /** Remembers at once by what a response varies, for the requests that come before it is stored. */
  learnVary(primary: Key, fields: readonly string[]): void {
    this.#varyMemo.set(primary.id, unionVary(this.#varyMemo.get(primary.id) ?? noFields, fields))
  }

  /** Stores a response for `ttl` seconds; as a variant where it, or another of its primary key, varies. */
  put(found: Found, stored: StoredResponse, ttl: number): MaybePromise<boolean> {
    const raw = found.stamp === undefined ? undefined : encode(stored)
    if (raw === undefined) return false
    const { primary, key, fields } = found
    const settled = this.#call('BACKEND_INVALIDATE', 'settle', () =>
      whenReady(this.#stamps.settle(), () => true),
    )
    return whenReady(settled, (ready) => {
      if (!ready) return false
      return whenReady(this.#set(key.id, raw, ttl), (done) => {
        if (!done) return false
        this.#decoded.add(key.id, raw, stored)
        return key === primary ? true : this.#records.add({ primary, key, fields, ttl })
      })
    })
  }

  delete(key: Key): MaybePromise<boolean> {
    this.#decoded.delete(key.id)
    return this.#call('BACKEND_DELETE', 'delete', () => whenReady(this.#backend.delete(key.id), () => true))
  }

  clear(): void {
    this.#decoded.clear()
    this.#varyMemo.clear()
  }

  /** Where a response that varies by `fields` belongs. */
  place(found: Found, fields: readonly string[], headers: FieldMap): Found {
    const all = unionVary(found.fields, fields)
    if (all.length === 0) return found
    return { ...found, fields: all, key: variantKey(found.primary, all, selectingValues(all, headers)) }
  }

  #call(
    code: 'BACKEND_WRITE' | 'BACKEND_DELETE' | 'BACKEND_INVALIDATE',
    operation: string,
    run: () => MaybePromise<boolean>,
  ) {
    return this.#calls.make({ code, operation, run, otherwise: false })
  }

  /** Null where there is nothing, undefined where the backend has failed. */
  #get(id: string): MaybePromise<string | null | undefined> {
    return this.#calls.make<string | null | undefined>({
      code: 'BACKEND_READ',
      operation: 'get',
      run: () => whenReady(this.#backend.get(id), textOf),
      otherwise: undefined,
    })
  }

  #set(id: string, raw: string, ttl: number): MaybePromise<boolean> {
    return this.#call('BACKEND_WRITE', 'set', () => whenReady(this.#backend.set(id, raw, ttl), () => true))
  }

  #select(
    asked: Pick<Found, 'primary' | 'here' | 'stamp'>,
    headers: FieldMap,
    raw: string | null | undefined,
  ): MaybePromise<Found> {
    const { primary, here, stamp } = asked
    const record = recordIn(raw, primary)
    const memo = this.#varyMemo.get(primary.id)
    const fields =
      memo === undefined ? (record?.fields ?? noFields) : unionVary(record?.fields ?? noFields, memo)
    if (fields.length === 0)
      return this.#found({ stamp, here, primary, key: primary, fields, entry: undefined }, raw)
    const key = variantKey(primary, fields, selectingValues(fields, headers))
    const found = { stamp, here, primary, key, fields, entry: undefined }
    // A backend that has just failed is not asked, and waited for, once more.
    if (raw === undefined || stamp === undefined) return found
    return whenReady(this.#get(key.id), (variant) => this.#found(found, variant))
  }

  #found(found: Found, raw: string | null | undefined): MaybePromise<Found> {
    if (raw === null || raw === undefined || found.stamp === undefined) return found
    const decoded = this.#decode(found.key, raw)
    if (decoded === undefined) return found
    return whenReady(this.verify(decoded, found.stamp), (entry) =>
      entry === undefined ? found : { ...found, entry },
    )
  }

  #decode(key: Key, raw: string): Decoded | undefined {
    const known = this.#decoded.get(key.id, raw)
    if (known !== undefined) return known
    const stored = raw.length <= longestValue ? decode(raw, key.full) : undefined
    if (stored !== undefined) return this.#decoded.add(key.id, raw, stored)
    this.#reports.error(
      'ENTRY_UNREADABLE',
      'decode',
      new Error('a stored value is damaged or belongs to another key'),
    )
    void this.delete(key)
    return undefined
  }

  #drop(ids: readonly string[], fields: readonly string[]): void {
    const names = fields.join(', ')
    this.#reports.error('VARIANTS_EXCEEDED', 'set', new Error(`too many variants by ${names}`))
    for (const id of ids) void this.delete({ id, full: id })
  }
}
