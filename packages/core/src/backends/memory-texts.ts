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
  readonly slots: number
  readonly #bytes = Buffer.allocUnsafeSlow(pageBytes)
  /** Slots that were given back; those beyond `#next` were never given out. */
  readonly #free: number[] = []
  readonly #places: (Place | undefined)[] = []
  #next = 0

  constructor(size: number) {
    this.size = size
    this.slots = Math.floor(pageBytes / size)
  }

  get used(): number {
    return this.#next - this.#free.length
  }

  get isFull(): boolean {
    return this.used === this.slots
  }

  /** Undefined where the text has characters of more than one byte. */
  write(text: string): Place | undefined {
    const slot = this.#take()
    this.#bytes.write(text, slot * this.size, text.length, 'latin1')
    if (this.read(slot, text.length) === text) return this.#note(new Place(this, slot, text.length))
    this.release(slot)
    return undefined
  }

  read(slot: number, length: number): string {
    const start = slot * this.size
    return this.#bytes.toString('latin1', start, start + length)
  }

  release(slot: number): void {
    this.#places[slot] = undefined
    this.#free.push(slot)
  }

  /** What lies here, when nothing comes any more. */
  get places(): readonly (Place | undefined)[] {
    return this.#places
  }

  /** Takes a text over from another page. */
  adopt(place: Place): void {
    const start = place.slot * this.size
    const slot = this.#take()
    place.page.#bytes.copy(this.#bytes, slot * this.size, start, start + place.length)
    place.page = this
    place.slot = slot
    this.#note(place)
  }

  #take(): number {
    return this.#free.pop() ?? this.#next++
  }

  #note(place: Place): Place {
    this.#places[place.slot] = place
    return place
  }
}

/** Where a text lies that is no string. */
class Place {
  page: Page
  slot: number
  readonly length: number

  constructor(page: Page, slot: number, length: number) {
    this.page = page
    this.slot = slot
    this.length = length
  }
}

/** The pages of one size. */
class Pages {
  readonly #size: number
  readonly #open = new Set<Page>()
  #pages = 0
  #used = 0

  constructor(size: number) {
    this.#size = size
  }

  place(text: string): Place | undefined {
    const page = this.#pageWithRoom()
    const place = page.write(text)
    if (place === undefined) return undefined
    this.#used++
    if (page.isFull) this.#open.delete(page)
    return place
  }

  release({ page, slot }: Place): void {
    page.release(slot)
    this.#used--
    this.#open.add(page)
    if (page.used * 2 < page.slots && this.#used <= (this.#pages - 1) * page.slots) this.#giveUp(page)
  }

  #pageWithRoom(): Page {
    for (const page of this.#open) return page
    const page = new Page(this.#size)
    this.#open.add(page)
    this.#pages++
    return page
  }

  /**
   * A page is there as long as one of its texts is: where the others have room for them, they move. Were they to stay,
   * a few on each page while others change their size, they would keep many times the memory that counts.
   */
  #giveUp(page: Page): void {
    this.#open.delete(page)
    this.#pages--
    const open = this.#open.values()
    let target: Page | undefined
    for (const place of page.places) {
      if (place === undefined) continue
      if (target === undefined || target.isFull) target = open.next().value
      if (target === undefined) return
      target.adopt(place)
      if (target.isFull) this.#open.delete(target)
    }
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
  /** By size. */
  readonly #pages = sizes.map((size) => new Pages(size))

  constructor(room = heapRoom) {
    this.#room = room
  }

  keep(text: string): KeptText {
    const { length } = text
    if (this.#heapBytes + length <= this.#room || length > longest) return this.#keepInHeap(text)
    return this.#pagesFor(length).place(text) ?? this.#keepInHeap(text)
  }

  release(kept: KeptText): void {
    if (typeof kept === 'string') this.#heapBytes -= kept.length
    else this.#pagesFor(kept.length).release(kept)
  }

  #keepInHeap(text: string): string {
    this.#heapBytes += text.length
    return text
  }

  #pagesFor(length: number): Pages {
    return this.#pages[indexFor(length)] as Pages
  }
}
