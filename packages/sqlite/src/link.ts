import { Worker } from 'node:worker_threads'
import type { Answer, Args, Call, DatabaseSettings, Failure, OperationName, Report } from './calls.ts'
import { failureOf } from './failure.ts'
import { workerSource } from './worker-source.ts'

interface Pending {
  readonly name: OperationName
  readonly size: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** Calls and characters under way at most: what comes in addition fails at once. */
const mostCalls = 10_000
const mostCharacters = 32 * 1024 ** 2
/** A thread that has ended by itself is followed by another one no sooner. */
const restartMs = 1000
/** A thread that does not end by itself when it is told to is ended. */
const closingMs = 4000

/** The thread that owns the database, seen from outside. It is there while it is needed and keeps no process alive. */
export class Link {
  readonly #settings: DatabaseSettings
  readonly #noteEvicted: (count: number) => void
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #outbox: Call[] = []
  #size = 0
  #lastId = 0
  #restartAt = 0
  #closing: Promise<void> | undefined

  constructor(settings: DatabaseSettings, noteEvicted: (count: number) => void) {
    this.#settings = settings
    this.#noteEvicted = noteEvicted
  }

  /** Calls made in one turn leave together and are answered together. `size`: the characters that it brings with it. */
  call<N extends OperationName>(name: N, size: number, ...args: Args<N>): Promise<Answer<N>> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(size)
      if (refusal !== undefined) return reject(failureOf(name, refusal))
      const id = ++this.#lastId
      this.#pending.set(id, { name, size, resolve: resolve as (answer: unknown) => void, reject })
      this.#size += size
      if (this.#pending.size === 1) this.#worker?.ref()
      if (this.#outbox.push({ id, name, args }) === 1) queueMicrotask(() => this.#post())
    })
  }

  get running(): boolean {
    return this.#worker !== undefined
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** After what is under way; a call that comes later fails. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  #refusal(size: number): Failure | undefined {
    if (this.#closing !== undefined) return { result: 'CLOSED', message: 'the backend is closed' }
    if (this.#pending.size >= mostCalls || (this.#size > 0 && this.#size + size > mostCharacters))
      return { result: 'QUEUE', message: 'too many calls are under way' }
    return this.#worker === undefined ? this.#start() : undefined
  }

  #start(): Failure | undefined {
    if (performance.now() < this.#restartAt)
      return { result: 'THREAD', message: 'the thread of the database has just ended' }
    try {
      // Without the flags of the process: a loader of modules, say, is nothing to this thread.
      const options = { eval: true, execArgv: [], workerData: this.#settings, name: 'stowage-sqlite' }
      const worker = new Worker(workerSource, options)
      let cause = 'the thread of the database has ended'
      worker.on('message', (report: Report) => this.#settle(report))
      worker.on('error', (error) => {
        cause = error.message
      })
      worker.on('exit', () => this.#ended(worker, cause))
      this.#worker = worker
      return undefined
    } catch (error) {
      this.#restartAt = performance.now() + restartMs
      return { result: 'THREAD', message: String(error) }
    }
  }

  #post(): void {
    const calls = this.#outbox
    this.#outbox = []
    if (calls.length > 0) this.#worker?.postMessage(calls)
  }

  #settle({ outcomes, evicted }: Report): void {
    if (evicted > 0) this.#noteEvicted(evicted)
    for (const outcome of outcomes) {
      const call = this.#take(outcome.id)
      if (call === undefined) continue
      if ('failure' in outcome) call.reject(failureOf(call.name, outcome.failure))
      else call.resolve(outcome.answer)
    }
    if (this.#pending.size === 0 && this.#closing === undefined) this.#worker?.unref()
  }

  #take(id: number): Pending | undefined {
    const call = this.#pending.get(id)
    if (call === undefined) return undefined
    this.#pending.delete(id)
    this.#size -= call.size
    return call
  }

  #ended(worker: Worker, message: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#outbox = []
    this.#restartAt = performance.now() + restartMs
    for (const id of [...this.#pending.keys()]) {
      const call = this.#take(id)
      call?.reject(failureOf(call.name, { result: 'THREAD', message }))
    }
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    this.#post()
    worker.ref()
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage('close')
    const timer = setTimeout(() => void worker.terminate(), closingMs)
    await ended
    clearTimeout(timer)
  }
}
