/** Whether the messages of other processes can be relied on: they arrive, and none of them was missed. */
export class Hearing {
  #isSound = false
  #arrive = false
  /** Whether the store was asked since messages arrive. */
  #hasCaughtUp = false
  /** A count that no message has told of. */
  #missed: number | undefined

  /** Whether messages tell of every invalidation. */
  get isSound(): boolean {
    return this.#isSound
  }

  /** Messages arrive from now on, or they do not. */
  begin(arrive: boolean): void {
    this.#arrive = arrive
    this.#hasCaughtUp = false
    this.#missed = undefined
    this.#note()
  }

  /** A message has told of a count. */
  heard(seq: number): void {
    if (this.#missed !== undefined && this.#missed <= seq) this.#missed = undefined
    this.#note()
  }

  /** The store is found further than is known here. `isQuiet`: no message has come while it was asked. */
  found(seq: number, isQuiet: boolean): void {
    if (isQuiet && this.#hasCaughtUp) this.#missed = seq
    this.#note()
  }

  /** The store has said where it stands. */
  catchUp(): void {
    this.#hasCaughtUp = this.#arrive
  }

  #note(): void {
    this.#isSound = this.#arrive && this.#missed === undefined
  }
}
