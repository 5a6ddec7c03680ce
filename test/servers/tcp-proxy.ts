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
  /** Resets all connections, and those to come while `refuse`. */
  reset(): void
  refuse: boolean
  end(): Promise<void>
}

/** Listens on a free port before the server on `target`. */
export const startProxy = async (target: number): Promise<TcpProxy> => {
  const sockets = new Set<Socket>()
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
    else if (!proxy.drop) join(client, connect(target, '127.0.0.1'), proxy)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return proxy
}

const join = (client: Socket, upstream: Socket, proxy: TcpProxy): void => {
  upstream.on('error', () => undefined)
  client.on('data', (chunk) => {
    if (!proxy.drop) upstream.write(chunk)
  })
  upstream.on('data', (chunk) => {
    const reply = proxy.drop ? undefined : proxy.onReply(chunk)
    if (reply !== undefined) client.write(reply)
  })
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => client.destroy())
}
