import { createRequire } from 'node:module'
import { request, type TestResponse } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyServerOptions } from 'fastify'
import { onTestFinished } from 'vitest'

// They are CommonJS, and Vitest would make modules of them.
const require = createRequire(import.meta.url)

type FastifyFactory = typeof import('fastify')

export const Fastify = require('fastify') as FastifyFactory

/** All that is said of Fastify holds for both. */
export const majors = [
  { name: 'Fastify 5', fastify: Fastify },
  { name: 'Fastify 4', fastify: require('fastify4') as FastifyFactory },
]

/** A plugin of the organisation, whose types say more than these tests use. */
export const pluginNamed = (name: string): FastifyPluginAsync<Record<string, unknown>> =>
  require(`@fastify/${name}`)

/** An application that is closed when the test is over. */
export const createApp = (options: FastifyServerOptions = {}): FastifyInstance => {
  const app = Fastify({ forceCloseConnections: true, ...options })
  onTestFinished(() => app.close())
  return app
}

/** An application with the cache for all its routes. */
export const withCache = async (
  options: FastifyCacheOptions = {},
  server: FastifyServerOptions = {},
): Promise<FastifyInstance> => {
  const app = createApp(server)
  await app.register(cachePlugin, options)
  return app
}

export const listen = (app: FastifyInstance): Promise<string> => app.listen({ port: 0, host: '127.0.0.1' })

export const statusOf = (response: { readonly headers: TestResponse['headers'] }): string =>
  String(response.headers['cache-status'])

/** Asks twice, and answers with both. */
export const askTwice = async (
  url: string,
  headers: Record<string, string> = {},
): Promise<readonly [TestResponse, TestResponse]> => [
  await request(url, { headers }),
  await request(url, { headers }),
]

/** What the caller waits for happens in the same process: a few turns of the event loop, no fixed sleep. */
export const until = async (holds: () => boolean, what = 'condition'): Promise<void> => {
  const end = performance.now() + 5000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
