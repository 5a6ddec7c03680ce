import { LRUCache } from 'lru-cache'
import { type KeptText, MemoryTexts, textOf } from './memory-texts.ts'

/** An entry as it lies in memory. */
export interface MemoryEntry {
  readonly text: KeptText
  /** By the backend's clock; Infinity without expiry. At that moment it has expired. */
  readonly expiresAt: number
}

export const textIn = ({ text }: MemoryEntry): string => textOf(text)

/** Where the entries of `memory()` lie: in the order of their use, within so many bytes, whatever their age. */
export class MemoryEntries {
  readonly #maxBytes: number
  readonly #inHeap: boolean
  #lru: LRUCache<string, MemoryEntry>
  #texts: MemoryTexts
  /** Iterates soundly while entries come and go, which the order of use cannot: every read changes that. */
  #keys = new Set<string>()

  /** `inHeap`: every text stays there. Where the heap is measured, what is evicted has to be in it. */
  constructor(maxBytes: number, inHeap: boolean) {
    this.#maxBytes = maxBytes
    this.#inHeap = inHeap
    this.#texts = this.#createTexts()
    this.#lru = this.#createLru()
  }

  get size(): number {
    return this.#lru.size
  }

  get bytes(): number {
    return this.#lru.calculatedSize
  }

  get keys(): ReadonlySet<string> {
    return this.#keys
  }

  values(): Iterable<MemoryEntry> {
    return this.#lru.values()
  }

  has(key: string): boolean {
    return this.#lru.has(key)
  }

  /** A use, which keeps the entry from eviction. */
  use(key: string): MemoryEntry | undefined {
    return this.#lru.get(key)
  }

  peek(key: string): MemoryEntry | undefined {
    return this.#lru.peek(key)
  }

  /** `size`: the bytes that it counts for; others have to go for it where it would be too much. */
  put(key: string, value: string, expiresAt: number, size: number): void {
    this.#lru.set(key, { text: this.#texts.keep(value), expiresAt }, { size })
    this.#keys.add(key)
  }

  discard(key: string): void {
    const lru = this.#lru
    // Deleting its last entry makes lru-cache wipe arrays as long as it ever was; evicting that entry does not.
    if (lru.size > 1) lru.delete(key)
    else if (lru.has(key)) lru.pop()
  }

  /** The one that was used longest ago. */
  evictOldest(): void {
    this.#lru.pop()
  }

  /** How many there were. */
  clear(): number {
    const removed = this.#lru.size
    // A new one, because lru-cache's own clear() walks over every entry.
    this.#texts = this.#createTexts()
    this.#lru = this.#createLru()
    this.#keys = new Set()
    return removed
  }

  #createTexts(): MemoryTexts {
    return new MemoryTexts(this.#inHeap ? Number.POSITIVE_INFINITY : undefined)
  }

  /** Limited by bytes alone: given `max`, lru-cache reserves room for that many entries at once. */
  #createLru(): LRUCache<string, MemoryEntry> {
    return new LRUCache({
      maxSize: Math.min(this.#maxBytes, Number.MAX_SAFE_INTEGER),
      dispose: ({ text }, key, reason) => {
        this.#texts.release(text)
        if (reason !== 'set') this.#keys.delete(key)
      },
    })
  }
}
