import { CacheBackendError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../message.ts'
import { type BackendOperation, lateError } from '../within.ts'
import { type AttemptLimits, tryWithin } from './attempts.ts'
import type { Circuit } from './circuit.ts'
import { UnderWay } from './under-way.ts'

/** One operation of the store. */
export interface GuardedCall<T> {
  readonly operation: string
  readonly run: () => MaybePromise<T>
  readonly deadlineMs: number
  /** Whether doing it twice comes to the same. */
  readonly repeatable: boolean
  /** Characters of the values that it holds until it has ended. */
  readonly size?: number
  /** Goes to the store whatever the circuit: what a recovery needs. */
  readonly always?: boolean
}

export interface GuardParts {
  readonly backend: string
  readonly circuit: Circuit
  readonly limits: Omit<AttemptLimits, 'deadlineMs'>
  readonly now: () => number
  readonly failed: (asked: BackendOperation, error: unknown) => void
}

/** Counters of what went to the store. */
export interface GuardCounts {
  operations: number
  failures: number
  connectionErrors: number
}

const connectionCodes =
  /^(?:CONNECTION_ERROR|E(?:CONN(?:REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN))$/

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null | undefined)?.code)

/** A value that cannot be read or written says nothing of the store. */
const isOfStore = (error: unknown): boolean => codeOf(error) !== 'SERIALIZATION_ERROR'

/** Calls to a store that end in time: each has a deadline, and none is made while the circuit is open. */
export class Guard {
  readonly #parts: GuardParts
  readonly #underWay: UnderWay
  readonly counts: GuardCounts = { operations: 0, failures: 0, connectionErrors: 0 }
  #lastError: unknown

  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#underWay = new UnderWay(parts.now)
  }

  /** Whether the store is asked at all: the circuit is closed, so that nothing is `outOfReach`. */
  get isInReach(): boolean {
    return this.#parts.circuit.state === 'closed'
  }

  get lastError(): unknown {
    return this.#lastError
  }

  /** What was asked and has not ended, also where nobody waits for it any more. */
  get underWay(): number {
    return this.#underWay.operations
  }

  recovered(): void {
    this.#underWay.recovered()
  }

  resetCounts(): void {
    Object.assign(this.counts, { operations: 0, failures: 0, connectionErrors: 0 })
  }

  /** What an operation fails with while the circuit is open. */
  outOfReach(operation: string): CacheBackendError {
    const about = { backend: this.#parts.backend, operation, cause: this.#lastError }
    return new CacheBackendError('CONNECTION_ERROR', about)
  }

  /** Throws, or rejects, where the store fails or is late; a store that answers at once is answered for at once. */
  call<T>(call: GuardedCall<T>): MaybePromise<T> {
    const { circuit, limits, backend } = this.#parts
    const { operation, size = 0, deadlineMs, always = false } = call
    if (circuit.state !== 'closed' && !always) throw this.outOfReach(operation)
    if (!always && this.#underWay.isFull(size)) {
      const cause = new Error('too many operations have not ended')
      throw new CacheBackendError('BACKEND_ERROR', { backend, operation, cause })
    }
    this.counts.operations++
    const { period } = circuit
    const asked = { backend, operation }
    return tryWithin<T>(
      {
        run: () => this.#run(call, size),
        succeeded: () => circuit.succeeded(period),
        failed: (error) => {
          this.#note(asked, error)
          if (isOfStore(error)) circuit.failed(period, error)
          return isOfStore(error) && circuit.period === period
        },
        late: () => lateError(asked, deadlineMs),
      },
      { ...limits, deadlineMs, attempts: call.repeatable ? limits.attempts : 1 },
    )
  }

  #run<T>({ run }: GuardedCall<T>, size: number): MaybePromise<T> {
    const answer = run()
    if (isPromise(answer)) this.#underWay.watch(answer, size)
    return answer
  }

  #note(asked: BackendOperation, error: unknown): void {
    this.#lastError = error
    this.counts.failures++
    if (connectionCodes.test(codeOf(error))) this.counts.connectionErrors++
    this.#parts.failed(asked, error)
  }
}
