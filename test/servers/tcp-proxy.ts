import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy whose faults a test switches on and off. */
export interface TcpProxy {
  readonly port: number
  /** Connections made so far. */
  readonly connections: number
  /** Packets that clients have sent so far. */
  readonly requests: number
  /** What becomes of what the server says; undefined loses it. */
  onReply: (chunk: Buffer) => Buffer | undefined
  /** Neither side hears of the other any more, and nothing says so. */
  drop: boolean
  /** Replies leave byte by byte, so many milliseconds apart, and on those connections for ever; 0: as they come. */
  dripMs: number
  /** Connections up to now: neither side will hear of the other any more, and nothing says so. Later ones are served. */
  forget(): void
  /** Resets all connections, and those to come while `refuse`. */
  reset(): void
  refuse: boolean
  end(): Promise<void>
}

/** Listens on a free port before the server on `target`. */
export const startProxy = async (target: number): Promise<TcpProxy> => {
  const sockets = new Set<Socket>()
  let generation = 0
  let connections = 0
  let requests = 0
  const proxy: TcpProxy = {
    get port() {
      const address = server.address()
      return typeof address === 'object' ? (address?.port ?? 0) : 0
    },
    get connections() {
      return connections
    },
    get requests() {
      return requests
    },
    onReply: (chunk) => chunk,
    drop: false,
    dripMs: 0,
    forget: () => {
      generation++
    },
    refuse: false,
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    end: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server: Server = createServer((client) => {
    connections++
    sockets.add(client)
    client.on('close', () => sockets.delete(client))
    client.on('error', () => undefined)
    client.on('data', () => requests++)
    if (proxy.refuse) client.resetAndDestroy()
    else if (!proxy.drop) {
      const made = generation
      join(client, connect(target, '127.0.0.1'), proxy, () => proxy.drop || generation !== made)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return proxy
}

/** Sends replies to a client in their order: as they come, or byte by byte, which a connection then stays with. */
const replier = (client: Socket, proxy: TcpProxy): ((reply: Buffer) => void) => {
  let left = Buffer.alloc(0)
  let timer: NodeJS.Timeout | undefined
  const next = (): void => {
    client.write(left.subarray(0, 1))
    left = left.subarray(1)
  }
  client.on('close', () => clearInterval(timer))
  return (reply) => {
    if (timer === undefined && proxy.dripMs === 0) client.write(reply)
    else {
      left = Buffer.concat([left, reply])
      timer ??= setInterval(next, proxy.dripMs)
    }
  }
}

const join = (client: Socket, upstream: Socket, proxy: TcpProxy, isCut: () => boolean): void => {
  upstream.on('error', () => undefined)
  client.on('data', (chunk) => {
    if (!isCut()) upstream.write(chunk)
  })
  const answer = replier(client, proxy)
  upstream.on('data', (chunk) => {
    const reply = isCut() ? undefined : proxy.onReply(chunk)
    if (reply !== undefined) answer(reply)
  })
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => client.destroy())
}
