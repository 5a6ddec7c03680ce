import { eventually, type RedisServer, startRedis } from './redis.ts'

/** Three masters with a replica each, every slot served. */
export interface RedisCluster {
  readonly masters: readonly RedisServer[]
  readonly replicas: readonly RedisServer[]
  /** One master's address is enough to find the others. */
  readonly url: string
  /** The node that serves the slot of a key now. */
  nodeOf(key: string): Promise<RedisServer>
  end(): Promise<void>
}

const slots = 16_384

const startNode = (): Promise<RedisServer> =>
  startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'] })

const assignSlots = async (masters: readonly RedisServer[]): Promise<void> => {
  for (const [index, master] of masters.entries()) {
    const [from, to] = [index, index + 1].map((n) => Math.floor((n * slots) / masters.length))
    const list = Array.from({ length: (to ?? 0) - (from ?? 0) }, (_, offset) => String((from ?? 0) + offset))
    await master.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    await master.command('CLUSTER', 'ADDSLOTS', ...list)
  }
}

const info = async (node: RedisServer): Promise<string> => String(await node.command('CLUSTER', 'INFO'))

const meet = async (nodes: readonly RedisServer[]): Promise<void> => {
  const [first, ...others] = nodes
  for (const node of others) await first?.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port))
  for (const node of nodes) {
    await eventually(
      async () => (await info(node)).includes(`cluster_known_nodes:${nodes.length}`),
      'the nodes of the cluster know each other',
    )
  }
}

const replicate = async (
  masters: readonly RedisServer[],
  replicas: readonly RedisServer[],
): Promise<void> => {
  for (const [index, replica] of replicas.entries()) {
    const id = String(await masters[index]?.command('CLUSTER', 'MYID'))
    await eventually(
      async () => (await replica.command('CLUSTER', 'REPLICATE', id)) === 'OK',
      'a replica follows its master',
    )
  }
  for (const replica of replicas) {
    await eventually(
      async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
      'a replica is in step with its master',
    )
  }
}

/** Starts a Cluster of 3 masters and 3 replicas on free ports. */
export const startCluster = async (): Promise<RedisCluster> => {
  const nodes = await Promise.all(Array.from({ length: 6 }, startNode))
  const [masters, replicas] = [nodes.slice(0, 3), nodes.slice(3)]
  const end = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.end())))
  try {
    await assignSlots(masters)
    await meet(nodes)
    await replicate(masters, replicas)
    for (const node of nodes) {
      await eventually(async () => (await info(node)).includes('cluster_state:ok'), 'the cluster is whole')
    }
  } catch (error) {
    await end()
    throw error
  }
  return {
    masters,
    replicas,
    url: `redis://127.0.0.1:${masters[0]?.port}`,
    end,
    nodeOf: async (key) => {
      for (const node of nodes) {
        const reply = await node.command('EXISTS', key).catch((error: Error) => error)
        const role = reply instanceof Error ? '' : String(await node.command('ROLE'))
        if (role.startsWith('master')) return node
      }
      throw new Error(`no node serves ${key}`)
    },
  }
}
