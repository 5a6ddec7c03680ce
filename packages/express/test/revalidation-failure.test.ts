import { fakeClock } from '@stowage/core/testing'
import { isRevalidation } from '@stowage/express'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { expresses, makeCache, Runs, serve, until } from './support.ts'

/** What a handler may do to a revalidation instead of answering it. */
const failures: Readonly<Record<string, (response: Response) => unknown>> = {
  'answers 500': (response) => response.status(500).send('bad'),
  'answers 503 with a file missing': (response) => response.sendStatus(503),
  throws: () => {
    throw new Error('thrown')
  },
  'destroys the response': (response) => response.destroy(),
  'destroys the socket': (response) => response.socket?.destroy(),
  'fails after the first bytes': (response) => {
    response.write('half')
    setImmediate(() => response.destroy(new Error('half')))
  },
  'has more than is stored': (response) => response.send('x'.repeat(2000)),
  'changes its mind': (response) => {
    response.write('half')
    response.req.cache?.skip('half')
    response.end()
  },
  'announces more than it has': (response) => {
    response.setHeader('Content-Length', 100)
    response.end('short')
  },
}

const plainError: ErrorRequestHandler = (_error, _request, response, next) => {
  if (response.headersSent) next(_error)
  else response.status(500).send('error')
}

const start = async (
  express: (typeof expresses)[number]['express'],
  refresh: (response: Response) => unknown,
  gate?: RequestHandler,
) => {
  const clock = fakeClock()
  const cache = makeCache({ clock, ttl: 60, staleWhileRevalidate: 600, maxBodyBytes: 1000 })
  const runs = new Runs()
  const events: string[] = []
  cache.on('refresh', ({ ok }) => void events.push(`refresh ${ok}`))
  cache.on('error', ({ code }) => void events.push(code))
  const app = express()
  let fails = true
  if (gate !== undefined) app.use(gate)
  app.use(cache).get('/', (request, response) => {
    const run = runs.add()
    if (isRevalidation(request) && fails) return refresh(response) as Promise<void>
    return void response.send(`version ${run}`)
  })
  app.use(plainError)
  const port = await serve(app)
  const recover = (): void => {
    fails = false
  }
  return { clock, cache, runs, events, port, recover }
}

describe.each(expresses)('$name: a revalidation that fails', ({ express, major }) => {
  test.each(Object.entries(failures))(
    '%s: the stale response stays, and a later one succeeds',
    async (title, fail) => {
      const { clock, port, events, recover, runs } = await start(express, fail)
      await ask(port, '/')
      clock.advance(90_000)
      for (const turn of [1, 2, 3]) {
        const stale = await ask(port, '/')
        expect([stale.text, stale.cache.includes('swr')], `${turn}`).toEqual(['version 1', true])
        await until(() => events.length > 0, title)
      }
      // Within a second of a failure the handler is left in peace.
      expect(runs.of()).toBe(2)
      expect(events.filter((event) => event.startsWith('refresh'))).not.toContain('refresh true')
      recover()
      clock.advance(1500)
      await until(() => {
        void ask(port, '/')
        return events.includes('refresh true')
      })
      expect((await ask(port, '/')).text).toMatch(/^version \d$/)
      expect((await ask(port, '/')).cache).toMatch(/^stowage; hit; ttl=(59|60)$/)
    },
  )

  // Express 4 leaves a rejection to the process, with and without a cache.
  if (major >= 5)
    test('a handler that rejects is a failure like another, and no unhandled rejection', async () => {
      const rejections: unknown[] = []
      const note = (error: unknown): void => void rejections.push(error)
      process.on('unhandledRejection', note)
      const { clock, port, events } = await start(express, () => Promise.reject(new Error('rejected')))
      await ask(port, '/')
      clock.advance(90_000)
      expect((await ask(port, '/')).text).toBe('version 1')
      await new Promise((resolve) => setTimeout(resolve, 20))
      process.off('unhandledRejection', note)
      expect(rejections).toEqual([])
      expect(events).not.toContain('refresh true')
    })

  test('one that is refused in front of the cache leaves the stale response, and others to come', async () => {
    let refusals = 0
    const { clock, port, events, runs } = await start(
      express,
      () => undefined,
      (request, response, next) => {
        if (!isRevalidation(request)) return next()
        refusals++
        return void response.status(401).end('who are you')
      },
    )
    await ask(port, '/')
    clock.advance(90_000)
    for (const turn of [1, 2, 3]) {
      expect((await ask(port, '/')).text, `${turn}`).toBe('version 1')
      await until(() => events.length === 2)
    }
    expect(events.sort()).toEqual(['REVALIDATION_FAILED', 'refresh false'])
    expect([refusals, runs.of()]).toEqual([1, 1])
  })

  test('one that never answers holds up nobody', async () => {
    const { clock, port, runs } = await start(express, () => undefined)
    await ask(port, '/')
    clock.advance(90_000)
    for (const turn of [1, 2, 3, 4, 5]) expect((await ask(port, '/')).text, `${turn}`).toBe('version 1')
    expect(runs.of()).toBe(2)
  })

  test('an answer that must not be stored takes the place of nothing, and the stale one ends with its window', async () => {
    const { clock, port, runs, cache } = await start(express, (response) =>
      response.set('Cache-Control', 'no-store').send('secret'),
    )
    await ask(port, '/')
    clock.advance(90_000)
    await ask(port, '/')
    await until(() => runs.of() === 2)
    for (const turn of [1, 2]) {
      const answer = await ask(port, '/')
      expect(answer.text, `${turn}`).not.toBe('secret')
    }
    clock.advance(600_000)
    expect((await ask(port, '/')).text).toMatch(/^version [3-9]$/)
    expect(cache.stats().errors).toBeLessThan(3)
  })
})
