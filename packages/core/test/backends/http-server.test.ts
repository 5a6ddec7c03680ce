import { request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import {
  type CacheBackend,
  CacheConfigError,
  cacheServer,
  httpApi,
  type MemoryBackend,
  memory,
} from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { overServer, serve, token } from './http-site.ts'

interface Sent {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const bearer = { authorization: `Bearer ${token}` }

const ask = (url: string, { method = 'GET', path, headers = bearer, body }: Sent) =>
  new Promise<{ status: number; headers: Readonly<Record<string, unknown>>; body: string }>(
    (resolve, reject) => {
      const request = send(new URL(url), { method, path, headers }, (response) => {
        text(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
          reject,
        )
      })
      request.on('error', reject)
      request.end(body)
    },
  )

describe('cacheServer: the protocol', () => {
  test('an entry is put, got, looked for and deleted under its key', async () => {
    const url = await serve(cacheServer({ backend: memory(), token }))
    const path = '/cache/a%2Fb%20%C3%A9'
    expect((await ask(url, { path })).status).toBe(404)
    const body = JSON.stringify({ value: 'välue', timeout: 60 })
    expect(await ask(url, { method: 'PUT', path, body })).toMatchObject({ status: 204, body: '' })
    const found = await ask(url, { path })
    expect(found).toMatchObject({ status: 200, body: JSON.stringify({ value: 'välue' }) })
    expect(found.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    const { ttl } = JSON.parse((await ask(url, { path: `${path}?ttl` })).body) as { ttl: number }
    expect(ttl).toBeGreaterThan(50)
    expect(await ask(url, { method: 'HEAD', path })).toMatchObject({ status: 200, body: '' })
    expect((await ask(url, { method: 'DELETE', path })).status).toBe(204)
    expect((await ask(url, { method: 'HEAD', path })).status).toBe(404)
  })

  test('keys come one a line, as JSON', async () => {
    const store = memory()
    for (const key of ['user:1', 'user:2\n', 'post:1']) store.set(key, 'value', 60)
    const url = await serve(cacheServer({ backend: store, token }))
    const { body } = await ask(url, { path: `/keys?pattern=${encodeURIComponent('user:*')}` })
    expect(body.split('\n').sort()).toEqual(['', '"user:1"', '"user:2\\n"'])
  })

  test.each([
    ['none', {}],
    ['another', { authorization: 'Bearer other' }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a longer one', { authorization: `Bearer ${token}x` }],
    ['another scheme', { authorization: `Basic ${token}` }],
  ])('with a token that is %s nothing is answered or changed', async (_name, headers) => {
    const store = memory()
    store.set('key', 'value', 60)
    const url = await serve(cacheServer({ backend: store, token }))
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST']) {
      const answer = await ask(url, { method, path: '/cache/key', headers })
      expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
      expect(answer.body).not.toContain('value')
    }
    expect((await ask(url, { method: 'POST', path: '/clear', headers, body: '{}' })).status).toBe(401)
    expect((await ask(url, { path: '/no/such/path', headers })).status).toBe(401)
    expect(store.get('key')).toBe('value')
  })

  const put = { method: 'PUT', path: '/cache/key' }
  const refused: readonly (readonly [string, number, Sent])[] = [
    ['an unknown path', 404, { path: '/no/such/path' }],
    ['a key that is no UTF-8', 404, { path: '/cache/%ff' }],
    ['a method that the path does not take', 405, { method: 'POST', path: '/cache/key', body: '{}' }],
    ['a method named as a member of objects', 405, { method: 'PATCH', path: '/cache/key' }],
    ['a body that is no JSON', 400, { ...put, body: '{' }],
    ['no value', 400, { ...put, body: '{"timeout":60}' }],
    ['a value that is no text', 400, { ...put, body: '{"value":1,"timeout":60}' }],
    ['no timeout', 400, { ...put, body: '{"value":"v"}' }],
    ['a timeout of 0', 400, { ...put, body: '{"value":"v","timeout":0}' }],
    ['a list as body', 400, { ...put, body: '[]' }],
    [
      'a value above the limit',
      413,
      { ...put, body: JSON.stringify({ value: 'x'.repeat(1001), timeout: 60 }) },
    ],
    [
      'a body above the limit',
      413,
      { ...put, body: JSON.stringify({ value: 'x'.repeat(200_000), timeout: 60 }) },
    ],
    [
      'a body above the limit, in chunks',
      413,
      { ...put, headers: { ...bearer, 'transfer-encoding': 'chunked' }, body: 'x'.repeat(200_000) },
    ],
    ['a compressed body', 415, { ...put, headers: { ...bearer, 'content-encoding': 'gzip' }, body: '{}' }],
    ['keys that are no texts', 400, { method: 'POST', path: '/batch/get', body: '{"keys":[1]}' }],
    [
      'entries that are no pairs',
      400,
      { method: 'POST', path: '/batch/set', body: '{"entries":[["a"]],"timeout":1}' },
    ],
    [
      'more keys than a request may have',
      413,
      { method: 'POST', path: '/batch/delete', body: `{"keys":[${'"",'.repeat(10_000)}""]}` },
    ],
    ['tags that are no list', 400, { method: 'POST', path: '/tags/bump', body: '{"tags":"a"}' }],
  ]
  test.each(refused)('%s is answered with %i, which says why', async (_name, status, sent) => {
    const store = memory()
    const url = await serve(cacheServer({ backend: store, token, maxValueBytes: 1000 }))
    const answer = await ask(url, sent)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { status, message: expect.stringMatching(/\w+ \w+/) },
    })
    if (status === 405) expect(answer.headers.allow).toBe('GET, HEAD, PUT, DELETE')
    expect(store.stats().entries).toBe(0)
    expect(store.tags.head().seq).toBe(0)
  })

  test('a store that fails is a 503, and what it said stays inside', async () => {
    const failing = { ...mockBackend(), get: () => Promise.reject(new Error('password=secret')) }
    const url = await serve(cacheServer({ backend: failing, token }))
    const answer = await ask(url, { path: '/cache/key' })
    expect(answer.status).toBe(503)
    expect(answer.body).not.toContain('secret')
    expect((await ask(url, { path: '/keys' })).status).toBe(501)
  })
})

describe('httpApi on cacheServer', () => {
  test('two clients share entries, and invalidations over a store that counts none', async () => {
    const { client: one, url } = await overServer(mockBackend())
    const other = httpApi({ baseUrl: url, authToken: token })
    onTestFinished(() => other.close())
    await one.set('key', 'value', 60)
    expect(await other.get('key')).toBe('value')
    const before = await other.tags?.head()
    const seq = await one.tags?.bump(['t:a'])
    expect(await other.tags?.head()).toEqual({ epoch: before?.epoch, seq })
    expect(await other.tags?.read(['t:a', 't:b'])).toEqual([seq, 0])
  })

  test('once the server counts from the start, nothing asked in its former life is answered below', async () => {
    let listener = cacheServer({ backend: mockBackend(), token })
    const url = await serve((request, response) => listener(request, response))
    const client = httpApi({ baseUrl: url, authToken: token })
    onTestFinished(() => client.close())
    const before = await client.tags?.head()
    const seq = (await client.tags?.bump(['t:a'])) ?? 0
    listener = cacheServer({ backend: mockBackend(), token })
    expect(Number((await client.tags?.read(['t:a']))?.[0])).toBeGreaterThanOrEqual(seq)
    expect((await client.tags?.head())?.epoch).not.toBe(before?.epoch)
  })

  test('keys too long for a path, and texts that are no Unicode, are sent in a body', async () => {
    const { client } = await overServer(memory())
    for (const key of ['k'.repeat(100_000), 'é'.repeat(3000), 'half \ud800']) {
      await client.set(key, 'value \udc00', 60)
      expect(await client.get(key)).toBe('value \udc00')
      expect(await client.has?.(key)).toBe(true)
      await client.delete(key)
      expect(await client.get(key)).toBeNull()
    }
  })

  test('many values that are large together come in several answers', async () => {
    const { client } = await overServer(memory(), { maxValueBytes: '16mb' })
    const keys = Array.from({ length: 250 }, (_, n) => `key:${n}`)
    const value = 'v'.repeat(200_000)
    expect(
      await client.setMany?.(
        keys.map((key) => [key, `${key} ${value}`] as const),
        60,
      ),
    ).toBe(250)
    const found = await client.getMany?.(keys)
    expect(found?.size).toBe(250)
    expect(found?.get('key:249')).toBe(`key:249 ${value}`)
    expect(await client.deleteMany?.(keys)).toBe(250)
  })

  test('a value above the limit is not stored, and what was there is gone', async () => {
    const { client } = await overServer(memory(), { maxValueBytes: 1000 })
    await client.set('key', 'value', 60)
    await client.set('key', 'x'.repeat(1001), 60)
    expect(await client.get('key')).toBeNull()
  })

  test.each([
    ['at once', (store: MemoryBackend): CacheBackend => store],
    ['later', asyncBackend],
  ])('gauges are those of the store behind, which answers %s', async (_name, as) => {
    const { client } = await overServer(as(memory({ maxEntries: 50 })))
    await client.set('key', 'value', 60)
    await client.get('key')
    await client.get('missing')
    expect(await client.stats?.()).toMatchObject({
      backend: 'http',
      entries: 1,
      maxEntries: 50,
      hits: 1,
      misses: 1,
      sets: 1,
    })
    expect(await client.health?.()).toMatchObject({ status: 'healthy', connected: true })
  })

  test('no more connections than were said, kept between calls', async () => {
    const sockets = new Set<unknown>()
    let most = 0
    let open = 0
    const behind = cacheServer({ backend: memory(), token })
    const url = await serve((request, response) => {
      sockets.add(request.socket)
      open += 1
      most = Math.max(most, open)
      response.on('close', () => {
        open -= 1
      })
      setTimeout(() => behind(request, response), 5)
    })
    const client = httpApi({ baseUrl: url, authToken: token, maxConnections: 5 })
    onTestFinished(() => client.close())
    await Promise.all(Array.from({ length: 50 }, (_, n) => client.get(`key:${n}`)))
    expect(most).toBe(5)
    expect(sockets.size).toBe(5)
  })
})

describe('http: options', () => {
  const problemsOf = (create: () => unknown): readonly (readonly [string, string])[] => {
    try {
      create()
    } catch (error) {
      expect(error).toBeInstanceOf(CacheConfigError)
      expect(String(error)).not.toContain('s3cr')
      return (error as CacheConfigError).problems.map(({ code, path }) => [code, path] as const)
    }
    return []
  }

  test('a server without a token is refused', () => {
    const backend = memory()
    expect(problemsOf(() => cacheServer({ backend, token: '' }))).toEqual([
      ['CACHE_CONFIG_RANGE', 'cacheServer.token'],
    ])
    expect(problemsOf(() => cacheServer({ backend } as never))).toEqual([
      ['CACHE_CONFIG_TYPE', 'cacheServer.token'],
    ])
    expect(problemsOf(() => cacheServer({ backend, token: 's3cr t' }))).toEqual([
      ['CACHE_CONFIG_RANGE', 'cacheServer.token'],
    ])
    expect(problemsOf(() => cacheServer({ backend: { get: 1 }, token } as never))).toEqual([
      ['CACHE_CONFIG_BACKEND', 'cacheServer.backend'],
    ])
  })

  test('all that is wrong is said at once, and no secret', () => {
    const options = {
      baseUrl: 'ftp://x',
      authToken: 's3cr\n',
      timeout: 5000,
      maxRetries: -1,
      maxConections: 3,
    }
    expect(problemsOf(() => httpApi(options as never))).toEqual([
      ['CACHE_CONFIG_UNKNOWN_OPTION', 'httpApi.maxConections'],
      ['CACHE_CONFIG_RANGE', 'httpApi.baseUrl'],
      ['CACHE_CONFIG_RANGE', 'httpApi.authToken'],
      ['CACHE_CONFIG_RANGE', 'httpApi.timeout'],
      ['CACHE_CONFIG_RANGE', 'httpApi.maxRetries'],
    ])
    expect(problemsOf(() => httpApi({ baseUrl: 'http://u:s3cr@x' }))).toEqual([
      ['CACHE_CONFIG_RANGE', 'httpApi.baseUrl'],
    ])
  })

  test('slashes at the end of the URL are left out, and its path is kept', async () => {
    const paths: string[] = []
    const url = await serve((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(404, { 'stowage-mark': String(request.headers['stowage-mark']) }).end()
    })
    const client = httpApi({ baseUrl: `${url}/api/v1//`, authToken: token })
    onTestFinished(() => client.close())
    await client.get('a b')
    expect(paths).toEqual(['/api/v1/cache/a%20b'])
  })
})
