/** What one step of a sweep found: more to look at, all looked at, or nothing that could expire. */
export type SweepState = 'more' | 'done' | 'empty'

export interface Sweep {
  /** Does nothing while one is under way. */
  start(): void
  stop(): void
}

/** Between two steps of one sweep: requests go first, and 1,000,000 entries still take 10 s. */
const PAUSE_MS = 10
/** What a timer can wait for; more would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Calls `step` every `intervalMs`, and again soon after while it says `more`. One timer, whatever there is to look at;
 * none once it says `empty`, until the next `start()`. It never keeps the process alive.
 */
export const createSweep = (intervalMs: number, step: () => SweepState): Sweep => {
  let timer: NodeJS.Timeout | undefined

  const wait = (ms: number): void => {
    timer = setTimeout(run, Math.min(ms, LONGEST_MS))
    timer.unref()
  }
  const run = (): void => {
    timer = undefined
    const state = step()
    if (state !== 'empty') wait(state === 'more' ? PAUSE_MS : intervalMs)
  }

  return {
    start: () => {
      if (timer === undefined && intervalMs !== Number.POSITIVE_INFINITY) wait(intervalMs)
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
