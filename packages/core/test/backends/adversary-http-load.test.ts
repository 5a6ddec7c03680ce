import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createCache, httpApi } from '@stowage/core'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { bundle } from '../../../../test/processes/bundle.ts'
import { freePort } from '../../../../test/servers/ports.ts'
import { askOnce } from '../cache/site.ts'
import { token } from './http-site.ts'

const { script, remove } = bundle(new URL('http-child.ts', import.meta.url), {
  format: 'esm',
  alias: { '@stowage/core': new URL('../../src/index.ts', import.meta.url).pathname },
})
afterAll(remove)

/** A server in a process of its own. */
const start = async (on?: number): Promise<{ readonly child: ChildProcess; readonly port: number }> => {
  const port = on ?? (await freePort())
  const child = fork(script, [String(port)])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return { child, port }
}

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

const cacheAt = (port: number) => {
  const client = httpApi({ baseUrl: `http://127.0.0.1:${port}`, authToken: token })
  const cache = createCache({ backend: client, ttl: 60 })
  onTestFinished(() => cache.close())
  const codes: string[] = []
  cache.on('error', ({ code }) => codes.push(code))
  return { client, cache, codes }
}

const slow = async (): Promise<string> => {
  await pause(50)
  return 'body'
}

const askAll = async (cache: ReturnType<typeof createCache>, count: number, path: (n: number) => string) => {
  let runs = 0
  const handler = (): Promise<string> => {
    runs++
    return slow()
  }
  const asked = Array.from({ length: count }, (_, n) => askOnce(cache, path(n), handler))
  const outcomes = await Promise.all(asked)
  return { runs, hits: outcomes.filter((outcome) => outcome === 'hit').length }
}

/** How long after the fault has ended until other requests find what was stored before the next. */
const untilShared = async (cache: ReturnType<typeof createCache>): Promise<number> => {
  const ended = performance.now()
  for (let n = 0; performance.now() - ended < 15_000; n++) {
    await askOnce(cache, `/after/${n}`, slow)
    if ((await askOnce(cache, `/after/${n}`, slow)) === 'hit') return performance.now() - ended
    await pause(20)
  }
  throw new Error('no shared hits any more')
}

describe('httpApi: many at once', () => {
  test('1,000 concurrent requests for a cold key run the handler once, and none waits in vain', async () => {
    const { port } = await start()
    const { cache, codes } = cacheAt(port)
    const { runs, hits } = await askAll(cache, 1000, () => '/cold')
    expect(codes).toEqual([])
    expect(runs).toBe(1)
    expect(hits).toBe(999)
    const warm = await askAll(cache, 1000, () => '/cold')
    expect(codes).toEqual([])
    expect(warm.hits).toBe(1000)
  })
})

describe('httpApi: connections that hang', () => {
  /** Requests that meet the fault, more than there are connections. */
  const during = async (cache: ReturnType<typeof createCache>): Promise<void> => {
    const { hits } = await askAll(cache, 300, (n) => `/during/${n}`)
    expect(hits).toBe(0)
  }

  test('hits are shared again within 2 s after a stopped server goes on', async () => {
    const { port, child } = await start()
    const { cache } = cacheAt(port)
    await untilShared(cache)
    child.kill('SIGSTOP')
    await during(cache)
    await pause(1500)
    child.kill('SIGCONT')
    const ms = await untilShared(cache)
    expect(ms).toBeLessThan(2000)
  })

  test('and after a stopped server was replaced', async () => {
    const { port, child } = await start()
    const { cache } = cacheAt(port)
    await untilShared(cache)
    child.kill('SIGSTOP')
    await during(cache)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await start(port)
    const ms = await untilShared(cache)
    expect(ms).toBeLessThan(2000)
  })

  /** A path to the server that can forget its connections without a word, as a firewall does. */
  const forgetfulPath = async (port: number) => {
    const open = new Set<Socket>()
    const forgotten = new Set<Socket>()
    const proxy = createServer((socket) => {
      const onward = connect(port, '127.0.0.1')
      for (const each of [socket, onward]) each.on('error', () => undefined)
      open.add(socket).add(onward)
      socket.on('data', (data) => void (forgotten.has(socket) || onward.write(data)))
      onward.on('data', (data) => void (forgotten.has(onward) || socket.write(data)))
    })
    await new Promise<void>((resume) => proxy.listen(0, '127.0.0.1', resume))
    onTestFinished(() => {
      proxy.close()
      for (const socket of open) socket.destroy()
    })
    const forget = (): void => {
      for (const socket of open) forgotten.add(socket)
    }
    return { port: (proxy.address() as { port: number }).port, forget }
  }

  test('and after every connection was forgotten on the way', async () => {
    const path = await forgetfulPath((await start()).port)
    const { cache } = cacheAt(path.port)
    await untilShared(cache)
    await askAll(cache, 300, (n) => `/before/${n}`)
    path.forget()
    const ms = await untilShared(cache)
    expect(ms).toBeLessThan(2000)
  })

  test('a client without a breaker notices it as well, and what was asked then is answered', async () => {
    const path = await forgetfulPath((await start()).port)
    const { client } = cacheAt(path.port)
    await Promise.all(Array.from({ length: 200 }, (_, n) => client.set(`key:${n}`, `${n}`, 60)))
    path.forget()
    const began = performance.now()
    const found = await Promise.all(Array.from({ length: 200 }, (_, n) => client.get(`key:${n}`)))
    const ms = performance.now() - began
    expect(found).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
    expect(ms).toBeLessThan(2400)
  })
})
