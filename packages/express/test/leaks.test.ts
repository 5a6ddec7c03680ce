import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { expresses, makeCache, Runs, until } from './support.ts'

const warnings: string[] = []
const note = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`)

beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})

afterEach(() => {
  process.off('warning', note)
})

const listenersOf = (emitter: NodeJS.EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))

/** A server with a few connections that stay, whose sockets can be looked at. */
const start = async (server: Server) => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const clients = [1, 2, 3, 4].map(() => connect(port, '127.0.0.1').setEncoding('latin1'))
  onTestFinished(() => {
    for (const client of clients) client.destroy()
    server.closeAllConnections()
    server.close()
  })
  const counts = () => [listenersOf(process), listenersOf(server), [...sockets].map(listenersOf)]
  /** Asks for all paths, in pipelines; gives every Cache-Status. */
  const many = async (all: readonly string[]): Promise<string[]> => {
    const caches = await Promise.all(
      clients.map((client, index) =>
        pipelined(
          client,
          all.filter((_, at) => at % clients.length === index),
        ),
      ),
    )
    return caches.flat()
  }
  return { counts, many }
}

const pipelined = async (client: Socket, all: readonly string[]): Promise<string[]> => {
  const caches: string[] = []
  let rest = ''
  let settle: () => void = () => undefined
  const read = (data: string): void => {
    const lines = (rest + data).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('cache-status: ')) caches.push(line.slice(14))
    settle()
  }
  client.on('data', read)
  for (let at = 0; at < all.length; at += 50) {
    const batch = all.slice(at, at + 50)
    client.write(batch.map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''))
    await new Promise<void>((resolve) => {
      settle = () => caches.length === at + batch.length && resolve()
    })
  }
  client.off('data', read)
  return caches
}

const paths = (count: number, of: (at: number) => number): string[] =>
  Array.from({ length: count }, (_, at) => `/${of(at)}`)

describe.each(expresses)('$name: leaks', ({ express }) => {
  test('10,000 misses, hits and bypasses leave as many listeners as 100', { timeout: 60_000 }, async () => {
    const runs = new Runs()
    const app = express()
    const cache = makeCache()
    app.use(cache).get('/:n', cache.route({ ttl: 60 }), (request, response) => {
      runs.add()
      if (Number(request.params.n) % 10 === 9) request.cache?.skip()
      response.send('x'.repeat(100))
    })
    const { counts, many } = await start(createServer(app))
    await many(paths(100, (at) => at))
    const before = counts()
    const caches = await many([
      ...paths(4500, (at) => 100 + at),
      ...paths(4500, (at) => 100 + at),
      ...paths(900, (at) => at % 100),
    ])
    expect(caches.filter((cache) => cache.includes('hit')).length).toBeGreaterThan(4000)
    expect(counts()).toEqual(before)
    // What is skipped runs each time.
    expect(runs.of()).toBe(4600 + 450 + 90)
    expect(warnings).toEqual([])
  })

  test('background revalidations leave neither listeners nor handles', async () => {
    const clock = fakeClock()
    const cache = makeCache({ clock, ttl: 1, staleWhileRevalidate: 3600 })
    let refreshes = 0
    cache.on('refresh', () => refreshes++)
    const app = express()
    app.use(cache).get('/:n', (_request, response) => void response.send('x'))
    const { counts, many } = await start(createServer(app))
    const round = async (): Promise<void> => {
      const begun = refreshes
      await many(paths(50, (at) => at))
      await until(() => refreshes === begun + 50, 'refreshes')
      clock.advance(2000)
    }
    await many(paths(50, (at) => at))
    clock.advance(2000)
    await round()
    const before = counts()
    const handles = process.getActiveResourcesInfo().length
    for (let turn = 0; turn < 20; turn++) await round()
    expect(counts()).toEqual(before)
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handles + 8)
    expect(warnings).toEqual([])
  })
})
