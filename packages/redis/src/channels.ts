import type { RedisClient } from './client.ts'
import { within } from './connection.ts'

interface Heard {
  readonly on: (message: string) => void
  readonly onLost: (() => void) | undefined
}

interface Listener extends Heard {
  /** Whether whoever subscribed has been told that messages arrive. */
  begun: boolean
}

const firstAttemptMs = 1000
const reopenMs = 500

/** Subscriptions over a connection of their own, which is opened for the first and closed after the last of them. */
export class Channels {
  readonly #open: () => RedisClient
  readonly #listeners = new Map<string, Set<Listener>>()
  #client: RedisClient | undefined

  constructor(open: () => RedisClient) {
    this.#open = open
  }

  /**
   * Resolves when messages arrive. Where the server cannot be reached it resolves all the same, and `onLost` says when
   * they do: a subscription is not lost because it began at a bad time.
   */
  async subscribe(channel: string, heard: Heard): Promise<() => Promise<void>> {
    const listener: Listener = { ...heard, begun: false }
    const known = this.#listeners.get(channel)
    const listeners = known ?? new Set()
    listeners.add(listener)
    this.#listeners.set(channel, listeners)
    const client = this.#connected()
    await within(firstAttemptMs, this.#listen(client, channel))
    listener.begun = true
    return () => this.#end(channel, listener)
  }

  close(): void {
    this.#listeners.clear()
    const client = this.#client
    this.#client = undefined
    client?.disconnect()
  }

  #connected(): RedisClient {
    if (this.#client !== undefined && this.#client.status !== 'end') return this.#client
    const client = this.#open()
    this.#client = client
    client.on('error', () => undefined)
    client.on('message', (channel, message) => this.#deliver(String(channel), String(message)))
    client.on('ready', () => this.#restore(client))
    client.on('end', () => this.#reopen(client))
    if (client.status === 'wait') client.connect().catch(() => undefined)
    return client
  }

  /** A client may give up for ever; those who listen do not. */
  #reopen(client: RedisClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    const timer = setTimeout(() => {
      if (this.#listeners.size > 0) this.#connected()
    }, reopenMs)
    timer.unref()
  }

  async #listen(client: RedisClient, channel: string): Promise<void> {
    if (client.status !== 'ready') {
      await new Promise<void>((resolve) => {
        const ready = (): void => {
          client.off('ready', ready)
          client.off('end', ready)
          resolve()
        }
        client.on('ready', ready)
        client.on('end', ready)
      })
    }
    await client.subscribe(channel)
  }

  #deliver(channel: string, message: string): void {
    for (const { on } of this.#listeners.get(channel) ?? []) call(() => on(message))
  }

  /** After a lost connection: what was sent meanwhile has gone nowhere, and everybody is told once messages arrive again. */
  #restore(client: RedisClient): void {
    for (const [channel, listeners] of this.#listeners) {
      client.subscribe(channel).then(
        () => {
          for (const { begun, onLost } of listeners) if (begun && onLost !== undefined) call(onLost)
        },
        () => undefined,
      )
    }
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
