import type { ServerResponse } from 'node:http'
import { keepHead } from './head.ts'

/** What a response waits with until an invalidation is acknowledged (RFC 9111 §4.4). */
export class Held {
  readonly #response: ServerResponse
  #waiting: (() => unknown)[] | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** Whether something waits. */
  get waits(): boolean {
    return this.#waiting !== undefined
  }

  /** From now on everything waits, and then what was judged leaves: the head as it stands now. */
  until(acknowledged: Promise<void>): void {
    const putBack = keepHead(this.#response)
    this.#waiting = []
    const go = (): void => this.#release(putBack)
    acknowledged.then(go, go)
  }

  /** Acts now, or when that is over. */
  orLater<T>(act: () => unknown, result: T): T {
    if (this.#waiting === undefined) act()
    else this.#waiting.push(act)
    return result
  }

  #release(putBack: () => void): void {
    const response = this.#response
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    try {
      putBack()
      for (const act of waiting) act()
    } catch {
      // Nobody is there to be told but the client.
      response.destroy()
    }
    if (!response.writableEnded && !response.writableNeedDrain) response.emit('drain')
  }
}
