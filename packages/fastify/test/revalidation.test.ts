import { Readable } from 'node:stream'
import { request, type TestResponse } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions, isRevalidation } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { createApp, listen } from './support.ts'

interface Refreshing {
  readonly app: FastifyInstance
  readonly ask: (headers?: Record<string, string>) => Promise<TestResponse>
  /** The requests that handlers have seen. */
  readonly seen: readonly FastifyRequest[]
  /** Makes what is stored stale. */
  readonly age: () => void
  readonly refreshed: () => Promise<{ readonly ok: boolean }>
}

/** An application whose one route lies in two contexts, with the cache of the outer one. */
const refreshing = async (
  answer: (run: number, reply: FastifyReply) => unknown,
  options: FastifyCacheOptions = {},
): Promise<Refreshing> => {
  let now = Date.now()
  const app = createApp()
  await app.register(cachePlugin, { ttl: '1m', staleWhileRevalidate: '1h', clock: () => now, ...options })
  const seen: FastifyRequest[] = []
  await app.register(
    async (outer) => {
      await outer.register(
        async (inner) => {
          inner.get('/items/:id', async (incoming, reply) => {
            seen.push(incoming)
            return answer(seen.length, reply)
          })
        },
        { prefix: '/inner' },
      )
    },
    { prefix: '/outer' },
  )
  const url = `${await listen(app)}/outer/inner/items/7?page=2`
  return {
    app,
    seen,
    ask: (headers = {}) => request(url, { headers }),
    age: () => {
      now += 90_000
    },
    refreshed: () => new Promise((resolve) => app.cache.on('refresh', resolve)),
  }
}

describe('a background revalidation', () => {
  test.each<[string, (run: number, reply: FastifyReply) => unknown]>([
    ['a string', (run) => `run ${run}`],
    ['a stream', (run) => Readable.from(['run ', String(run)])],
    ['a large stream', (run) => Readable.from([`run ${run}`, 'x'.repeat(300_000)])],
    [
      'an answer that takes its time',
      async (run) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return `run ${run}`
      },
    ],
  ])('enters where requests enter and stores %s, after its client has gone', async (_, answer) => {
    const { ask, age, refreshed } = await refreshing(answer)
    await ask()
    age()
    const refresh = refreshed()
    expect((await ask()).text).toMatch(/^run 1/)
    expect(await refresh).toMatchObject({ ok: true })
    expect((await ask()).text).toMatch(/^run 2/)
  })

  test('carries what is in the key, and nobody’s cookies or credentials', async () => {
    const { ask, age, refreshed, seen } = await refreshing((run) => `run ${run}`, { scope: 'public' })
    const headers = { cookie: 'sid=alice', authorization: 'Bearer alice', 'x-trace': '7' }
    await ask(headers)
    age()
    const refresh = refreshed()
    await ask(headers)
    await refresh
    const [first, second] = seen
    expect(first?.headers).toMatchObject(headers)
    for (const name of Object.keys(headers)) expect(second?.headers[name]).toBeUndefined()
    expect([second?.params, second?.query]).toEqual([{ id: '7' }, { page: '2' }])
    expect(second?.host).toBe(first?.host)
  })

  test('is recognised by Fastify’s request and by Node’s, in hooks as well', async () => {
    const marks: unknown[] = []
    let now = Date.now()
    const app = createApp()
    app.addHook('onRequest', async (incoming) => {
      marks.push([isRevalidation(incoming), isRevalidation(incoming.raw)])
    })
    await app.register(cachePlugin, { ttl: '1m', staleWhileRevalidate: '1h', clock: () => now })
    app.get('/a', async (incoming) => incoming.cache.status)
    const url = `${await listen(app)}/a`
    await request(url)
    now += 90_000
    const refresh = new Promise((resolve) => app.cache.on('refresh', resolve))
    await request(url)
    await refresh
    expect(marks).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ])
    expect((await request(url)).text).toBe('refresh')
  })

  test.each<[string, (reply: FastifyReply) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('failed on purpose')
      },
    ],
    ['breaks off', () => Readable.from(brokenOff())],
    ['cuts the connection', (reply) => reply.raw.destroy()],
  ])('whose handler %s leaves the stale response as it was', async (_, fail) => {
    const { ask, age, refreshed } = await refreshing((run, reply) => (run === 1 ? 'run 1' : fail(reply)))
    await ask()
    age()
    const refresh = refreshed()
    await ask()
    expect(await refresh).toMatchObject({ ok: false })
    expect((await ask()).text).toBe('run 1')
  })

  test('asks with the validators of what is stored, and 304 freshens it', async () => {
    const { ask, age, refreshed, seen } = await refreshing((run, reply) => {
      reply.header('etag', '"v1"')
      return run === 1 ? 'run 1' : reply.code(304).send()
    })
    await ask()
    age()
    const refresh = refreshed()
    await ask()
    expect(await refresh).toMatchObject({ ok: true })
    expect(seen[1]?.headers['if-none-match']).toBe('"v1"')
    const fresh = await ask()
    expect(fresh).toMatchObject({ status: 200, text: 'run 1' })
    expect(fresh.headers.age).toBe('0')
  })

  test('passes the hooks of its route, which may refuse it', async () => {
    let now = Date.now()
    const app = createApp()
    await app.register(cachePlugin, {
      ttl: '1m',
      staleWhileRevalidate: '1h',
      clock: () => now,
      scope: 'public',
    })
    let runs = 0
    const guard = async (incoming: FastifyRequest): Promise<void> => {
      if (incoming.headers['x-key'] !== 'right') throw Object.assign(new Error('no'), { statusCode: 401 })
    }
    app.get('/a', { onRequest: guard }, async () => {
      runs += 1
      return `run ${runs}`
    })
    const url = `${await listen(app)}/a`
    const ask = (): Promise<TestResponse> => request(url, { headers: { 'x-key': 'right' } })
    await ask()
    now += 90_000
    expect((await ask()).text).toBe('run 1')
    expect((await request(url)).status).toBe(401)
    expect(runs).toBe(1)
  })
})

async function* brokenOff(): AsyncGenerator<string> {
  yield 'half '
  throw new Error('failed on purpose')
}
