import type { Timers } from '../../src/backends/timers.ts'

/** Timers that fire when they are told to. */
export interface FakeTimers extends Timers {
  /** Lets `ms` pass; what is due fires in its order, and what follows from it at once is done. */
  pass(ms: number): Promise<void>
  /** How many wait. */
  readonly waiting: number
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const fakeTimers = (): FakeTimers => {
  let present = 0
  const waiting = new Set<{ readonly at: number; readonly run: () => void }>()
  return {
    now: () => present,
    after: (ms, run) => {
      const timer = { at: present + ms, run }
      waiting.add(timer)
      return () => void waiting.delete(timer)
    },
    pass: async (ms) => {
      const until = present + ms
      for (;;) {
        const [next] = [...waiting].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        waiting.delete(next)
        present = Math.max(present, next.at)
        next.run()
        await settled()
      }
      present = until
    },
    get waiting() {
      return waiting.size
    },
  }
}
