/** Bytes of texts that stay strings: so many cost V8's garbage collector nothing to speak of. */
const heapRoom = 64 * 1024 * 1024
const pageBytes = 256 * 1024
const shortest = 128
const longest = 16 * 1024
/** Each size of a slot is so much more than the one before. */
const growth = 1.125

const sizes: readonly number[] = (() => {
  const all = [shortest]
  for (let size = shortest; size < longest; ) {
    size = Math.min(longest, Math.ceil((size * growth) / 8) * 8)
    all.push(size)
  }
  return all
})()

/** The place in `sizes` of the smallest that holds a text, by the eighths of its length. */
const sizeAt = Uint8Array.from({ length: longest / 8 + 1 }, (_, eighths) =>
  sizes.findIndex((size) => size >= eighths * 8),
)
const indexFor = (length: number): number => sizeAt[Math.ceil(length / 8)] ?? sizes.length - 1

/** Equal slots, each for one text. */
class Page {
  readonly size: number
  readonly #bytes = Buffer.allocUnsafeSlow(pageBytes)
  /** Slots that were given back; those beyond `#next` were never given out. */
  readonly #free: number[] = []
  #next = 0
  #used = 0

  constructor(size: number) {
    this.size = size
  }

  get isFull(): boolean {
    return this.#free.length === 0 && (this.#next + 1) * this.size > pageBytes
  }

  get isEmpty(): boolean {
    return this.#used === 0
  }

  /** The slot of a text; undefined where it has characters of more than one byte. */
  write(text: string): number | undefined {
    const slot = this.#free.pop() ?? this.#next++
    this.#used++
    this.#bytes.write(text, slot * this.size, text.length, 'latin1')
    if (this.read(slot, text.length) === text) return slot
    this.release(slot)
    return undefined
  }

  read(slot: number, length: number): string {
    const start = slot * this.size
    return this.#bytes.toString('latin1', start, start + length)
  }

  release(slot: number): void {
    this.#free.push(slot)
    this.#used--
  }
}

/** Where a text lies that is no string. */
class Place {
  readonly page: Page
  readonly slot: number
  readonly length: number

  constructor(page: Page, slot: number, length: number) {
    this.page = page
    this.slot = slot
    this.length = length
  }
}

/** A text as it is kept. */
export type KeptText = string | Place

export const textOf = (kept: KeptText): string =>
  typeof kept === 'string' ? kept : kept.page.read(kept.slot, kept.length)

/**
 * Texts of many entries. V8 looks at each page of its old heap whenever it collects the young one: beyond some room,
 * short texts lie in buffers of their own, of which it knows nothing, and become strings again when they are read.
 */
export class MemoryTexts {
  readonly #room: number
  #heapBytes = 0
  /** By size: pages with free slots. */
  readonly #open = sizes.map(() => new Set<Page>())

  constructor(room = heapRoom) {
    this.#room = room
  }

  keep(text: string): KeptText {
    const { length } = text
    if (this.#heapBytes + length <= this.#room || length > longest) return this.#keepInHeap(text)
    return this.#place(text) ?? this.#keepInHeap(text)
  }

  release(kept: KeptText): void {
    if (typeof kept === 'string') {
      this.#heapBytes -= kept.length
      return
    }
    const { page, slot } = kept
    page.release(slot)
    const open = this.#openFor(page.size)
    open.add(page)
    // One is left for what comes next.
    if (page.isEmpty && open.size > 1) open.delete(page)
  }

  #keepInHeap(text: string): string {
    this.#heapBytes += text.length
    return text
  }

  #place(text: string): Place | undefined {
    const open = this.#openFor(text.length)
    const page = this.#pageOf(open, text.length)
    const slot = page.write(text)
    if (page.isFull) open.delete(page)
    return slot === undefined ? undefined : new Place(page, slot, text.length)
  }

  #pageOf(open: Set<Page>, length: number): Page {
    for (const page of open) return page
    const page = new Page(sizes[indexFor(length)] ?? longest)
    open.add(page)
    return page
  }

  #openFor(length: number): Set<Page> {
    return this.#open[indexFor(length)] as Set<Page>
  }
}
