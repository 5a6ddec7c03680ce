import { OldestFirst } from './oldest-first.ts'

/** A map that forgets what was set longest ago once it is full: for what clients can multiply. */
export class BoundedMap<V> {
  readonly #max: number
  readonly #map = new Map<string, V>()
  readonly #oldestFirst = new OldestFirst(this.#map)

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#map.size
  }

  get(key: string): V | undefined {
    return this.#map.get(key)
  }

  set(key: string, value: V): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    this.#oldestFirst.noteChange()
    if (this.#map.size <= this.#max) return
    const oldest = this.#oldestFirst.next()
    if (oldest !== undefined) this.#map.delete(oldest[0])
  }

  delete(key: string): void {
    this.#map.delete(key)
  }

  clear(): void {
    this.#map.clear()
  }
}
