/** A call that has begun and has no answer after so long holds nobody else up. */
const patienceMs = 20

interface Lane {
  running: number
  /** The call that has not begun, which all who come meanwhile share. */
  next: { readonly answer: Promise<unknown>; readonly begin: () => void } | undefined
}

/**
 * One call for all who ask the same at once. Only a call that has not begun may be shared: the answer of one that has
 * may be older than an invalidation, or a write, which had ended before the newcomer asked. As the stamp of a fill an
 * older count would do, for the fill is then invalidated too often at most; but an entry is judged by the same count,
 * and would pass for valid.
 */
export class SharedCalls {
  readonly #lanes = new Map<string, Lane>()

  ask<T>(question: string, run: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(question)
    // Whoever asks the same question runs the same call.
    if (lane?.next !== undefined) return lane.next.answer as Promise<T>
    if (lane !== undefined) return this.#queue(question, lane, run)
    const made: Lane = { running: 0, next: undefined }
    this.#lanes.set(question, made)
    return this.#run(question, made, run)
  }

  #queue<T>(question: string, lane: Lane, run: () => Promise<T>): Promise<T> {
    let begin = (): void => undefined
    const begun = new Promise<void>((resume) => {
      begin = resume
    })
    const timer = setTimeout(() => begin(), patienceMs)
    timer.unref()
    const answer = begun.then(() => {
      clearTimeout(timer)
      // From here on it is too old for whoever comes.
      lane.next = undefined
      return this.#run(question, lane, run)
    })
    lane.next = { answer, begin: () => begin() }
    return answer
  }

  async #run<T>(question: string, lane: Lane, run: () => Promise<T>): Promise<T> {
    lane.running += 1
    try {
      return await run()
    } finally {
      lane.running -= 1
      if (lane.next !== undefined) lane.next.begin()
      else if (lane.running === 0) this.#lanes.delete(question)
    }
  }
}
