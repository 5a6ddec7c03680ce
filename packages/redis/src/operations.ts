import type { CommandArgument, RedisClient } from './client.ts'
import { type Connection, waitAtMost } from './connection.ts'
import { connectionFailure, failureOf } from './failure.ts'
import type { Link } from './link.ts'
import { createNames, type Names } from './names.ts'
import { run, type Script } from './script.ts'
import { RedisCounters } from './stats.ts'

const longestFarewellMs = 2000

/** What the operations of one backend have in common: link, names, counters, and an end. */
export class Operations {
  readonly names: Names
  readonly stats: RedisCounters
  readonly #link: Link
  readonly #pending = new Set<Promise<unknown>>()
  closed = false

  constructor(link: Link, namespace: string) {
    this.#link = link
    this.names = createNames(namespace)
    this.stats = new RedisCounters(link)
  }

  get connected(): boolean {
    return this.#link.connected
  }

  connection(): Connection {
    return this.#link.connection()
  }

  subscriber(): Promise<RedisClient> {
    return this.#link.subscriber()
  }

  suspect(): void {
    this.#link.suspect()
  }

  send(command: string, ...args: CommandArgument[]): Promise<unknown> {
    return this.#link.connection().send(command, ...args)
  }

  script(script: Script, keys: readonly string[], args: readonly CommandArgument[]): Promise<unknown> {
    const names = keys.map((key) => this.names.entry(key))
    return run(this.#link.connection(), script, names, args)
  }

  /** Runs one operation: counted, waited for at the end, and its failure named. */
  async run<T>(operation: string, act: () => Promise<T>): Promise<T> {
    if (this.closed) throw connectionFailure(operation, 'the backend is closed')
    const running = act()
    this.#pending.add(running)
    try {
      return await running
    } catch (error) {
      this.stats.errors++
      throw failureOf(operation, error)
    } finally {
      this.#pending.delete(running)
    }
  }

  /** What was begun is let finish: an answer in hand is no reason to lose the entry made of it. */
  async end(): Promise<void> {
    this.closed = true
    await waitAtMost(longestFarewellMs, Promise.allSettled([...this.#pending]))
    await this.#link.close()
  }
}
