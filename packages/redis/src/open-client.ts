import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { listenerOf, type RedisClient } from './client.ts'
import { letClusterGo, letGo } from './let-go.ts'
import type { Target } from './target.ts'

/** The wait before the next attempt to connect: short, so that a server that is back is found within the second. */
const reconnectWait = (attempt: number): number => Math.min(20 * 2 ** Math.min(attempt, 10), 500)

/** A connection whose first replies do not come, or too slowly, may stay so for ever: a new one is made. */
const limitHandshake = (client: Redis, ms: number): void => {
  let timer: NodeJS.Timeout | undefined
  client.on('connect', () => {
    clearTimeout(timer)
    timer = setTimeout(() => client.disconnect(true), ms)
    timer.unref()
  })
  for (const event of ['ready', 'close']) client.on(event, () => clearTimeout(timer))
}

interface Address {
  readonly host: string
  readonly port: number
}

const addressOf = (url: string, port: number): Address => {
  const at = new URL(url)
  return { host: at.hostname.replace(/^\[(.*)\]$/, '$1'), port: at.port === '' ? port : Number(at.port) }
}

const credentialsOf = (url: string): { username?: string; password?: string } => {
  const { username, password } = new URL(url)
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  }
}

/** A master that became a replica: another one is master now, and once a second is often enough to look for it. */
const leaveReplicas = (): ((error: Error) => boolean) => {
  let left = Number.NEGATIVE_INFINITY
  return (error) => {
    const now = performance.now()
    if (!error.message.includes('READONLY') || now - left < 1000) return false
    left = now
    return true
  }
}

/** Nothing is queued and nothing is sent twice: who asked does not wait for it any more. */
const steadySettings = (target: Target) => ({
  protocol: 2 as const,
  connectTimeout: target.connectTimeoutMs,
  socketTimeout: target.socketTimeoutMs,
  // A peer that has gone without a word does not say goodbye either.
  disconnectTimeout: 100,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 500,
  disableClientInfo: true,
  connectionName: 'stowage',
  reconnectOnError: leaveReplicas(),
})

const tlsOf = ({ tls }: Target, host: string): { tls?: ConnectionOptions } =>
  tls === undefined ? {} : { tls: { ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }), ...tls } }

const openCluster = (target: Target): Cluster => {
  const [first = ''] = target.cluster
  const nodes = target.cluster.map((url) => addressOf(url, 6379))
  const cluster = new Cluster(nodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectWait,
    slotsRefreshTimeout: target.connectTimeoutMs,
    // It would keep the process alive.
    slotsRefreshInterval: 0,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    ...(target.tls === undefined ? {} : { dnsLookup: (name, done) => done(null, name) }),
    redisOptions: { ...steadySettings(target), ...credentialsOf(first), ...tlsOf(target, '') },
  })
  cluster.on('+node', (node: Redis) => limitHandshake(node, target.connectTimeoutMs))
  letClusterGo(cluster)
  return cluster
}

const throughSentinel = (target: Target) => {
  if (target.sentinel === undefined) return {}
  const { name, nodes } = target.sentinel
  const [first = ''] = nodes
  const { username, password } = credentialsOf(first)
  return {
    name,
    sentinels: nodes.map((url) => addressOf(url, 26_379)),
    sentinelRetryStrategy: reconnectWait,
    sentinelCommandTimeout: target.connectTimeoutMs,
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(first.startsWith('rediss:') ? { enableTLSForSentinelMode: true } : {}),
  }
}

const openRedis = (target: Target, queue: boolean): Redis => {
  const { host, port } = addressOf(target.url, 6379)
  const db = Number(new URL(target.url).pathname.slice(1))
  const options: Omit<RedisOptions, 'replyMapping'> = {
    ...steadySettings(target),
    ...(target.sentinel === undefined ? { host, port } : throughSentinel(target)),
    ...credentialsOf(target.url),
    ...tlsOf(target, host),
    db,
    lazyConnect: true,
    enableOfflineQueue: queue,
    retryStrategy: reconnectWait,
  }
  const client = new Redis(options)
  limitHandshake(client, target.connectTimeoutMs)
  letGo(client)
  return client
}

/** A client of our own. */
export const openClient = (target: Target): RedisClient =>
  target.cluster.length > 0 ? openCluster(target) : openRedis(target, false)

/** One for subscriptions alone; in a Cluster for those at one of the nodes that `client` knows. */
export const openListener = (target: Target, client: RedisClient): RedisClient => {
  if (target.cluster.length === 0) return openRedis(target, true)
  const listener = listenerOf(client)
  letGo(listener as Redis)
  return listener
}
