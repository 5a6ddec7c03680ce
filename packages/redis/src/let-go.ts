import type { Cluster, Redis } from 'ioredis'

/** As often as ioredis itself would. */
const refreshMs = 5000

/** The wait for the next attempt to connect, which ioredis keeps to itself. */
const waitOf = (client: object): { unref?: () => void } | null | undefined =>
  (client as { reconnectTimeout?: { unref?: () => void } | null }).reconnectTimeout

/** A connection keeps no process alive: whoever waits for it, or for a reply, has a timer of his own. */
export const letGo = (client: Redis): void => {
  client.on('connect', () => client.stream?.unref?.())
  client.on('reconnecting', () => waitOf(client)?.unref?.())
}

/** The same for a Cluster, whose slots are asked for by a timer that keeps no process alive either. */
export const letClusterGo = (cluster: Cluster): void => {
  cluster.on('+node', (node: Redis) => letGo(node))
  cluster.on('reconnecting', () => waitOf(cluster)?.unref?.())
  let refresh: NodeJS.Timeout | undefined
  cluster.on('ready', () => {
    clearInterval(refresh)
    refresh = setInterval(() => cluster.refreshSlotsCache(() => undefined), refreshMs)
    refresh.unref()
  })
  cluster.on('close', () => clearInterval(refresh))
}
