import type { MaybePromise } from '@stowage/core'
import type { Timers } from '../../src/backends/timers.ts'
import { pick } from '../random.ts'

/** Decides in which order what is under way goes on: the same numbers, the same order. */
export interface Scheduler {
  readonly random: () => number
  /** Carries `act` out at some later step, and tells its result at another. */
  later<T>(act: () => MaybePromise<T>): Promise<T>
  /** Until some later step. */
  pause(): Promise<void>
  /** One step of what waits, if anything does, and all that follows from it at once. */
  step(): Promise<void>
  /** Steps until nothing waits any more. */
  drain(): Promise<void>
}

export const createScheduler = (random: () => number): Scheduler => {
  const waiting: (() => void)[] = []
  const pause = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
  const step = async (): Promise<void> => {
    if (waiting.length > 0) {
      const next = pick(random, waiting)
      waiting.splice(waiting.indexOf(next), 1)
      next()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    random,
    pause,
    step,
    later: async (act) => {
      await pause()
      const result = await act()
      await pause()
      return result
    },
    drain: async () => {
      await step()
      while (waiting.length > 0) await step()
    },
  }
}

/** What was to happen after a while happens at some step. */
export const timersOf = (scheduler: Scheduler, now: () => number): Timers => ({
  now,
  after: (_ms, run) => {
    let live = true
    void scheduler.pause().then(() => live && run())
    return () => {
      live = false
    }
  },
})
