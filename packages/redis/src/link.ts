import type { RedisClient } from './client.ts'
import { Connection } from './connection.ts'
import { openClient } from './open-client.ts'
import type { Target } from './options.ts'

/** A backend's way to Redis. */
export interface Link {
  readonly connected: boolean
  /** Attempts to connect, and connections, that have failed so far. */
  readonly failures: number
  /** The connection for commands of this turn of the event loop. */
  connection(): Connection
  /** Gives the connections up and opens new ones: their replies cannot be trusted. */
  suspect(): void
  /** A client that subscribes and does nothing else. */
  subscriber(): RedisClient
  close(): Promise<void>
}

const ignore = (): void => undefined

/** The user's own client, which is left as it is. */
export const ownClientLink = (client: RedisClient): Link => {
  const connection = new Connection(client)
  return {
    get connected() {
      return connection.ready
    },
    get failures() {
      return connection.failures
    },
    connection: () => connection,
    suspect: ignore,
    subscriber: () => client.duplicate(),
    close: async () => undefined,
  }
}

/** Connections of our own, shared by all backends that say the same of them. */
class SharedLink {
  readonly #connections: readonly Connection[]
  readonly #check: NodeJS.Timeout | undefined
  #turn = 0
  #chosen: Connection | undefined
  failures = 0
  users = 0

  constructor(target: Target) {
    const size = target.cluster.length > 0 ? 1 : target.maxConnections
    this.#connections = Array.from({ length: size }, () => new Connection(this.#open(target)))
    if (Number.isFinite(target.healthCheckMs)) {
      this.#check = setInterval(() => this.#ping(), Math.min(target.healthCheckMs, 2 ** 31 - 1))
      this.#check.unref()
    }
  }

  get connected(): boolean {
    return this.#connections.some(({ ready }) => ready)
  }

  connection(): Connection {
    if (this.#chosen === undefined) {
      this.#turn = (this.#turn + 1) % this.#connections.length
      this.#chosen = this.#connections[this.#turn] as Connection
      if (this.#connections.length > 1) {
        process.nextTick(() => {
          this.#chosen = undefined
        })
      }
    }
    return this.#chosen
  }

  suspect(): void {
    this.failures++
    for (const { client } of this.#connections) client.disconnect(true)
  }

  async close(): Promise<void> {
    clearInterval(this.#check)
    await Promise.all(this.#connections.map((connection) => connection.quit()))
  }

  #open(target: Target): RedisClient {
    const client = openClient(target)
    client.on('error', () => {
      this.failures++
    })
    client.on('node error', () => {
      this.failures++
    })
    return client
  }

  /** An answer that does not come ends the connection by its `socketTimeout`; a new one follows by itself. */
  #ping(): void {
    for (const connection of this.#connections) if (connection.ready) connection.send('PING').catch(ignore)
  }
}

const shared = new Map<string, SharedLink>()

/** A link to the servers of `target`; its connections end when the last of those who share them closes. */
export const sharedLink = (target: Target): Link => {
  const key = JSON.stringify(target)
  const link = shared.get(key) ?? new SharedLink(target)
  shared.set(key, link)
  link.users++
  let open = true
  return {
    get connected() {
      return link.connected
    },
    get failures() {
      return link.failures
    },
    connection: () => link.connection(),
    suspect: () => link.suspect(),
    subscriber: () => openClient(target, true),
    close: async () => {
      if (!open) return
      open = false
      link.users--
      if (link.users > 0) return
      if (shared.get(key) === link) shared.delete(key)
      await link.close()
    },
  }
}
