import { isPromise } from './message.ts'

/**
 * What a policy function has answered. A promise is none: it would count as true, and nobody would wait for it. Throws
 * a TypeError then, and takes care that the promise's own failure is not an unhandled one.
 */
export const atOnce = <T>(answer: T, name: string): T => {
  if (!isPromise<unknown>(answer)) return answer
  answer.catch(() => undefined)
  throw new TypeError(`${name} must answer at once, not with a promise`)
}
