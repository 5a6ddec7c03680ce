import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CacheBackendError, cacheServer, httpApi, memory } from '@stowage/core'
import { build } from 'esbuild'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve, token } from './http-site.ts'

const clientOf = (
  baseUrl: string,
  options: { readonly maxRetries?: number; readonly timeout?: '300ms' } = {},
) => {
  const client = httpApi({ baseUrl, authToken: token, timeout: '2s', maxValueBytes: '1mb', ...options })
  onTestFinished(() => client.close())
  return client
}

const failureOf = (work: unknown): Promise<CacheBackendError> =>
  Promise.resolve(work).then(
    (value) => {
      throw new Error(`answered with ${JSON.stringify(value)}`)
    },
    (error: unknown) => error as CacheBackendError,
  )

/** A server of raw bytes: what it says to each request is up to the test. */
const rawServer = async (answer: (mark: string, socket: Socket) => void): Promise<string> => {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (data) => answer(/stowage-mark: (\S+)/i.exec(String(data))?.[1] ?? '', socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const headOf = (mark: string, fields: string): string =>
  `HTTP/1.1 200 OK\r\nStowage-Mark: ${mark}\r\n${fields}\r\n`

describe('httpApi: answers that are not what they say', () => {
  test.each<readonly [string, (mark: string, socket: Socket) => void]>([
    [
      'a length that is longer than what comes',
      (mark, socket) => void socket.end(`${headOf(mark, 'Content-Length: 500\r\n')}{"value":"half`),
    ],
    [
      'a length that is shorter than what comes',
      (mark, socket) => void socket.write(`${headOf(mark, 'Content-Length: 8\r\n')}{"value":"cut"}`),
    ],
    [
      'chunks that are none',
      (mark, socket) =>
        void socket.write(`${headOf(mark, 'Transfer-Encoding: chunked\r\n')}zz\r\n{"value":"x"}\r\n`),
    ],
    [
      'chunks that break off',
      (mark, socket) =>
        void socket.end(`${headOf(mark, 'Transfer-Encoding: chunked\r\n')}10\r\n{"value":"half`),
    ],
    [
      'two lengths',
      (mark, socket) =>
        void socket.write(`${headOf(mark, 'Content-Length: 13\r\nContent-Length: 14\r\n')}{"value":"x"}`),
    ],
    [
      'a head without end',
      (_mark, socket) => void socket.write(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(5000)}`),
    ],
    ['no HTTP', (_mark, socket) => void socket.write('+OK\r\n')],
    [
      'an interim answer and nothing more',
      (_mark, socket) => void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
    [
      'an upgrade',
      (mark, socket) =>
        void socket.write(headOf(mark, 'Upgrade: x\r\nConnection: upgrade\r\n').replace('200 OK', '101 x')),
    ],
    ['the end of the connection', (_mark, socket) => void socket.end()],
  ])('%s is an error within the deadline', async (_name, answer) => {
    const client = clientOf(await rawServer(answer), { timeout: '300ms', maxRetries: 1 })
    const began = performance.now()
    expect(await failureOf(client.get('key'))).toBeInstanceOf(CacheBackendError)
    expect(performance.now() - began).toBeLessThan(1500)
  })

  test('an answer that nobody asked for is not taken for that to the next call', async () => {
    let answers = 0
    const url = await rawServer((mark, socket) => {
      answers += 1
      const body = `{"value":"${answers}"}`
      const one = `${headOf(mark, `Content-Length: ${body.length}\r\n`)}${body}`
      socket.write(one + one.replace(`"${answers}"`, '"z"'))
    })
    const client = clientOf(url)
    for (const key of ['a', 'b', 'c']) {
      const found = await Promise.resolve(client.get(key)).catch(() => 'an error')
      expect(['1', '2', '3', '4', '5', '6', 'an error']).toContain(found)
    }
  })
})

describe('httpApi: retries', () => {
  test('a server that closes kept connections at once costs no call', async () => {
    const behind = cacheServer({ backend: memory(), token })
    const url = await serve((request, response) => {
      // Says that it is kept, and closes it.
      response.on('finish', () => setImmediate(() => request.socket.destroy()))
      behind(request, response)
    })
    const client = clientOf(url)
    for (let n = 0; n < 30; n++) {
      await client.set(`key:${n}`, `${n}`, 60)
      expect(await client.get(`key:${n}`)).toBe(`${n}`)
    }
    expect(await client.tags?.bump(['t:a'])).toBeGreaterThanOrEqual(1)
  })

  test('an invalidation whose answer was lost is made again, and counts no less', async () => {
    const store = memory()
    const behind = cacheServer({ backend: store, token })
    let lost = 0
    const url = await serve((request, response) => {
      if (request.url === '/tags/bump' && lost++ === 0)
        response.end = (() => {
          request.socket.destroy()
          return response
        }) as typeof response.end
      behind(request, response)
    })
    const client = clientOf(url)
    const seq = (await client.tags?.bump(['t:a'])) ?? 0
    expect(seq).toBe(store.tags.head().seq)
    expect(await client.tags?.read(['t:a'])).toEqual([seq])
  })

  test.each([429, 503])('%i with a Retry-After of hours is over within the deadline', async (status) => {
    let requests = 0
    const url = await serve((_request, response) => {
      requests += 1
      response.writeHead(status, { 'retry-after': '36000' }).end()
    })
    const began = performance.now()
    expect((await failureOf(clientOf(url, { maxRetries: 1 }).get('key'))).code).toBe('BACKEND_ERROR')
    expect(performance.now() - began).toBeLessThan(2500)
    expect(requests).toBeLessThanOrEqual(2)
  })
})

describe('httpApi: batches', () => {
  /** Fails for one path in so many. */
  const failing = (fails: (request: IncomingMessage) => boolean): RequestListener => {
    const behind = cacheServer({ backend: memory(), token })
    return (request: IncomingMessage, response: ServerResponse) => {
      if (fails(request)) response.writeHead(500).end()
      else behind(request, response)
    }
  }

  test('of a batch of which some fail nothing is said to be stored that is not, and the call ends once', async () => {
    const url = await serve(failing(({ method, url: path }) => method === 'PUT' && /7$/.test(path ?? '')))
    const client = clientOf(url, { maxRetries: 0 })
    const entries = Array.from({ length: 150 }, (_, n) => [`key:${n}`, `${n}`] as const)
    await failureOf(client.setMany?.(entries, 60))
    const found = await client.getMany?.(entries.map(([key]) => key))
    for (const [key, value] of found ?? []) expect(key).toBe(`key:${value}`)
    expect(found?.has('key:7')).toBe(false)
  })

  test.each([
    ['another key', { values: [['other', 'value']], rest: [] }],
    ['the same rest for ever', { values: [], rest: ['a', 'b'] }],
    ['a rest that was not asked for', { values: [], rest: ['z'] }],
  ])('%s in the answer to a batch is not believed', async (_name, answer) => {
    let requests = 0
    const url = await serve((request, response) => {
      requests += 1
      response.setHeader('stowage-mark', String(request.headers['stowage-mark'])).end(JSON.stringify(answer))
    })
    await failureOf(clientOf(url).getMany?.(['a', 'b']))
    expect(requests).toBeLessThan(3)
  })
})

describe('httpApi: its end', () => {
  test('what is under way when it is closed ends, and nothing is left unhandled', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const url = await serve(() => undefined)
    const client = clientOf(url)
    const entries = [
      ['a', '1'],
      ['b', '2'],
    ] as const
    const pending = [
      client.get('a'),
      client.get('a'),
      client.get('a'),
      client.set('a', '1', 60),
      client.setMany?.(entries, 60),
      client.getMany?.(['a', 'b']),
      client.tags?.head(),
      client.tags?.head(),
      client.tags?.bump(['t:a']),
      client.health?.(),
    ]
    const settled = Promise.allSettled(pending)
    await new Promise((resume) => setTimeout(resume, 50))
    const began = performance.now()
    await client.close()
    await client.close()
    await settled
    expect(performance.now() - began).toBeLessThan(600)
    await new Promise((resume) => setTimeout(resume, 50))
    expect(unhandled).toEqual([])
  })

  test('a client that was used, and not closed, keeps no process alive', async () => {
    const url = await serve(cacheServer({ backend: memory(), token }))
    const built = await mkdtemp(join(tmpdir(), 'stowage-client-'))
    onTestFinished(() => rm(built, { recursive: true }))
    const core = join(built, 'core.mjs')
    const source = new URL('../../src/index.ts', import.meta.url).pathname
    await build({ entryPoints: [source], outfile: core, bundle: true, platform: 'node', format: 'esm' })
    const script = `const { httpApi } = await import(${JSON.stringify(core)})
const client = httpApi({ baseUrl: ${JSON.stringify(url)}, authToken: ${JSON.stringify(token)} })
await client.set('key', 'value', 60)
const found = await Promise.all([1, 2, 3, 4].map(() => client.get('key')))
console.log(found.join())`
    const began = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout).toBe('value,value,value,value\n')
    expect(performance.now() - began).toBeLessThan(4000)
  })
})
