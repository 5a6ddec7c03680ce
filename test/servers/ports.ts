import { createServer, type Server } from 'node:net'

// One range each, none of which has a port of another, and all below those that systems give to whoever names none.
const [first, count, guardsAway, busesAway] = [12_000, 4_000, 4_000, 10_000]

const listening = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

const isFree = async (port: number): Promise<boolean> => {
  const server = await listening(port)
  if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  return server !== undefined
}

/**
 * A port that nobody listens on, and whose neighbour for the bus of a Cluster is free as well. As long as this process
 * lives it listens on a third one, the guard, so that nobody else is given the port: neither before the server has it for
 * which it was asked, nor while that starts again.
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = first + Math.floor(Math.random() * count)
    const guard = await listening(port + guardsAway)
    guard?.unref()
    if (guard === undefined) continue
    if ((await isFree(port)) && (await isFree(port + busesAway))) return port
    guard.close()
  }
}
