/** What may run at once, and what may wait for it. */
export interface SlotLimits {
  readonly running: number
  readonly waiting: number
  /** Of all that waits together. */
  readonly waitingBytes: number
}

interface Waiting {
  readonly bytes: number
  readonly start: () => void
}

/** A queue with an end: what a slow disk does not take is refused instead of piling up in memory. */
export class Slots {
  readonly #limits: SlotLimits
  readonly #queue: Waiting[] = []
  #running = 0
  #waitingBytes = 0
  #idle: (() => void)[] = []

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  async run<T>(work: () => Promise<T>, bytes = 0): Promise<T> {
    if (this.#running >= this.#limits.running) await this.#wait(bytes)
    else this.#running++
    try {
      return await work()
    } finally {
      this.#release()
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resume) => this.#idle.push(resume))
  }

  #wait(bytes: number): Promise<void> {
    const { waiting, waitingBytes } = this.#limits
    if (this.#queue.length >= waiting || this.#waitingBytes + bytes > waitingBytes)
      throw new Error('too much is waiting for the disk already')
    this.#waitingBytes += bytes
    return new Promise((start) => this.#queue.push({ bytes, start }))
  }

  /** Whoever waits longest has the slot that becomes free. */
  #release(): void {
    const next = this.#queue.shift()
    if (next !== undefined) {
      this.#waitingBytes -= next.bytes
      next.start()
      return
    }
    this.#running--
    if (this.#running > 0) return
    for (const resume of this.#idle.splice(0)) resume()
  }
}
