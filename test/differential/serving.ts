import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResponseCache } from '@stowage/core'
import { type AppUnderTest, exchangeField, type Listener, type Setup } from './shape.ts'

export const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** What stands in front of a cache: fields that belong to the exchange, and some that handlers change. */
export const setOutermost = (request: IncomingMessage, response: ServerResponse): void => {
  response.setHeader('X-Request-Id', String(request.headers[exchangeField] ?? 'none'))
  response.setHeader('X-Exchange-Of', String(request.headers[exchangeField] ?? 'none'))
  response.setHeader('X-Frame', 'outer')
  response.setHeader('Vary', 'X-Outer')
}

const listen = async (server: Server): Promise<number> => {
  // Clients keep their connections, and none is to be closed between two requests.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

/** Serves an application, with what the setup puts in front of it. */
export const serveListener = async (
  listener: Listener,
  setup: Setup,
  cache: ResponseCache<never> | undefined,
): Promise<AppUnderTest> => {
  const server = createServer(setup.front === undefined ? listener : setup.front(listener))
  return {
    port: await listen(server),
    cache,
    close: async () => {
      await close(server)
      await cache?.close()
    },
  }
}
