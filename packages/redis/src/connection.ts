import { type CommandArgument, isCluster, mastersOf, type RedisClient } from './client.ts'
import { connectionFailure, failureOf } from './failure.ts'

/** Commands that wait for a reply at the same time, at most: more only pile up before a server that hangs. */
const mostPending = 10_000
const farewellMs = 500
/** Written at once, at most. */
const longestBatch = 256

interface Sending {
  readonly command: string
  readonly args: readonly CommandArgument[]
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The states in which a connection may come without anybody doing more. */
const opening: ReadonlySet<string> = new Set(['wait', 'connecting', 'connect'])

/** Resolves with the promise, however it ends, or when the time is over. */
export const waitAtMost = (ms: number, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    promise.then(done, done)
  })

/** Commands over one client: those of one turn of the event loop in one packet, and none while it is not connected. */
export class Connection {
  readonly client: RedisClient
  readonly #isCluster: boolean
  readonly #openMs: number
  #batch: Sending[] = []
  #pending = 0
  #opening: Promise<void> | undefined
  /** Attempts to connect that have failed. */
  failures = 0

  constructor(client: RedisClient, openMs: number) {
    this.client = client
    this.#openMs = openMs
    this.#isCluster = isCluster(client)
  }

  get ready(): boolean {
    return this.client.status === 'ready'
  }

  /**
   * Sends a command. Where the client is not connected it fails at once: the queue of a client would keep it, without
   * bound, and send it when nobody waits any more.
   */
  send(command: string, ...args: CommandArgument[]): Promise<unknown> {
    const { status } = this.client
    if (status === 'ready') return this.#enqueue(command, args)
    if (opening.has(status)) return this.open().then(() => this.#enqueue(command, args))
    return Promise.reject(connectionFailure(command.toLowerCase(), `the connection is ${status}`))
  }

  /** Resolves when the client is ready, and rejects when the time for that is over. Everybody waits for the same attempt. */
  open(): Promise<void> {
    if (this.ready) return Promise.resolve()
    this.#opening ??= this.#attempt().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  #attempt(): Promise<void> {
    const { client } = this
    return new Promise((resolve, reject) => {
      let last: unknown
      const settle = (error?: unknown): void => {
        clearTimeout(timer)
        for (const [event, listener] of listeners) client.off(event, listener)
        if (error === undefined) resolve()
        else {
          this.failures++
          reject(failureOf('connect', error))
        }
      }
      // A client may ask one Sentinel after the other for as long as none answers.
      const late = `no connection within ${this.#openMs} ms`
      const timer = setTimeout(() => settle(last ?? connectionFailure('connect', late)), this.#openMs)
      const note = (error: unknown): void => {
        last = error
      }
      const lost = (): void => settle(last ?? connectionFailure('connect', 'the connection was closed'))
      const listeners = [
        ['ready', () => settle()],
        ['error', note],
        ['close', lost],
        ['end', lost],
      ] as const
      for (const [event, listener] of listeners) client.on(event, listener)
      // A client that is at it already refuses; its events tell the outcome.
      if (client.status === 'wait') client.connect().catch(() => undefined)
      else if (client.status === 'end') lost()
    })
  }

  #enqueue(command: string, args: readonly CommandArgument[]): Promise<unknown> {
    if (this.#pending >= mostPending) {
      return Promise.reject(connectionFailure(command.toLowerCase(), `${mostPending} commands wait already`))
    }
    this.#pending++
    return new Promise((resolve, reject) => {
      this.#batch.push({ command, args, resolve, reject })
      if (this.#batch.length === 1) process.nextTick(() => this.#flush())
    })
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = []
    // The commands of a Cluster go to different nodes, each of which writes for itself.
    if (batch.length === 1 || this.#isCluster) for (const each of batch) this.#single(each)
    else {
      for (let at = 0; at < batch.length; at += longestBatch)
        this.#together(batch.slice(at, at + longestBatch))
    }
  }

  #single({ command, args, resolve, reject }: Sending): void {
    const settled = (settle: (outcome: unknown) => void) => (outcome: unknown) => {
      this.#pending--
      settle(outcome)
    }
    this.client.call(command, ...args).then(settled(resolve), settled(reject))
  }

  #together(batch: readonly Sending[]): void {
    const pipeline = this.client.pipeline()
    for (const { command, args } of batch) pipeline.call(command, ...args)
    const settle = (outcomes: readonly (readonly [Error | null, unknown?])[]): void => {
      this.#pending -= batch.length
      for (const [index, { command, resolve, reject }] of batch.entries()) {
        const [error, reply] = outcomes[index] ?? [connectionFailure(command.toLowerCase(), 'no reply')]
        if (error === null) resolve(reply)
        else reject(error)
      }
    }
    pipeline.exec().then(
      (outcomes) => settle(outcomes ?? []),
      (error: Error) => settle(batch.map(() => [error])),
    )
  }

  /** Says goodbye, and hangs up where that is not answered. */
  async quit(): Promise<void> {
    const { client } = this
    if (this.ready) await waitAtMost(farewellMs, client.quit())
    client.disconnect()
  }

  /** The nodes that hold keys, each by itself. */
  masters(): readonly Connection[] {
    return this.#isCluster ? mastersOf(this.client).map((node) => new Connection(node, this.#openMs)) : [this]
  }
}
