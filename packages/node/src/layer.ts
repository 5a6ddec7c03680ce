import type { ServerResponse } from 'node:http'

/** The methods of a response by which a handler answers. */
export type Methods = Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders' | 'destroy'>

/** The methods of a response as they were when the cache took their place: what is further out. */
export class OuterLayer {
  readonly #response: ServerResponse
  readonly #methods: Methods
  readonly #refused: (error: unknown) => void
  /** Those that are under way, one within another. */
  #calls = 0

  /** `refused` learns what Node would not send. */
  constructor(response: ServerResponse, refused: (error: unknown) => void) {
    this.#response = response
    const { writeHead, write, end, flushHeaders, destroy } = response
    this.#methods = { writeHead, write, end, flushHeaders, destroy }
    this.#refused = refused
  }

  /** What a whole response is sent with. */
  sender(): Pick<Methods, 'writeHead' | 'end'> {
    return {
      writeHead: ((...given: unknown[]) => this.call('writeHead', given)) as Methods['writeHead'],
      end: ((...given: unknown[]) => this.call('end', given)) as Methods['end'],
    }
  }

  get isCalling(): boolean {
    return this.#calls > 0
  }

  /** HTTP/2's `end` calls `write`: that is Node's, not the handler's. */
  call(method: keyof Methods, given: readonly unknown[]): unknown {
    const response = this.#response
    const { write } = response
    response.write = this.#methods.write
    this.#calls += 1
    try {
      return (this.#methods[method] as (...given: readonly unknown[]) => unknown).apply(response, [...given])
    } catch (error) {
      this.#refused(error)
      throw error
    } finally {
      this.#calls -= 1
      response.write = write
    }
  }
}
