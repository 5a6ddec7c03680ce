import { isPromise, type MaybePromise } from '../message.ts'

/** How often, and how long, one operation is tried. */
export interface AttemptLimits {
  /** Of all attempts together, with the waits between them. */
  readonly deadlineMs: number
  readonly attempts: number
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
}

/** One operation, and who is told how its attempts end. */
export interface Attempted<T> {
  readonly run: () => MaybePromise<T>
  readonly succeeded: () => void
  /** Whether another attempt may follow. */
  readonly failed: (error: unknown) => boolean
  /** What no answer within the deadline is. */
  readonly late: () => unknown
}

/** Full jitter: anything up to the doubled base, so that many processes do not come back at once. */
const backoff = ({ backoffBaseMs, backoffMaxMs }: AttemptLimits, attempt: number): number =>
  Math.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** (attempt - 1))

/** The attempts of one operation from the first on that has no answer at once. It ends once, whatever comes later. */
class Attempts<T> {
  readonly #work: Attempted<T>
  readonly #limits: AttemptLimits
  readonly #until: number
  readonly #settle: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void }
  readonly #timer: NodeJS.Timeout
  #pause: NodeJS.Timeout | undefined
  #over = false

  constructor(
    work: Attempted<T>,
    limits: AttemptLimits,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#work = work
    this.#limits = limits
    this.#settle = { resolve, reject }
    this.#until = performance.now() + limits.deadlineMs
    this.#timer = setTimeout(() => this.#late(), limits.deadlineMs)
  }

  watch(answer: MaybePromise<T>, attempt: number): void {
    Promise.resolve(answer).then(
      (value) => {
        if (this.#over) return
        this.#end()
        this.#work.succeeded()
        this.#settle.resolve(value)
      },
      (error: unknown) => this.#failed(error, attempt),
    )
  }

  /** After attempt number `attempt`, unless the wait would not end in time. */
  retry(error: unknown, attempt: number): void {
    const wait = backoff(this.#limits, attempt)
    if (performance.now() + wait < this.#until) this.#pause = setTimeout(() => this.#start(attempt + 1), wait)
    else this.#giveUp(error)
  }

  #start(attempt: number): void {
    try {
      this.watch(this.#work.run(), attempt)
    } catch (error) {
      this.#failed(error, attempt)
    }
  }

  #failed(error: unknown, attempt: number): void {
    if (this.#over) return
    if (this.#work.failed(error) && attempt < this.#limits.attempts) this.retry(error, attempt)
    else this.#giveUp(error)
  }

  #late(): void {
    this.#end()
    const error = this.#work.late()
    this.#work.failed(error)
    this.#settle.reject(error)
  }

  #giveUp(error: unknown): void {
    this.#end()
    this.#settle.reject(error)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#timer)
    clearTimeout(this.#pause)
  }
}

/** Answers at once where the operation does. Nothing is tried any more after the deadline. */
export const tryWithin = <T>(work: Attempted<T>, limits: AttemptLimits): MaybePromise<T> => {
  const goOn = (next: (attempts: Attempts<T>) => void): Promise<T> =>
    new Promise((resolve, reject) => next(new Attempts(work, limits, resolve, reject)))
  let answer: MaybePromise<T>
  try {
    answer = work.run()
  } catch (error) {
    if (!work.failed(error) || limits.attempts < 2) throw error
    return goOn((attempts) => attempts.retry(error, 1))
  }
  if (isPromise(answer)) {
    const first = answer
    return goOn((attempts) => attempts.watch(first, 1))
  }
  work.succeeded()
  return answer
}
