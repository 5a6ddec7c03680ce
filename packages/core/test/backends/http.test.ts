import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CacheBackend, cacheServer, file, httpApi, memory } from '@stowage/core'
import {
  asyncBackend,
  backendConformance,
  type FakeClock,
  fakeClock,
  mockBackend,
} from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { listenOn, token } from './http-site.ts'

/** The suite on a client of a server over the backend, or on what the client has without some of its members. */
const conformsOver = (
  create: (clock: FakeClock, directory: string) => CacheBackend,
  reduce: (client: CacheBackend) => CacheBackend = (client) => client,
): void =>
  backendConformance(
    async () => {
      const clock = fakeClock()
      const directory = await mkdtemp(join(tmpdir(), 'stowage-http-'))
      const behind = create(clock, directory)
      const { url, close } = await listenOn(createServer(cacheServer({ backend: behind, token })))
      const cleanup = async (): Promise<void> => {
        await close()
        await behind.close()
        await rm(directory, { recursive: true })
      }
      return { backend: reduce(httpApi({ baseUrl: `${url}/`, authToken: token })), clock, cleanup }
    },
    { test },
  )

describe('http over memory', () => conformsOver((clock) => memory({ clock })))

describe('http over a store that answers later', () =>
  conformsOver((clock) => asyncBackend(memory({ clock }))))

describe('http over file', () => conformsOver((clock, directory) => file({ directory, clock })))

describe('http over a store of four methods, for what does not need more', () => {
  /** What only the store can do. */
  const lacking: ReadonlySet<PropertyKey> = new Set(['keys', 'clear', 'getWithTtl', 'prune'])
  conformsOver(
    (clock) => mockBackend({ clock }),
    (client) =>
      new Proxy(client, {
        get: (of, name) => {
          const member: unknown = lacking.has(name) ? undefined : Reflect.get(of, name)
          return typeof member === 'function' ? member.bind(of) : member
        },
      }),
  )
})
