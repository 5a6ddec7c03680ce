import { longestTimerMs } from './timers.ts'

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
export const sweepSlice = 1000

/** Between two slices of one round: requests go first, and 1,000,000 entries still take 10 s. */
const pauseMs = 10

/** The timer knows the sweep weakly: what nobody holds any more is collected, entries, timer and all. */
const fire = (sweep: WeakRef<TimedSweep>): void => sweep.deref()?.run()

class TimedSweep implements Sweep {
  readonly #intervalMs: number
  readonly #source: SweepSource
  readonly #round: Round
  #timer: NodeJS.Timeout | undefined

  constructor(intervalMs: number, source: SweepSource) {
    this.#intervalMs = intervalMs
    this.#source = source
    this.#round = createRound(source)
  }

  start(): void {
    if (this.#timer === undefined && this.#intervalMs !== Number.POSITIVE_INFINITY)
      this.#wait(this.#intervalMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#round.abandon()
  }

  run(): void {
    this.#timer = undefined
    const unfinished = this.#round.slice()
    if (this.#source.size() > 0) this.#wait(unfinished ? pauseMs : this.#intervalMs)
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(fire, Math.min(ms, longestTimerMs), new WeakRef(this))
    this.#timer.unref()
  }
}

/**
 * Goes over all entries every `intervalMs`, a slice at a time. One timer, however many entries there are; none where
 * there is no entry, until the next `start()`. It never keeps the process alive.
 */
export const createSweep = (intervalMs: number, source: SweepSource): Sweep =>
  new TimedSweep(intervalMs, source)

interface Round {
  /** Whether there is more to look at. */
  slice(): boolean
  abandon(): void
}

/** A round looks at as many entries as there were at its start. */
const createRound = (source: SweepSource): Round => {
  let cursor: Iterator<string> | undefined
  let unseen = 0

  const abandon = (): void => {
    cursor = undefined
    unseen = 0
  }
  const slice = (): boolean => {
    unseen = unseen === 0 ? source.size() : Math.min(unseen, source.size())
    for (let looked = 0; looked < sweepSlice && unseen > 0; looked++) {
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
