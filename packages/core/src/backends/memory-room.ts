/** What room is made in. */
export interface RoomSource {
  readonly entries: () => number
  readonly bytes: () => number
  /** Removes the entry that was used longest ago. */
  readonly evictOldest: () => void
}

export interface RoomLimits {
  readonly maxEntries: number
  readonly maxBytes: number
  /** The share of both that is left once evicting has begun. */
  readonly evictTo: number
  /** The share of the heap above which entries are evicted; undefined for no such limit. */
  readonly heapLimitRatio: number | undefined
}

/** Entries evicted by one write at most, beyond what its own room takes: no write pays for all. */
const mostAtOnce = 16
/** The heap is measured after so many writes, or so many bytes. */
const writesBetween = 64
const bytesBetween = 1024 * 1024
/** What goes when the heap is found too full, before it is measured to be so again. */
const shareUnderPressure = 0.1

/** Makes room beyond what a write needs: down to a low-water mark, and where the heap is nearly full. */
export class MemoryRoom {
  readonly #limits: RoomLimits
  readonly #source: RoomSource
  #draining = false
  /** Entries to evict because of the heap. */
  #owed = 0
  #writes = 0
  #bytes = 0

  constructor(limits: RoomLimits, source: RoomSource) {
    this.#limits = limits
    this.#source = source
  }

  /** A write of `bytes` is done; `evicted`: others had to go for it. How many have gone now. */
  make(bytes: number, evicted: boolean): number {
    if (evicted && this.#limits.evictTo < 1) this.#draining = true
    if (this.#limits.heapLimitRatio !== undefined) this.#measure(bytes, this.#limits.heapLimitRatio)
    let gone = 0
    while (gone < mostAtOnce && this.#source.entries() > 1 && this.#mustEvict()) {
      this.#source.evictOldest()
      gone++
      if (this.#owed > 0) this.#owed--
    }
    return gone
  }

  #mustEvict(): boolean {
    const { maxEntries, maxBytes, evictTo } = this.#limits
    const { entries, bytes } = this.#source
    if (this.#draining) this.#draining = entries() > maxEntries * evictTo || bytes() > maxBytes * evictTo
    return this.#draining || this.#owed > 0
  }

  #measure(bytes: number, ratio: number): void {
    this.#writes++
    this.#bytes += bytes
    if (this.#writes < writesBetween && this.#bytes < bytesBetween) return
    this.#writes = 0
    this.#bytes = 0
    const { used_heap_size: used, heap_size_limit: limit } = process
      .getBuiltinModule('node:v8')
      .getHeapStatistics()
    this.#owed = used > ratio * limit ? Math.ceil(this.#source.entries() * shareUnderPressure) : 0
  }
}
