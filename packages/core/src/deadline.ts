import { isPromise, type MaybePromise } from './message.ts'
import type { ErrorCode, Reports } from './reports.ts'
import { within } from './within.ts'

/** One call to a backend on behalf of a request. */
export interface BackendCall<T> {
  readonly code: ErrorCode
  readonly operation: string
  readonly run: () => MaybePromise<T>
  /** What takes the place of a failed or late answer. */
  readonly otherwise: T
}

/** Makes backend calls that neither throw nor outlast the deadline: what fails is reported and replaced. */
export class Deadline {
  readonly #backend: string
  readonly #ms: number
  readonly #reports: Reports

  constructor(backend: string, ms: number, reports: Reports) {
    this.#backend = backend
    this.#ms = ms
    this.#reports = reports
  }

  call<T>({ code, operation, run, otherwise }: BackendCall<T>): MaybePromise<T> {
    try {
      const answer = run()
      return isPromise(answer) ? this.#race(Promise.resolve(answer), code, operation, otherwise) : answer
    } catch (error) {
      this.#reports.error(code, operation, error)
      return otherwise
    }
  }

  /** Infinity: somebody else sees to it that every call ends. */
  async #race<T>(answer: Promise<T>, code: ErrorCode, operation: string, otherwise: T): Promise<T> {
    try {
      if (this.#ms === Number.POSITIVE_INFINITY) return await answer
      return await within(answer, this.#ms, { backend: this.#backend, operation })
    } catch (error) {
      this.#reports.error(code, operation, error)
      return otherwise
    }
  }
}
