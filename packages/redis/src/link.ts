import { isCluster, listenerOf, type RedisClient } from './client.ts'
import { Connection } from './connection.ts'
import { openClient, openListener } from './open-client.ts'
import type { Target } from './target.ts'

/** A backend's way to Redis. */
export interface Link {
  readonly connected: boolean
  /** Attempts to connect, and connections, that have failed so far. */
  readonly failures: number
  /** The connection for commands of this turn of the event loop. */
  connection(): Connection
  /** Gives the connections up and opens new ones: their replies cannot be trusted. */
  suspect(): void
  /** Calls the listener whenever a connection is there, until the link is closed. */
  onReady(listener: () => void): void
  /** A client that subscribes and does nothing else; rejects where it cannot be made now. */
  subscriber(): Promise<RedisClient>
  close(): Promise<void>
}

const ignore = (): void => undefined

/** The user's own client, which is left as it is. */
export const ownClientLink = (client: RedisClient, openMs: number): Link => {
  const connection = new Connection(client, openMs)
  const listeners: (() => void)[] = []
  return {
    get connected() {
      return connection.ready
    },
    get failures() {
      return connection.failures
    },
    connection: () => connection,
    suspect: ignore,
    onReady: (listener) => {
      listeners.push(listener)
      client.on('ready', listener)
    },
    subscriber: async () => {
      if (isCluster(client)) await connection.open()
      return listenerOf(client)
    },
    close: async () => {
      for (const listener of listeners.splice(0)) client.off('ready', listener)
    },
  }
}

/** Connections of our own, shared by all backends that say the same of them. */
class SharedLink {
  readonly #target: Target
  readonly #connections: Connection[]
  readonly #check: NodeJS.Timeout | undefined
  #turn = 0
  #chosen: number | undefined
  #errors = 0
  readonly onReady = new Set<() => void>()
  users = 0

  constructor(target: Target) {
    this.#target = target
    const size = target.cluster.length > 0 ? 1 : target.maxConnections
    this.#connections = Array.from(
      { length: size },
      () => new Connection(this.#open(), this.#target.connectTimeoutMs),
    )
    if (Number.isFinite(target.healthCheckMs)) {
      this.#check = setInterval(() => this.#ping(), Math.min(target.healthCheckMs, 2 ** 31 - 1))
      this.#check.unref()
    }
  }

  get connected(): boolean {
    return this.#connections.some(({ ready }) => ready)
  }

  /** A client tells of most failures, but not of an attempt that takes too long. */
  get failures(): number {
    return Math.max(this.#errors, ...this.#connections.map(({ failures }) => failures))
  }

  connection(): Connection {
    if (this.#chosen === undefined) {
      this.#turn = (this.#turn + 1) % this.#connections.length
      this.#chosen = this.#turn
      process.nextTick(() => {
        this.#chosen = undefined
      })
    }
    const connection = this.#connections[this.#chosen] as Connection
    return connection.client.status === 'end' ? this.#replace(this.#chosen) : connection
  }

  suspect(): void {
    this.#errors++
    for (const { client } of this.#connections) client.disconnect(true)
  }

  async close(): Promise<void> {
    clearInterval(this.#check)
    await Promise.all(this.#connections.map((connection) => connection.quit()))
  }

  /** A client that was told to hang up while it asked a Sentinel gives up for ever. */
  #replace(index: number): Connection {
    const connection = new Connection(this.#open(), this.#target.connectTimeoutMs)
    this.#connections[index] = connection
    return connection
  }

  #open(): RedisClient {
    const client = openClient(this.#target)
    client.on('error', () => {
      this.#errors++
    })
    client.on('node error', () => {
      this.#errors++
    })
    client.on('ready', () => {
      for (const listener of this.onReady) listener()
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
  const listeners: (() => void)[] = []
  return {
    get connected() {
      return link.connected
    },
    get failures() {
      return link.failures
    },
    connection: () => link.connection(),
    suspect: () => link.suspect(),
    onReady: (listener) => {
      listeners.push(listener)
      link.onReady.add(listener)
    },
    subscriber: async () => {
      const connection = link.connection()
      if (target.cluster.length > 0) await connection.open()
      return openListener(target, connection.client)
    },
    close: async () => {
      if (!open) return
      open = false
      for (const listener of listeners) link.onReady.delete(listener)
      link.users--
      if (link.users > 0) return
      if (shared.get(key) === link) shared.delete(key)
      await link.close()
    },
  }
}
