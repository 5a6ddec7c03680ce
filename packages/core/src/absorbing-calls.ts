import type { ErrorCode } from './events.ts'
import { isPromise, type MaybePromise } from './message.ts'
import type { Reports } from './reports.ts'
import { within } from './within.ts'

/** One call to a backend on behalf of a request. */
export interface BackendCall<T> {
  readonly code: ErrorCode
  readonly operation: string
  readonly run: () => MaybePromise<T>
  /** What takes the place of a failed or late answer. */
  readonly otherwise: T
}

/** How long a call may take where nobody else ends it, and of which backend an answer is late. */
interface CallLimit {
  readonly backend: string
  readonly ms: number
}

/** Calls to a backend that throw nothing: what fails, or is late, is reported and replaced. */
export class AbsorbingCalls {
  readonly #reports: Reports
  readonly #limit: CallLimit | undefined

  /** Without a `limit` somebody else sees to it that every call ends. */
  constructor(reports: Reports, limit?: CallLimit) {
    this.#reports = reports
    this.#limit = limit
  }

  make<T>({ code, operation, run, otherwise }: BackendCall<T>): MaybePromise<T> {
    try {
      const answer = run()
      return isPromise(answer) ? this.#settle(Promise.resolve(answer), code, operation, otherwise) : answer
    } catch (error) {
      this.#reports.error(code, operation, error)
      return otherwise
    }
  }

  async #settle<T>(answer: Promise<T>, code: ErrorCode, operation: string, otherwise: T): Promise<T> {
    const limit = this.#limit
    try {
      return await (limit === undefined
        ? answer
        : within(answer, limit.ms, { backend: limit.backend, operation }))
    } catch (error) {
      this.#reports.error(code, operation, error)
      return otherwise
    }
  }
}
