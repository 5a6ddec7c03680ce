import { backendConformance } from '@stowage/core/testing'
import { redis } from '@stowage/redis'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type RedisServer, startRedis } from '../../../test/servers/redis.ts'

let server: RedisServer
let namespaces = 0
const nextNamespace = (): string => `conformance ${++namespaces}`

beforeAll(async () => {
  server = await startRedis({ password: 'secret', tls: true })
}, 200_000)
afterAll(() => server.end())

describe('redis() with a url', () => {
  backendConformance(() => ({ backend: redis({ url: server.url, namespace: nextNamespace() }) }), { test })
})
