import type { Call, Failure, Outcome, Report } from '../calls.ts'
import { isBusy, resultOf } from './driver.ts'
import type { Session } from './session.ts'
import { isRead } from './store.ts'

interface Waiting extends Call {
  readonly since: number
}

/** A call that met somebody else's lock for so long fails. */
const patienceMs = 10_000
/** Calls carried out without looking whether others have come. */
const mostReads = 64
const mostWrites = 256
/** Characters written by one transaction, unless one entry has more. */
const mostCharacters = 4 * 1024 ** 2

const failureOf = (error: unknown): Failure => ({
  result: resultOf(error),
  message: error instanceof Error ? error.message : String(error),
})

const tooLate: Failure = { result: 'BUSY', message: `locked by somebody else for ${patienceMs} ms` }

/** About what a call brings with it. */
const lengthOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length
  return Array.isArray(value) ? value.reduce((sum: number, each) => sum + lengthOf(each), 0) : 0
}

/**
 * Calls in the order of their arrival, except that reads do not wait for writes: those may have to wait for the lock
 * of another process. Waiting is done by a timer, never within SQLite.
 */
export class Schedule {
  readonly #session: Session
  readonly #report: (report: Report) => void
  #reads: Waiting[] = []
  #writes: Waiting[] = []
  /** Somebody else holds the lock; the timer tries again. */
  #readsBlocked = false
  #writesBlocked = false
  #timer: NodeJS.Timeout | undefined
  #soon = false
  /** Much was removed, so there may be pages to give back when nothing waits. */
  #untidy = false

  constructor(session: Session, report: (report: Report) => void) {
    this.#session = session
    this.#report = report
  }

  take(calls: readonly Call[]): void {
    const since = performance.now()
    for (const call of calls) (isRead(call) ? this.#reads : this.#writes).push({ ...call, since })
    this.#read()
    this.#continue()
  }

  /** Carries out what waits, as long as `ms` at most; the rest fails. */
  async finish(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (this.#reads.length + this.#writes.length > 0 && performance.now() < end)
      await new Promise((resume) => setTimeout(resume, 2))
    clearTimeout(this.#timer)
    this.#fail([...this.#reads.splice(0), ...this.#writes.splice(0)], new Error('closed'))
  }

  /** In the next turn, so that calls that have arrived meanwhile share a transaction. */
  #continue(): void {
    if (this.#soon || !this.#hasWork()) return
    this.#soon = true
    setImmediate(() => {
      this.#soon = false
      this.#read()
      this.#write()
      this.#tidy()
      this.#continue()
    })
  }

  #hasWork(): boolean {
    if (this.#reads.length > 0 && !this.#readsBlocked) return true
    return this.#writesBlocked ? false : this.#writes.length > 0 || this.#untidy
  }

  /** Not so regularly that two processes could keep in step. */
  #tryLater(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#readsBlocked = false
        this.#writesBlocked = false
        this.#continue()
      },
      1 + Math.random() * 8,
    )
  }

  #read(): void {
    if (this.#readsBlocked || this.#reads.length === 0) return
    const calls = this.#reads.splice(0, mostReads)
    try {
      this.#send(this.#session.store().read(calls), 0)
    } catch (error) {
      if (isBusy(error)) {
        this.#reads = [...this.#patient(calls), ...this.#reads]
        this.#readsBlocked = true
        this.#tryLater()
      } else this.#fail(calls, error)
    }
  }

  #write(): void {
    if (this.#writesBlocked || this.#writes.length === 0) return
    const calls = this.#nextWrites()
    if (this.#carryOut(calls) || calls.length === 1) return
    // One of them cannot be done; the others are not to suffer for it.
    for (const [index, call] of calls.entries()) {
      this.#carryOut([call])
      if (!this.#writesBlocked) continue
      this.#writes.push(...calls.slice(index + 1))
      return
    }
  }

  /** False where that failed, of several calls, for another reason than a lock. */
  #carryOut(calls: readonly Waiting[]): boolean {
    try {
      const store = this.#session.store()
      this.#send(store.write(calls), store.takeEvicted())
      this.#untidy ||= calls.some(({ name }) => name === 'prune' || name === 'clear')
      return true
    } catch (error) {
      if (isBusy(error)) {
        this.#writes = [...this.#patient(calls), ...this.#writes]
        this.#writesBlocked = true
        this.#tryLater()
        return true
      }
      if (calls.length === 1) this.#fail(calls, error)
      return false
    }
  }

  #nextWrites(): Waiting[] {
    let characters = 0
    let count = 0
    for (const { args } of this.#writes) {
      characters += lengthOf(args)
      if (count > 0 && (characters > mostCharacters || count === mostWrites)) break
      count++
    }
    return this.#writes.splice(0, count)
  }

  #tidy(): void {
    if (!this.#untidy || this.#writes.length + this.#reads.length > 0) return
    try {
      this.#untidy = this.#session.store().tidy()
    } catch {
      // The next round of cleaning tries again.
      this.#untidy = false
    }
  }

  /** Those that go on waiting; the others fail. */
  #patient(calls: readonly Waiting[]): Waiting[] {
    const earliest = performance.now() - patienceMs
    const late = calls.filter(({ since }) => since < earliest)
    this.#send(
      late.map(({ id }) => ({ id, failure: tooLate })),
      0,
    )
    return calls.filter(({ since }) => since >= earliest)
  }

  #fail(calls: readonly Waiting[], error: unknown): void {
    this.#session.heed(error)
    const failure = failureOf(error)
    this.#send(
      calls.map(({ id }) => ({ id, failure })),
      0,
    )
  }

  #send(outcomes: readonly Outcome[], evicted: number): void {
    if (outcomes.length > 0) this.#report({ outcomes, evicted })
  }
}
