import type { Key } from './key.ts'
import { type MaybePromise, whenReady } from './message.ts'
import {
  addVariant,
  decodeVariants,
  encodeVariants,
  expiryOf,
  isVariantRecord,
  type VariantRecord,
} from './variants.ts'

/** A variant that belongs into the record of its primary key. */
interface Variant {
  readonly primary: Key
  readonly key: Key
  /** The fields that its key names. */
  readonly fields: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

/** Variants that wait for a record, and whether the record they are in was written. */
interface Queue {
  readonly variants: Variant[]
  readonly written: Promise<boolean>
}

/** Where records lie. */
interface RecordStore {
  /** Null where there is nothing, undefined where the backend has failed. */
  get(id: string): MaybePromise<string | null | undefined>
  /** Whether it was written. */
  set(id: string, raw: string, ttl: number): MaybePromise<boolean>
  /** Variants that had to go, and the fields by which they vary. */
  drop(ids: readonly string[], fields: readonly string[]): void
}

const noFields: readonly string[] = []

/** The variant record in the value at a primary key; undefined where that is something else. */
export const recordIn = (raw: string | null | undefined, primary: Key): VariantRecord | undefined =>
  typeof raw === 'string' && isVariantRecord(raw) ? decodeVariants(raw, primary.full) : undefined

/** The records of one store: two writers of one record at a time would lose each other's variants. */
export class VariantRecords {
  readonly #store: RecordStore
  readonly #clock: () => number
  /** Variants that wait for the record of their primary key, while it is being written. */
  readonly #queues = new Map<string, Queue>()

  constructor(store: RecordStore, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  /** Enters a variant into the record at its primary key; whether that was written. */
  add(variant: Variant): MaybePromise<boolean> {
    const queue = this.#queues.get(variant.primary.id)
    if (queue === undefined) return this.#enter(variant.primary, [variant])
    queue.variants.push(variant)
    return queue.written
  }

  #enter(primary: Key, variants: readonly Variant[]): MaybePromise<boolean> {
    let settle: (written: MaybePromise<boolean>) => void = () => undefined
    const queue: Queue = { variants: [], written: new Promise((resolve) => (settle = resolve)) }
    this.#queues.set(primary.id, queue)
    const written = whenReady(this.#store.get(primary.id), (raw) =>
      raw === undefined ? false : this.#extend(primary, recordIn(raw, primary), variants),
    )
    return whenReady(written, (done) => {
      if (queue.variants.length === 0) this.#queues.delete(primary.id)
      else settle(this.#enter(primary, queue.variants))
      return done
    })
  }

  #extend(
    primary: Key,
    known: VariantRecord | undefined,
    variants: readonly Variant[],
  ): MaybePromise<boolean> {
    const now = this.#clock()
    let record: VariantRecord = known ?? { key: primary.full, fields: noFields, variants: [] }
    for (const { key, fields, ttl } of variants) {
      // Ids name their fields: variants by other fields can never be selected again.
      const same = record.fields.join() === fields.join()
      const base = same ? record : { key: primary.full, fields, variants: [] }
      const added = addVariant(base, key.id, now + ttl * 1000, now)
      if (added.dropped.length > 0) this.#store.drop(added.dropped, fields)
      record = added.record
    }
    return this.#store.set(primary.id, encodeVariants(record), (expiryOf(record) - now) / 1000)
  }
}
