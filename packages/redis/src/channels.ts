import type { RedisClient } from './client.ts'
import { waitAtMost } from './connection.ts'
import { readBack } from './texts.ts'

interface Heard {
  readonly on: (message: string) => void
  readonly onLost: (() => void) | undefined
}

interface Listener extends Heard {
  /** Whether whoever subscribed has been told that messages arrive. */
  begun: boolean
  /** Tells whoever subscribed. */
  readonly arrives: () => void
}

const firstAttemptMs = 1000
/** From one client that has given up to the next. */
const reopenMs = 100
/** A connection that only listens owes no reply: it is asked so often for one. */
const probeMs = 1000
/** Questions without an answer, after which the connection is given up. */
const mostSilent = 2

/** Subscriptions over a connection of their own, which is opened for the first and closed after the last of them. */
export class Channels {
  readonly #open: () => Promise<RedisClient>
  readonly #listeners = new Map<string, Set<Listener>>()
  #client: RedisClient | undefined
  #opening = false
  #probe: NodeJS.Timeout | undefined
  #silent = 0

  constructor(open: () => Promise<RedisClient>) {
    this.#open = open
  }

  /**
   * Resolves when messages arrive. Where the server cannot be reached it resolves all the same, and `onLost` says when
   * they do: a subscription is not lost because it began at a bad time.
   */
  async subscribe(channel: string, heard: Heard): Promise<() => Promise<void>> {
    let arrives = (): void => undefined
    const arrived = new Promise<void>((resolve) => {
      arrives = resolve
    })
    const listener: Listener = { ...heard, begun: false, arrives }
    const listeners = this.#listeners.get(channel) ?? new Set()
    listeners.add(listener)
    this.#listeners.set(channel, listeners)
    this.#begin(channel)
    await waitAtMost(firstAttemptMs, arrived)
    listener.begun = true
    return () => this.#end(channel, listener)
  }

  close(): void {
    this.#listeners.clear()
    this.#leave()?.disconnect()
  }

  #begin(channel: string): void {
    const client = this.#client
    if (client === undefined) void this.#connect()
    else if (client.status === 'ready') this.#listen(client, channel, false)
  }

  async #connect(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    try {
      const client = await this.#open()
      if (this.#listeners.size > 0) this.#use(client)
      else client.disconnect()
    } catch {
      this.#connectLater()
    } finally {
      this.#opening = false
    }
  }

  #use(client: RedisClient): void {
    this.#client = client
    client.on('error', () => undefined)
    client.on('message', (channel, message) => this.#deliver(String(channel), readBack(String(message))))
    client.on('ready', () => this.#restore(client))
    // A client may give up for ever; those who listen do not.
    client.on('end', () => {
      if (this.#client !== client) return
      this.#leave()
      this.#connectLater()
    })
    this.#probe = setInterval(() => this.#ask(client), probeMs)
    this.#probe.unref()
    if (client.status === 'wait') client.connect().catch(() => undefined)
    else if (client.status === 'ready') this.#restore(client)
  }

  #leave(): RedisClient | undefined {
    const client = this.#client
    this.#client = undefined
    clearInterval(this.#probe)
    return client
  }

  #connectLater(): void {
    const timer = setTimeout(() => {
      if (this.#listeners.size > 0 && this.#client === undefined) void this.#connect()
    }, reopenMs)
    timer.unref()
  }

  /** After a connection was made: what was sent before has gone nowhere, and everybody is told once messages arrive. */
  #restore(client: RedisClient): void {
    this.#silent = 0
    for (const channel of this.#listeners.keys()) this.#listen(client, channel, true)
  }

  #listen(client: RedisClient, channel: string, anew: boolean): void {
    client.subscribe(channel).then(
      () => {
        if (client === this.#client) this.#arrived(channel, anew)
      },
      () => undefined,
    )
  }

  #arrived(channel: string, anew: boolean): void {
    for (const { begun, arrives, onLost } of this.#listeners.get(channel) ?? []) {
      if (!begun) arrives()
      else if (anew && onLost !== undefined) call(onLost)
    }
  }

  /** To subscribe once more changes nothing and is answered; so is what a client asks first of all. */
  #ask(client: RedisClient): void {
    const { status } = client
    const [channel] = this.#listeners.keys()
    const answered = (): void => {
      this.#silent = 0
    }
    if ((status !== 'ready' && status !== 'connect') || channel === undefined) {
      answered()
      return
    }
    if (this.#silent >= mostSilent) {
      answered()
      client.disconnect(true)
      return
    }
    this.#silent++
    if (status === 'ready') client.subscribe(channel).then(answered, answered)
  }

  #deliver(channel: string, message: string): void {
    for (const { on } of this.#listeners.get(channel) ?? []) call(() => on(message))
  }

  async #end(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#listeners.get(channel)
    if (listeners?.delete(listener) !== true || listeners.size > 0) return
    this.#listeners.delete(channel)
    const client = this.#client
    if (this.#listeners.size === 0) this.close()
    else if (client?.status === 'ready') await client.unsubscribe(channel).catch(() => undefined)
  }
}

/** A listener that throws must not end the connection that others listen on. */
const call = (listener: () => void): void => {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error), { type: 'StowageWarning' })
  }
}
