import type { StoredResponse } from './entry.ts'
import { OldestFirst } from './oldest-first.ts'
import type { Validity } from './stamp.ts'

/** A decoded entry with what was last found out about its validity: at first nothing. */
export class Decoded {
  readonly raw: string
  readonly stored: StoredResponse
  /** The invalidation count and epoch at which `validity` was read; while both stand, no tag need be read. */
  seq = -1
  epoch = ''
  validity: Validity = 'valid'
  /** When a soft invalidation was first seen: the stale windows count from here. */
  invalidatedAt: number | undefined = undefined
  used = false

  constructor(raw: string, stored: StoredResponse) {
    this.raw = raw
    this.stored = stored
  }
}

/** What an entry costs beside its text and its body: head, fields, bookkeeping. */
const overhead = 1024
const costOf = (decoded: Decoded): number => decoded.raw.length + decoded.stored.body.length + overhead

/** Of the entries decoded lately while there was no room; a power of two, a few times what there is room for. */
const candidates = 16_384

/** FNV-1a. Two ids with one hash cost a place, nothing else. */
const hashOf = (id: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/**
 * Decoded entries by backend key, so that a hit decodes nothing. Bounded in bytes. Where there is no more room an entry
 * gets a place at its second decoding, and what was not used since the last round goes first: of a million entries
 * that are asked for alike, each would take the place of another that is as little used, and become garbage that has
 * grown old, which costs far more than decoding it again.
 */
export class DecodedEntries {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Decoded>()
  readonly #oldestFirst = new OldestFirst(this.#entries)
  readonly #candidates = new Uint32Array(candidates)
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

  /** The decoded form, kept where there is room for it. */
  add(id: string, raw: string, stored: StoredResponse): Decoded {
    const decoded = new Decoded(raw, stored)
    const cost = costOf(decoded)
    this.delete(id)
    if (this.#bytes + cost > this.#maxBytes) {
      if (!this.#comesAgain(id)) return decoded
      decoded.used = true
    }
    Object.freeze(stored.headers)
    Object.freeze(stored)
    this.#entries.set(id, decoded)
    this.#oldestFirst.noteChange()
    this.#bytes += cost
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

  /** Whether it was decoded a short while ago; from now on it was. */
  #comesAgain(id: string): boolean {
    const hash = hashOf(id)
    const place = hash % candidates
    if (this.#candidates[place] === hash) return true
    this.#candidates[place] = hash
    return false
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
