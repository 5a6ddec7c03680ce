/**
 * Walks over a map from its oldest entry on; whoever asks for an entry deletes it, or sets it anew. An iterator made
 * for each one would pass over all the holes that deletions left at the front of the map; one that is kept keeps every
 * table alive that the map has outgrown since. So it is kept while there are fewer changes than entries between two
 * questions.
 */
export class OldestFirst<V> {
  readonly #map: Map<string, V>
  #walk: Iterator<[string, V]> | undefined
  #changes = 0

  constructor(map: Map<string, V>) {
    this.#map = map
  }

  /** To be told of every entry that is set. */
  noteChange(): void {
    this.#changes += 1
    if (this.#changes > this.#map.size) this.#walk = undefined
  }

  /** Undefined where the map is empty. */
  next(): readonly [string, V] | undefined {
    this.#changes = 0
    const next = this.#walk?.next()
    if (next !== undefined && next.done !== true) return next.value
    this.#walk = this.#map.entries()
    const first = this.#walk.next()
    return first.done === true ? undefined : first.value
  }
}
