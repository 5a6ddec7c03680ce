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

/** Answers at once where the operation does. Nothing is tried any more after the deadline. */
export const tryWithin = <T>(work: Attempted<T>, limits: AttemptLimits): MaybePromise<T> => {
  let answer: MaybePromise<T>
  try {
    answer = work.run()
  } catch (error) {
    if (!work.failed(error) || limits.attempts < 2) throw error
    return goOn(work, limits, undefined, error)
  }
  if (isPromise(answer)) return goOn(work, limits, answer, undefined)
  work.succeeded()
  return answer
}

/** From the first attempt on, which has begun, or failed at once. */
const goOn = <T>(
  work: Attempted<T>,
  limits: AttemptLimits,
  first: Promise<T> | undefined,
  cause: unknown,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const until = performance.now() + limits.deadlineMs
    let over = false
    let pause: NodeJS.Timeout | undefined
    const end = (): void => {
      over = true
      clearTimeout(timer)
      clearTimeout(pause)
    }
    const timer = setTimeout(() => {
      end()
      const error = work.late()
      work.failed(error)
      reject(error)
    }, limits.deadlineMs)
    const retry = (error: unknown, attempt: number): void => {
      const wait = backoff(limits, attempt)
      // What cannot be tried in time any more is not waited for.
      if (performance.now() + wait < until) pause = setTimeout(() => start(attempt + 1), wait)
      else {
        end()
        reject(error)
      }
    }
    const failed = (error: unknown, attempt: number): void => {
      if (over) return
      if (work.failed(error) && attempt < limits.attempts) retry(error, attempt)
      else {
        end()
        reject(error)
      }
    }
    const watch = (answer: MaybePromise<T>, attempt: number): void => {
      Promise.resolve(answer).then(
        (value) => {
          if (over) return
          end()
          work.succeeded()
          resolve(value)
        },
        (error: unknown) => failed(error, attempt),
      )
    }
    const start = (attempt: number): void => {
      try {
        watch(work.run(), attempt)
      } catch (error) {
        failed(error, attempt)
      }
    }
    if (first === undefined) retry(cause, 1)
    else watch(first, 1)
  })
