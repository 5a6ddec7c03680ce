/** Nothing has come over any of the connections for so long, though something was asked. */
const silentMs = 500
/** Where somebody asks for the health of the server, so much silence is enough. */
const shortlyMs = 250
const everyMs = 100
const probeMs = 500
/** A server that goes on after a halt may answer the newest question first. */
const graceMs = 50

export interface HttpSilenceParts {
  /** Asks the server over a connection of its own. */
  readonly probe: (ms: number) => Promise<void>
  /** Ends what is open. */
  readonly cut: () => void
}

interface Waiting {
  readonly since: number
  readonly cut: () => void
}

/**
 * Connections that are dead without saying so: a server that was replaced, or a network that has forgotten them. Where
 * none of them answers while a new one does, they are cut, and the calls on them made again at once.
 */
export class HttpSilence {
  readonly #parts: HttpSilenceParts
  readonly #waiting = new Set<Waiting>()
  #heard = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(parts: HttpSilenceParts) {
    this.#parts = parts
  }

  /** A call that a healthy server answers soon; to be told when it has ended. */
  wait(cut: () => void): () => void {
    const waiting: Waiting = { since: performance.now(), cut }
    this.#waiting.add(waiting)
    this.#schedule()
    return () => void this.#waiting.delete(waiting)
  }

  heard(): void {
    this.#heard = performance.now()
  }

  /** The server has answered over a new connection what was asked then. */
  reached(asked: number): void {
    this.#cutSoon(asked - shortlyMs)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #isSilentSince(time: number): boolean {
    // Sets are in the order in which calls were made.
    const [oldest] = this.#waiting
    return oldest !== undefined && oldest.since < time && this.#heard < time
  }

  #cutIfSilentSince(time: number): void {
    if (!this.#isSilentSince(time)) return
    for (const { cut } of this.#waiting) cut()
    this.#waiting.clear()
    this.#parts.cut()
  }

  #cutSoon(since: number): void {
    if (this.#isSilentSince(since)) setTimeout(() => this.#cutIfSilentSince(since), graceMs).unref()
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => void this.#look(), everyMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const before = performance.now() - silentMs
    if (this.#isSilentSince(before))
      await this.#parts.probe(probeMs).then(
        () => this.#cutSoon(before),
        () => undefined,
      )
    this.#timer = undefined
    if (this.#waiting.size > 0) this.#schedule()
  }
}
