/** Time and timers, so that tests can let both pass. */
export interface Timers {
  /** Milliseconds, never going back. */
  now(): number
  /** Calls `run` once after `ms`; gives what prevents that. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}

/** What a timer can wait for; more would fire at once. */
export const longestTimerMs = 2 ** 31 - 1

export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, longestTimerMs))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
