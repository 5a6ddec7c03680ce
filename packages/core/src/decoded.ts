import type { StoredResponse } from './entry.ts'
import { OldestFirst } from './oldest-first.ts'
import type { Validity } from './stamps.ts'

/** A decoded entry with what was last found out about its validity. */
export interface Decoded {
  readonly raw: string
  readonly stored: StoredResponse
  /** The invalidation count and epoch at which `validity` was read; while both stand, no tag need be read. */
  seq: number
  epoch: string
  validity: Validity
  /** When a soft invalidation was first seen: the stale windows count from here. */
  invalidatedAt: number | undefined
  used: boolean
}

/** An entry of which it is not known yet whether it is still valid. */
export const undecided = (raw: string, stored: StoredResponse): Decoded => ({
  raw,
  stored,
  seq: -1,
  epoch: '',
  validity: 'valid',
  invalidatedAt: undefined,
  used: false,
})

/** What an entry costs beside its text and its body: head, fields, bookkeeping. */
const overhead = 1024
const costOf = (decoded: Decoded): number => decoded.raw.length + decoded.stored.body.length + overhead

/**
 * Decoded entries by backend key, so that a hit decodes nothing. Bounded in bytes; what was not used since the last
 * round goes first.
 */
export class DecodedEntries {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Decoded>()
  readonly #oldestFirst = new OldestFirst(this.#entries)
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The decoded form of exactly this text. Comparing a string with itself costs nothing. */
  get(id: string, raw: string): Decoded | undefined {
    const decoded = this.#entries.get(id)
    if (decoded === undefined || decoded.raw !== raw) return undefined
    decoded.used = true
    return decoded
  }

  add(id: string, raw: string, stored: StoredResponse): Decoded {
    const decoded = undecided(raw, stored)
    this.delete(id)
    this.#entries.set(id, decoded)
    this.#oldestFirst.noteChange()
    this.#bytes += costOf(decoded)
    this.#evict()
    return decoded
  }

  delete(id: string): void {
    const decoded = this.#entries.get(id)
    if (decoded === undefined) return
    this.#bytes -= costOf(decoded)
    this.#entries.delete(id)
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #evict(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#oldestFirst.next()
      if (oldest === undefined) return
      const [id, decoded] = oldest
      this.#entries.delete(id)
      if (decoded.used) {
        decoded.used = false
        this.#entries.set(id, decoded)
      } else {
        this.#bytes -= costOf(decoded)
      }
    }
  }
}
