import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CacheBackend, cacheServer, type HttpApiOptions, httpApi } from '@stowage/core'
import { onTestFinished } from 'vitest'
import { token } from './http-token.ts'

export { token }

/** Listens on a free port; what is given back ends it, connections that are open included. */
export const listenOn = async (server: Server): Promise<{ readonly url: string; close(): Promise<void> }> => {
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume))
  const close = (): Promise<void> =>
    new Promise((resume) => {
      server.close(() => resume())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** A server until the test is over. */
export const serve = async (listener: RequestListener): Promise<string> => {
  const { url, close } = await listenOn(createServer(listener))
  onTestFinished(close)
  return url
}

/** A client of a server over a backend. */
export const overServer = async (
  backend: CacheBackend,
  options: Partial<HttpApiOptions> = {},
): Promise<{ readonly client: CacheBackend; readonly url: string }> => {
  const url = await serve(cacheServer({ backend, token }))
  const client = httpApi({ baseUrl: url, authToken: token, ...options })
  onTestFinished(() => client.close())
  return { client, url }
}
