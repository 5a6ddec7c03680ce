import type { ServerResponse } from 'node:http'

/** Bytes of messages that a server holds at once, both ways: a client that sends or reads slowly must not pile them up. */
export class MessageRoom {
  readonly #most: number
  readonly #refused: () => Error
  #held = 0

  constructor(most: number, refused: () => Error) {
    this.#most = most
    this.#refused = refused
  }

  /** What is taken for this answer is held until it has been sent, or given up; one message of any size goes through. */
  of(response: ServerResponse): (bytes: number) => void {
    let own = 0
    response.once('close', () => {
      this.#held -= own
      own = 0
    })
    return (bytes) => {
      if (response.destroyed) return
      const others = this.#held - own
      if (others > 0 && this.#held + bytes > this.#most) throw this.#refused()
      own += bytes
      this.#held += bytes
    }
  }
}
