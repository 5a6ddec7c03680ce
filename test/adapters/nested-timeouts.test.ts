import type { CacheOptions, CachePolicy } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { express4, express5 } from './express.ts'

type Place = 'in front of the application' | 'in front of a router'
type Times = readonly [outer: CachePolicy['softTimeout'], inner: CachePolicy['softTimeout']]

/** Who is over its time first: the outer one, the inner one, or both in one turn. */
const orders: readonly (readonly [string, Times])[] = [
  ['the outer one first', ['30ms', '90ms']],
  ['the inner one first', ['90ms', '30ms']],
  ['both at once', ['40ms', '40ms']],
]

/** A timer that is longer than those of both caches, and set later. */
const bothOver = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 120))

/** Two caches that are not one, and a handler that waits from its second run on until it is let go. */
const serveNested = async (
  express: typeof express5,
  place: Place,
  [outerOptions, innerOptions]: readonly [CacheOptions, CacheOptions],
  waitsFrom = 2,
) => {
  const clock = fakeClock()
  let runs = 0
  let go = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const signals: AbortSignal[] = []
  const inner = cacheMiddleware({ name: 'inner', clock, ...innerOptions } as never)
  const middle = cacheMiddleware({ name: 'outer', clock, ...outerOptions } as never)
  const app = express()
  const router = express.Router()
  if (place === 'in front of a router') app.use(middle)
  router.use(inner)
  router.get('/a', async (req, res) => {
    runs += 1
    const run = runs
    if (req.cache !== undefined) signals.push(req.cache.signal)
    if (run >= waitsFrom) await gate
    // What only a server-side ttl covers the inner one would tell the outer one not to keep.
    res.set('Cache-Control', 'max-age=60')
    res.write(`run ${run}, `)
    res.end('whole')
  })
  app.use(router)
  const outer =
    place === 'in front of a router'
      ? middle
      : cached(app, { name: 'outer', clock, ...outerOptions } as never)
  for (const cache of [outer, inner]) cache.on('error', () => undefined)
  const { url, close } = await listen((place === 'in front of a router' ? app : outer) as never, outer)
  onTestFinished(async () => {
    await close()
    await inner.close()
  })
  return { url: `${url}/a`, clock, go: () => go(), runs: () => runs, signals, outer }
}

describe.each([
  ['Express 5', 'in front of the application', express5],
  ['Express 5', 'in front of a router', express5],
  ['Express 4', 'in front of the application', express4],
  ['Express 4', 'in front of a router', express4],
] as const)('%s: one cache %s and one inside', (_, place, express) => {
  test.each(orders)(
    'over their softTimeouts, %s: one stale response, and a stored one each',
    async (_name, times) => {
      const [outer, inner] = times.map((softTimeout) => ({ softTimeout, staleIfError: '10m' }))
      const site = await serveNested(express, place, [outer, inner] as never)
      expect((await request(site.url)).text).toBe('run 1, whole')
      site.clock.advance(61_000)
      const stale = await request(site.url)
      expect([stale.status, stale.text]).toEqual([200, 'run 1, whole'])
      expect(stale.headers['cache-status']).toContain('soft-timeout')
      expect(site.runs()).toBe(2)
      await bothOver()
      site.go()
      await expect.poll(async () => (await request(site.url)).text).toBe('run 2, whole')
      expect(site.runs()).toBe(2)
      expect((await request(site.url)).headers['cache-status']).toMatch(/outer; hit; ttl=60$/)
      await site.outer.invalidate({ url: '/a' })
      expect((await request(site.url)).text).toBe('run 2, whole')
      expect(site.runs()).toBe(2)
    },
  )

  test.each(orders)(
    'over their hardTimeouts, %s: one stale response, and the handler stops',
    async (_name, times) => {
      const [outer, inner] = times.map((hardTimeout) => ({ hardTimeout, staleIfError: '10m' }))
      const site = await serveNested(express, place, [outer, inner] as never)
      await request(site.url)
      site.clock.advance(61_000)
      const stale = await request(site.url)
      expect([stale.status, stale.text]).toEqual([200, 'run 1, whole'])
      expect(stale.headers['cache-status']).toContain('hard-timeout')
      await bothOver()
      expect(site.signals.at(-1)?.aborted).toBe(true)
      site.go()
      expect((await request(site.url)).text).toBe('run 1, whole')
    },
  )

  test.each(orders)(
    'over their hardTimeouts with nothing stored, %s: one 504, which nobody stores',
    async (_name, times) => {
      const [outer, inner] = times.map((hardTimeout) => ({ hardTimeout }))
      const site = await serveNested(express, place, [outer, inner] as never, 1)
      const none = await request(site.url)
      expect([none.status, none.text]).toEqual([504, ''])
      await bothOver()
      site.go()
      const { status, text } = await request(site.url)
      expect([status, text]).toEqual([200, 'run 2, whole'])
      expect((await request(site.url)).text).toBe('run 2, whole')
      expect(site.runs()).toBe(2)
    },
  )
})
