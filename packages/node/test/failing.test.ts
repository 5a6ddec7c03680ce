import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type CacheOptions, memory } from '@stowage/core'
import { asyncBackend, fakeClock } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { fresh } from './cached.ts'
import { ask, listen, speak } from './plain.ts'

type Fail = (response: ServerResponse) => unknown

const failure = new Error('the handler has failed')

const failures: Readonly<Record<string, Fail>> = {
  throws: () => {
    throw failure
  },
  rejects: () => Promise.reject(failure),
  'rejects after a while': async () => {
    await new Promise((resume) => setImmediate(resume))
    throw failure
  },
}

const destructions: Readonly<Record<string, Fail>> = {
  'destroys its response': (response) => response.destroy(),
  'destroys its response with an error, later': (response) =>
    void setImmediate(() => response.destroy(failure)),
}

/** A listener that answers once, and fails from then on; `outside` has what came out of it. */
const serveFailing = async (fail: Fail, options: CacheOptions<IncomingMessage>) => {
  const clock = fakeClock()
  let runs = 0
  const handler = cached(
    (_request, response) => {
      runs += 1
      if (runs > 1) return fail(response) as undefined
      response.writeHead(200, { 'Cache-Control': fresh })
      response.end('good')
      return undefined
    },
    { clock, ...options },
  )
  const reported: unknown[] = []
  handler.on('error', ({ code, error }) => reported.push([code, error]))
  const outside: unknown[] = []
  const caught =
    (response: ServerResponse) =>
    (error: unknown): void => {
      outside.push(error)
      response.statusCode = 500
      response.end('outside')
    }
  const server = createServer((request, response) => {
    try {
      // What it returns is what captureRejections looks at.
      const done: unknown = (handler as (...given: unknown[]) => unknown)(request, response)
      Promise.resolve(done).catch(caught(response))
    } catch (error) {
      caught(response)(error)
    }
  })
  return { port: await listen(server), clock, reported, outside, runs: () => runs }
}

describe.each(Object.entries(failures))('a listener that %s', (_, fail) => {
  test('is stood in for by a stale response, and reported', async () => {
    const { port, clock, reported, outside } = await serveFailing(fail, { staleIfError: '1m' })
    expect((await ask(port)).text).toBe('good')
    clock.advance(70_000)
    expect(await ask(port)).toMatchObject({
      status: 200,
      text: 'good',
      cache: 'stowage; fwd=stale; ttl=-10; detail=sie',
    })
    expect([outside, reported]).toEqual([[], [['HANDLER_FAILED', failure]]])
  })

  test('fails as without the cache where nothing may stand in', async () => {
    const { port, clock, reported, outside } = await serveFailing(fail, { staleIfError: 0 })
    await ask(port)
    clock.advance(70_000)
    expect(await ask(port)).toMatchObject({ status: 500, text: 'outside' })
    expect([outside, reported]).toEqual([[failure], []])
    expect(await ask(port, '/other')).toMatchObject({ status: 500, text: 'outside' })
  })

  test('fails a refresh, and nobody else', async () => {
    const { port, clock, reported, outside, runs } = await serveFailing(fail, { staleWhileRevalidate: '1m' })
    await ask(port)
    clock.advance(70_000)
    expect(await ask(port)).toMatchObject({ text: 'good', cache: expect.stringContaining('detail=swr') })
    await expect.poll(() => reported).toEqual([['REVALIDATION_FAILED', failure]])
    expect([outside, runs()]).toEqual([[], 2])
  })
})

describe.each(Object.entries(destructions))('a listener that %s', (_, fail) => {
  test('before the head is stood in for by a stale response', async () => {
    const { port, clock, reported } = await serveFailing(fail, { staleIfError: '1m' })
    await ask(port)
    clock.advance(70_000)
    const all = await Promise.all([ask(port), ask(port), ask(port)])
    for (const { status, text } of all) expect([status, text]).toEqual([200, 'good'])
    expect(reported).toMatchObject([['HANDLER_FAILED', expect.any(Error)]])
  })

  test('cuts the connection where nothing may stand in', async () => {
    const { port } = await serveFailing(fail, { staleIfError: 0 })
    await ask(port)
    for (const path of ['/', '/other']) {
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nCache-Control: no-cache\r\n\r\n`
      expect(await speak(port, request), path).toBe('')
    }
  })
})

test('what is thrown after a wait for the store is thrown at the process', async () => {
  const handler = cached(
    () => {
      throw failure
    },
    { backend: asyncBackend(memory()) },
  )
  const port = await listen(createServer(handler))
  const uncaught: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => void uncaught.push(error))
  try {
    const cut = speak(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await expect.poll(() => uncaught).toEqual([failure])
    await Promise.race([cut, new Promise((resume) => setImmediate(resume))])
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
})

test('options that cannot work are refused where they are given', () => {
  expect(() => cached(() => undefined, { tll: 60 } as never)).toThrow('cached: unknown option "tll"')
})
