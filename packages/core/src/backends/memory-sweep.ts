/** What a sweep goes over. */
export interface SweepSource {
  readonly size: () => number
  /** Sound while entries come and go; new ones last. */
  readonly keys: () => Iterator<string>
  /** Removes the entry if it has expired. */
  readonly expire: (key: string) => void
}

export interface Sweep {
  /** Does nothing while it is running. */
  start(): void
  stop(): void
}

/** Entries looked at without giving the event loop a turn. */
export const SLICE = 1000

/** Between two slices of one round: requests go first, and 1,000,000 entries still take 10 s. */
const PAUSE_MS = 10
/** What a timer can wait for; more would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Goes over all entries every `intervalMs`, a slice at a time. One timer, however many entries there are; none where
 * there is no entry, until the next `start()`. It never keeps the process alive.
 */
export const createSweep = (intervalMs: number, source: SweepSource): Sweep => {
  const round = createRound(source)
  let timer: NodeJS.Timeout | undefined

  const wait = (ms: number): void => {
    timer = setTimeout(run, Math.min(ms, LONGEST_MS))
    timer.unref()
  }
  const run = (): void => {
    timer = undefined
    const unfinished = round.slice()
    if (source.size() > 0) wait(unfinished ? PAUSE_MS : intervalMs)
  }

  return {
    start: () => {
      if (timer === undefined && intervalMs !== Number.POSITIVE_INFINITY) wait(intervalMs)
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
      round.abandon()
    },
  }
}

/** A round looks at as many entries as there were at its start. */
const createRound = (source: SweepSource): { slice(): boolean; abandon(): void } => {
  let cursor: Iterator<string> | undefined
  let unseen = 0

  const abandon = (): void => {
    cursor = undefined
    unseen = 0
  }
  const slice = (): boolean => {
    unseen = unseen === 0 ? source.size() : Math.min(unseen, source.size())
    for (let looked = 0; looked < SLICE && unseen > 0; looked++) {
      unseen--
      cursor ??= source.keys()
      const next = cursor.next()
      if (next.done) unseen = 0
      else source.expire(next.value)
    }
    if (unseen === 0) abandon()
    return unseen > 0
  }
  return { slice, abandon }
}
