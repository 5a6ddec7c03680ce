import { type CacheOptions, memory } from '@stowage/core'
import { type ChaosBackend, chaosBackend, fakeClock } from '@stowage/core/testing'
import express, { type Request, type RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, open } from './client.ts'
import { makeCache, Runs, serve, until } from './support.ts'

/** Clients whose answer nobody will read, and how many of them the server has seen go. */
class Leavers {
  #gone = 0

  readonly watch: RequestHandler = (_request, response, next) => {
    response.on('close', () => {
      if (!response.writableFinished) this.#gone += 1
    })
    next()
  }

  /** Sends a request; what it returns breaks the connection, and is done when the server knows. */
  come(port: number, path: string): () => Promise<void> {
    const request = open(port, path, { headers: { host: 'shop.example' } })
    request.on('error', () => undefined)
    request.end()
    return async () => {
      const before = this.#gone
      request.destroy()
      await until(() => this.#gone > before, 'leaving')
    }
  }
}

interface Shop {
  readonly port: number
  readonly runs: Runs
  readonly leavers: Leavers
}

/** A route whose lookup is another than the one in front of it: `/items?x=1` is looked up twice. */
const shop = async (
  options: CacheOptions<Request>,
  policy: CacheOptions<Request> = {},
  handler: RequestHandler = (_request, response) => void response.send('x'),
): Promise<Shop> => {
  const [runs, leavers] = [new Runs(), new Leavers()]
  const cache = makeCache(options)
  cache.on('error', ({ code }) => expect(code).toBe('REVALIDATION_FAILED'))
  const app = express()
  app.use(leavers.watch, cache)
  const rules = cache.route({ ttl: '5m', ...policy, key: { query: ['page'] } })
  const count: RequestHandler = (_request, _response, next) => {
    runs.add()
    next()
  }
  app.get('/items', rules, count, handler)
  return { port: await serve(app), runs, leavers }
}

const hold = ({ chaos }: ChaosBackend): void => chaos.set({ hangRate: 1, only: ['get'] })

const release = ({ chaos }: ChaosBackend): void => {
  chaos.set({ hangRate: 0 })
  chaos.release()
}

/** Lets so many reads go on together, and has those after them wait. */
const step = async ({ chaos }: ChaosBackend, reads = 1): Promise<void> => {
  await until(() => chaos.hanging === reads, `${reads} reads`)
  chaos.release()
}

const asShop = { headers: { host: 'shop.example' } }

/** Whoever comes now waits for nobody who has gone. */
const expectPrompt = async (port: number): Promise<void> => {
  const before = performance.now()
  const answers = await Promise.all([0, 1, 2].map(() => ask(port, '/items?x=1', asShop)))
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 200, cache: expect.not.stringMatching(/collapsed=\?0/) })
  expect(performance.now() - before).toBeLessThan(2000)
}

describe('a client that leaves', () => {
  test.each([0, 1])(
    'during a lookup leaves nothing for others to wait for (after %d lookups)',
    async (done) => {
      const backend = chaosBackend(memory(), { mode: 'async' })
      const { port, runs, leavers } = await shop({ backend })
      hold(backend)
      const leave = leavers.come(port, '/items?x=1')
      for (let lookup = 0; lookup < done; lookup += 1) await step(backend)
      await until(() => backend.chaos.hanging === 1, 'a lookup')
      await leave()
      release(backend)
      await expectPrompt(port)
      expect(runs.of()).toBe(1)
    },
  )

  test('hands its place in a flight to nobody who has left before', async () => {
    const backend = chaosBackend(memory(), { mode: 'async' })
    const handler: RequestHandler = (_request, response) => {
      // The first is never answered.
      if (runs.of() > 1) response.send('x')
    }
    const { port, runs, leavers } = await shop({ backend, collapse: false }, { collapse: {} }, handler)
    hold(backend)
    const leaves = [leavers.come(port, '/items?x=1'), leavers.come(port, '/items?x=1')]
    await step(backend, 2)
    await step(backend, 2)
    await until(() => runs.of() === 1, 'a leader')
    release(backend)
    for (const leave of leaves.reverse()) await leave()
    await expectPrompt(port)
    expect(runs.of()).toBe(2)
  })

  test('while its route finds a stale response keeps nobody from revalidating it', async () => {
    const clock = fakeClock()
    const backend = chaosBackend(memory({ clock }), { mode: 'async' })
    const stale = { ttl: '10s', staleWhileRevalidate: '60s' } as const
    const [first, second] = [await shop({ backend, clock }, stale), await shop({ backend, clock }, stale)]
    await ask(first.port, '/items?x=1', asShop)
    clock.advance(20_000)
    hold(backend)
    const leave = second.leavers.come(second.port, '/items?x=1')
    await step(backend)
    await until(() => backend.chaos.hanging === 1, 'the lookup of the route')
    await leave()
    release(backend)
    const hit = async (): Promise<boolean> =>
      /^stowage; hit; ttl=\d/.test((await ask(second.port, '/items?x=1', asShop)).cache)
    await expect
      .poll(
        () => {
          clock.advance(2000)
          return hit()
        },
        { timeout: 5000 },
      )
      .toBe(true)
    expect(second.runs.of()).toBeGreaterThan(0)
  })
})
