/**
 * What a command takes; all of it is sent as text.
 *
 * @example
 * const ttl: CommandArgument[] = ['PX', 5000]
 */
export type CommandArgument = string | number

/**
 * Several commands of a `RedisClient` written at once; `exec` gives an error or a reply for each.
 *
 * @example
 * const pipeline: RedisPipeline = client.pipeline()
 * pipeline.call('GET', 'key')
 * const [[error, value] = []] = (await pipeline.exec()) ?? []
 */
export interface RedisPipeline {
  call(command: string, ...args: CommandArgument[]): unknown
  exec(): Promise<readonly (readonly [error: Error | null, reply?: unknown])[] | null>
}

/**
 * What is used of a client: a `Redis` or a `Cluster` of ioredis 5 or 6 is one. It is never closed, and its settings
 * stay its own.
 *
 * @example
 * import { Redis } from 'ioredis'
 * const client: RedisClient = new Redis('redis://localhost:6379')
 */
export interface RedisClient {
  /** `ready` where commands are sent at once. */
  readonly status: string
  connect(): Promise<unknown>
  call(command: string, ...args: CommandArgument[]): Promise<unknown>
  pipeline(): RedisPipeline
  quit(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  /** For subscriptions, which need a connection of their own. */
  duplicate(): RedisClient
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
}

/** What only a `Cluster` has. */
interface ClusterClient {
  readonly isCluster: true
  nodes(role: 'master' | 'all'): readonly RedisClient[]
}

export const isCluster = (client: RedisClient): client is RedisClient & ClusterClient =>
  (client as Partial<ClusterClient>).isCluster === true

/** The nodes that hold the keys between them. */
export const mastersOf = (client: RedisClient): readonly RedisClient[] =>
  isCluster(client) ? client.nodes('master') : [client]

/**
 * A client that only listens. In a Cluster every node has every message; its own subscriptions go from one node to
 * another without a word about what was sent meanwhile, so one node is listened to by a client for it alone.
 */
export const listenerOf = (client: RedisClient): RedisClient => {
  if (!isCluster(client)) return client.duplicate()
  const nodes = client.nodes('all')
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new Error('no node of the cluster is known')
  return node.duplicate()
}

/** What the client puts before every key by itself, but neither before a pattern nor a channel. */
export const keyPrefixOf = (client: RedisClient): string => {
  const { options } = client as { options?: { keyPrefix?: unknown; redisOptions?: { keyPrefix?: unknown } } }
  const prefix = options?.keyPrefix ?? options?.redisOptions?.keyPrefix
  return typeof prefix === 'string' ? prefix : ''
}
