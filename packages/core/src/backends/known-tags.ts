import type { TagState } from '../backend.ts'
import { BoundedMap } from '../bounded-map.ts'
import { invalidCount, isCount } from './tag-lives.ts'

const mostTags = 100_000

export interface Head {
  readonly epoch: string
  readonly seq: number
}

/** An invalidation as others are told of it; without tags it says only how far the count is. */
export interface CountedTags extends Head {
  readonly tags: readonly string[] | undefined
}

/**
 * What a process knows of the invalidation state of a store: how far the count is, and for some tags the count of their
 * last invalidation. What is known of a tag holds at that count; what might not is forgotten.
 */
export class KnownTags {
  #head: Head
  readonly #counts = new BoundedMap<number>(mostTags)
  /** Another one whenever the tags were forgotten. */
  #life = 0

  constructor(head: Head) {
    this.#head = head
  }

  get head(): Head {
    return this.#head
  }

  forget(): void {
    this.#counts.clear()
    this.#life++
  }

  /** The count is `seq` now. What came before and was not told may have been any tag. */
  advance(seq: number, tags: readonly string[] | undefined): void {
    if (seq <= this.#head.seq) {
      for (const tag of tags ?? []) {
        const count = this.#counts.get(tag)
        if (count !== undefined && count < seq) this.#counts.set(tag, seq)
      }
      return
    }
    if (seq > this.#head.seq + 1 || tags === undefined) this.forget()
    for (const tag of tags ?? []) this.#counts.set(tag, seq)
    this.#head = { epoch: this.#head.epoch, seq }
  }

  /** Undefined where one of them is not known. */
  countsOf(tags: readonly string[]): readonly number[] | undefined {
    const counts: number[] = []
    for (const tag of tags) {
      const count = this.#counts.get(tag)
      if (count === undefined) return undefined
      counts.push(count)
    }
    return counts
  }

  /** With what the store says of those that are not known. */
  async read(state: TagState, tags: readonly string[]): Promise<readonly number[]> {
    const [life, asked] = [this.#life, this.#head]
    const found = new Map<string, number | undefined>(tags.map((tag) => [tag, this.#counts.get(tag)]))
    const missing = [...found.keys()].filter((tag) => found.get(tag) === undefined)
    const counts = await state.read(missing, asked.epoch)
    if (!Array.isArray(counts) || counts.length !== missing.length || !counts.every(isCount))
      throw new TypeError(`the store did not answer with ${missing.length} counts`)
    // Where the count has moved meanwhile, it may have been by one of these.
    const lasts = life === this.#life && asked === this.#head
    for (const [index, tag] of missing.entries()) {
      const count = Number(counts[index])
      if (lasts && count !== invalidCount) this.#counts.set(tag, count)
      found.set(tag, Math.max(count, this.#counts.get(tag) ?? 0))
    }
    return tags.map((tag) => found.get(tag) ?? invalidCount)
  }
}
