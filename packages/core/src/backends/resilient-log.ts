import { messageOf } from '../errors.ts'
import type { CircuitState } from '../guarded.ts'
import type { Logger } from '../options.ts'
import type { BackendOperation } from '../within.ts'

/** Of one operation within one second: more lines say nothing new. */
const linesPerSecond = 5

/** The log lines of one guarded store: few, and never with a key or a value. */
export class ResilientLog {
  readonly #logger: Logger | undefined
  readonly #now: () => number
  #second = -1
  #lines = 0

  constructor(logger: Logger | undefined, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  /** A failed read is a miss, and a warning; what was to be written is lost, and an error. */
  failed({ backend, operation }: BackendOperation, error: unknown): void {
    if (this.#logger === undefined || !this.#mayLog()) return
    const level = /^(?:set|delete|clear|tags\.bump)/.test(operation) ? 'error' : 'warn'
    this.#log(level, `stowage ${backend}: ${operation} failed: ${messageOf(error)}`)
  }

  circuit(backend: string, state: CircuitState, previous: CircuitState, cause: unknown): void {
    if (state === 'closed') this.#log('info', `stowage ${backend}: circuit closed, the store is back`)
    else if (previous === 'closed') this.#log('warn', `stowage ${backend}: circuit open: ${messageOf(cause)}`)
    else this.#log('debug', `stowage ${backend}: circuit ${state}`)
  }

  #mayLog(): boolean {
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) this.#lines = 0
    this.#second = second
    this.#lines++
    return this.#lines <= linesPerSecond
  }

  /** A logger that throws must not disturb anybody, and there is nobody to tell. */
  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    try {
      this.#logger?.[level](message)
    } catch {}
  }
}
