import { createServer, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CacheOptions } from '@stowage/core'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Application, Request, RequestHandler } from 'express'
import express5 from 'express'
import express4 from 'express4'
import { onTestFinished } from 'vitest'

/** Both majors, for `describe.each`. */
export const expresses = [
  { name: 'Express 5', express: express5, major: 5 },
  { name: 'Express 4', express: express4, major: 4 },
] as const

export type Express = typeof express5

/** A server on a free port until the test is over. */
export const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

export const serve = (app: Application, options: ServerOptions = {}): Promise<number> =>
  listen(createServer(options, app))

/** What the caller's wait is for happens in the same process: a few turns of the event loop, no fixed sleep. */
export const until = async (holds: () => boolean, what = 'condition'): Promise<void> => {
  const end = performance.now() + 5000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs of the origin by name. */
export class Runs {
  readonly #counts = new Map<string, number>()

  of(name = ''): number {
    return this.#counts.get(name) ?? 0
  }

  /** Counts one more run and says which it is. */
  add(name = ''): number {
    const count = this.of(name) + 1
    this.#counts.set(name, count)
    return count
  }
}

/** A cache that has nothing to do with time but what the test gives it. */
export const makeCache = (options: CacheOptions<Request> = {}): ExpressCache => cacheMiddleware(options)

const nothing: RequestHandler = (_request, _response, next) => next()

/** The same application twice: with the cache as a layer, and with nothing in its place. */
export const twins = async (
  express: Express,
  build: (app: Application, layer: RequestHandler, runs: Runs) => void,
  options: CacheOptions<Request> = {},
): Promise<{ bare: number; cached: number; runs: Runs; cache: ExpressCache }> => {
  const runs = new Runs()
  const cache = cacheMiddleware({ etag: false, ...options })
  const [without, within] = [express(), express()]
  build(without, nothing, new Runs())
  build(within, cache, runs)
  const [bare, cached] = await Promise.all([serve(without), serve(within)])
  return { bare, cached, runs, cache }
}
