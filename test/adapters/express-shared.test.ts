import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheServer, file, httpApi, memory } from '@stowage/core'
import { adapterConformance, fakeClock, request } from '@stowage/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { express5, serveExpress } from './express.ts'

const serve = serveExpress(express5)
const token = 'long-and-random'

/** With deadlines of 40 ms, which a busy disk may well need; what a store does that hangs is tested below. */
const soon = 'every request is answered rightly and soon'

/** Here the next request comes while a stream that has ended is still being written, and joins what is under way. */
const presuming: readonly string[] = [
  'a stream is sent as it comes, and stored when it has ended',
  'skip() counts until the end of a stream, and so does tag()',
]
const testLater = (name: string, run: () => Promise<void>): void => {
  if (!presuming.includes(name) && !name.startsWith(soon)) test(name, run)
}

describe('Express 5 on files', () => {
  const made: string[] = []
  afterEach(() => {
    for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
  })
  const backend = (clock: () => number) => {
    const directory = mkdtempSync(join(tmpdir(), 'stowage-express-'))
    made.push(directory)
    return file({ directory, clock })
  }
  adapterConformance(serve, { test: testLater, backend })
})

describe('Express 5 on a cache that is asked over HTTP', () => {
  let behind = memory()
  let server: Server
  beforeAll(async () => {
    server = createServer((...given) => cacheServer({ backend: behind, token })(...given))
    await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume))
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  const backend = (clock: () => number) => {
    behind = memory({ clock })
    const { port } = server.address() as AddressInfo
    return httpApi({ baseUrl: `http://127.0.0.1:${port}`, authToken: token })
  }
  adapterConformance(serve, { test: testLater, backend })
})

describe('Express 5 under load', () => {
  const handler = async () => ({ headers: { 'content-type': 'text/plain' }, body: 'the answer' })
  const outer = () => ({})
  const routes = [{ method: 'GET' as const, path: '/:id', handler }]

  /** Asks on and on, and says which answers were not right. */
  const load = async (url: string, requests: number): Promise<string[]> => {
    const wrong: string[] = []
    const one = async (n: number): Promise<void> => {
      const began = performance.now()
      const answer = await request(`${url}/${n % 20}`).catch((error: unknown) => String(error))
      const took = performance.now() - began
      const right =
        typeof answer !== 'string' && answer.status === 200 && String(answer.body) === 'the answer'
      if (!right) wrong.push(typeof answer === 'string' ? answer : `${answer.status} ${String(answer.body)}`)
      else if (took > 3000) wrong.push(`only after ${Math.round(took)} ms`)
    }
    for (let n = 0; n < requests; n += 10)
      await Promise.all(Array.from({ length: 10 }, (_, index) => one(n + index)))
    return wrong
  }

  test('no request fails while the directory comes and goes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stowage-express-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const server = await serve({
      cache: { ttl: 60, clock: fakeClock(), backend: file({ directory }) },
      outer,
      routes,
    })
    onTestFinished(() => server.close())
    server.cache.on('error', () => undefined)
    const wrong: string[] = []
    for (let round = 0; round < 5; round++) {
      wrong.push(...(await load(server.url, 60)))
      rmSync(directory, { recursive: true, force: true })
    }
    expect(wrong).toEqual([])
    await load(server.url, 20)
    expect(server.cache.stats().hits).toBeGreaterThan(100)
  })

  test('no request fails while the server of the cache resets, hangs, fails and is gone', async () => {
    const answering = cacheServer({ backend: memory(), token })
    let fault = 0
    const shared = createServer((incoming, outgoing) => {
      if (fault === 1) incoming.socket.resetAndDestroy()
      else if (fault === 2) outgoing.writeHead(503).end()
      else if (fault !== 3) answering(incoming, outgoing)
    })
    await new Promise<void>((resume) => shared.listen(0, '127.0.0.1', resume))
    const { port } = shared.address() as AddressInfo
    const end = (): void => {
      shared.close()
      shared.closeAllConnections()
    }
    onTestFinished(end)
    const backend = httpApi({ baseUrl: `http://127.0.0.1:${port}`, authToken: token })
    const cache = { ttl: 60, clock: fakeClock(), backend, backendDeadline: '100ms' as const }
    const server = await serve({ cache, outer, routes })
    onTestFinished(() => server.close())
    server.cache.on('error', () => undefined)
    for (const now of [0, 1, 2, 3]) {
      fault = now
      expect(await load(server.url, 40)).toEqual([])
    }
    fault = 0
    // What hangs has its connection until the deadline of the client; then there is room for others.
    const { hits } = server.cache.stats()
    const began = performance.now()
    while (server.cache.stats().hits === hits && performance.now() - began < 8000)
      expect(await load(server.url, 40)).toEqual([])
    expect(server.cache.stats().hits).toBeGreaterThan(hits)
    end()
    expect(await load(server.url, 20)).toEqual([])
  })
})
