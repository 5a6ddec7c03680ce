import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CacheOptions } from '@stowage/core'
import { cacheMiddleware, type KoaCache } from '@stowage/koa'
import { onTestFinished } from 'vitest'
import { type Context, Koa3, type KoaClass, type KoaInstance } from './koa.ts'

/** A server on a free port until the test is over. */
export const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

export const serve = (app: KoaInstance): Promise<number> => listen(createServer(app.callback()))

/** What the caller waits for happens in the same process: a few turns of the event loop, no fixed sleep. */
export const until = async (holds: () => boolean, what = 'condition'): Promise<void> => {
  const end = performance.now() + 5000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** An application that prints no errors, and a cache for it. */
export const createApp = (
  options: CacheOptions<Context> = {},
  Koa: KoaClass = Koa3,
): { readonly app: KoaInstance; readonly cache: KoaCache } => {
  const app = new Koa()
  app.silent = true
  return { app, cache: cacheMiddleware(options) }
}
