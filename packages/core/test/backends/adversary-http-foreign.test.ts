import type { IncomingMessage, ServerResponse } from 'node:http'
import { CacheBackendError, cacheServer, createCache, httpApi, memory } from '@stowage/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { requestOf } from '../cache/site.ts'
import { overServer, serve, token } from './http-site.ts'

const clientOf = (baseUrl: string) => {
  const client = httpApi({ baseUrl, authToken: token, timeout: '2s', maxRetries: 1 })
  onTestFinished(() => client.close())
  return client
}

const outcome = (work: unknown): Promise<unknown> =>
  Promise.resolve(work).then(
    (value) => value,
    (error: unknown) => error,
  )

/** Answers of servers that know nothing of the protocol. */
const foreign: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'a 404 page': (response) =>
    void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found'),
  'a 404 in JSON': (response) =>
    void response.writeHead(404).end('{"error":{"status":404,"message":"no such key"}}'),
  'a 404 without body': (response) => void response.writeHead(404).end(),
  'the page of an application for every path': (response) => void response.end('<!doctype html>'),
  'an empty 200': (response) => void response.end(),
  'a 204 for everything': (response) => void response.writeHead(204).end(),
  'JSON that resembles ours': (response) =>
    void response.end('{"value":"of another","epoch":"epoch of another","seq":0,"counts":[0],"removed":1}'),
}

const operations = (client: ReturnType<typeof httpApi>): Readonly<Record<string, () => unknown>> => ({
  get: () => client.get('key'),
  getWithTtl: () => client.getWithTtl?.('key'),
  'get of a key in a body': () => client.get('..'),
  has: () => client.has?.('key'),
  getMany: () => client.getMany?.(['key']),
  set: () => client.set('key', 'value', 60),
  'set of a key in a body': () => client.set('..', 'value', 60),
  setMany: () => client.setMany?.([['key', 'value']], 60),
  delete: () => client.delete('key'),
  deleteMany: () => client.deleteMany?.(['key']),
  clear: () => client.clear?.(),
  prune: () => client.prune?.(),
  stats: () => client.stats?.(),
  connect: () => client.connect?.(),
  keys: async () => {
    for await (const key of client.keys?.() ?? []) expect(key).toBe('never')
  },
  'tags.head': () => client.tags?.head(),
  'tags.read': () => client.tags?.read(['t:a']),
  'tags.bump': () => client.tags?.bump(['t:a']),
})

describe('httpApi: only what answers by the protocol is believed', () => {
  test.each(Object.entries(foreign))('%s is an error to every operation', async (_name, answer) => {
    const client = clientOf(await serve((_request, response) => answer(response)))
    for (const [name, run] of Object.entries(operations(client)))
      expect(await outcome(run()), name).toBeInstanceOf(CacheBackendError)
    expect(await client.health?.()).toMatchObject({ status: 'unhealthy', connected: false })
    expect(String(((await outcome(client.get('key'))) as CacheBackendError).cause)).toContain('baseUrl')
  })

  test('a path of the right server under which it has nothing is an error as well', async () => {
    const { url } = await overServer(memory())
    const client = clientOf(`${url}/elsewhere`)
    for (const [name, run] of Object.entries(operations(client)))
      expect(await outcome(run()), name).toBeInstanceOf(CacheBackendError)
  })

  test('what is not there is no error, and deleting it none either', async () => {
    const { client } = await overServer(memory())
    expect(await client.get('key')).toBeNull()
    expect(await client.getWithTtl?.('key')).toBeNull()
    expect(await client.has?.('key')).toBe(false)
    await client.delete('key')
    expect(await client.deleteMany?.(['key'])).toBe(0)
  })

  test('a cache with a wrong baseUrl says so: in the invalidation, and in an event', async () => {
    const { url } = await overServer(memory())
    const cache = createCache({ backend: clientOf(`${url}/elsewhere`), ttl: 60 })
    const codes: string[] = []
    cache.on('error', ({ code }) => codes.push(code))
    expect(await outcome(cache.invalidate({ tags: ['a'] }))).toBeInstanceOf(Error)
    await cache.lookup(requestOf('/'))
    expect(codes.length).toBeGreaterThan(0)
  })

  test('answers that are handed to other calls are believed by none of them, and the connections given up', async () => {
    const store = memory()
    const behind = cacheServer({ backend: store, token })
    let shifted = false
    let before = ''
    const sockets = new Set<unknown>()
    const client = clientOf(
      await serve((request: IncomingMessage, response) => {
        sockets.add(request.socket)
        const own = String(request.headers['stowage-mark'])
        if (shifted) request.headers['stowage-mark'] = before
        before = own
        behind(request, response)
      }),
    )
    await client.set('a', 'of a', 60)
    await client.set('b', 'of b', 60)
    shifted = true
    for (const key of ['a', 'b', 'a'])
      expect(await outcome(client.get(key))).toBeInstanceOf(CacheBackendError)
    expect(await outcome(client.tags?.head())).toBeInstanceOf(CacheBackendError)
    expect(sockets.size).toBeGreaterThan(4)
    shifted = false
    expect(await client.get('a')).toBe('of a')
  })
})
