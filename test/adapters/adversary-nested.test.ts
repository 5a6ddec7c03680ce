import type { RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import type { CacheOptions, ResponseCache } from '@stowage/core'
import { fakeClock, listen, request } from '@stowage/core/testing'
import * as onExpress from '@stowage/express'
import * as onKoa from '@stowage/koa'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3, type KoaClass } from '../../packages/koa/test/koa.ts'
import { express4, express5 } from './express.ts'

type Body = (run: number) => string | Readable
type Cache = ResponseCache<never>
interface Site {
  readonly listener: RequestListener
  readonly caches: readonly [outer: Cache, inner: Cache]
}
/** An application with one cache further inside than the other. */
type Nest = (outer: CacheOptions, inner: CacheOptions, body: Body) => Site

const fresh = 'max-age=10, stale-while-revalidate=1000'

const inExpress =
  (express: typeof express5): Nest =>
  (outerOptions, innerOptions, body) => {
    let runs = 0
    const outer = onExpress.cacheMiddleware(outerOptions as never)
    const inner = onExpress.cacheMiddleware(innerOptions as never)
    const mounted = express()
      .use(inner)
      .get('/', (_request, response) => {
        runs += 1
        const made = body(runs)
        response.set('cache-control', fresh)
        if (typeof made === 'string') response.send(made)
        else made.pipe(response)
      })
    return { listener: express().use(outer).use('/a', mounted), caches: [outer, inner] }
  }

const inKoa =
  (Koa: KoaClass): Nest =>
  (outerOptions, innerOptions, body) => {
    let runs = 0
    const outer = onKoa.cacheMiddleware(outerOptions as never)
    const inner = onKoa.cacheMiddleware(innerOptions as never)
    const app = new Koa().use(outer).use(inner)
    app.use((ctx) => {
      runs += 1
      ctx.set('cache-control', fresh)
      ctx.body = body(runs)
    })
    return { listener: app.callback(), caches: [outer, inner] }
  }

const warnings: string[] = []
const note = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`)

beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})

afterEach(() => {
  process.off('warning', note)
})

describe.each<readonly [string, Nest]>([
  ['Express 5', inExpress(express5)],
  ['Express 4', inExpress(express4)],
  ['Koa 3', inKoa(Koa3)],
  ['Koa 2', inKoa(Koa2)],
])('%s: two caches in one application', (_, nest) => {
  const serve = async (outer: CacheOptions = {}, body: Body = (run) => `run ${run}`) => {
    const clock = fakeClock()
    const site = nest({ clock, name: 'outer', ...outer }, { clock, name: 'inner' }, body)
    const { url, close } = await listen(site.listener, site.caches[0])
    onTestFinished(async () => {
      await close()
      await site.caches[1].close()
    })
    const ask = (headers: Record<string, string> = {}) => request(`${url}/a`, { headers })
    return { clock, ask }
  }

  test('with the same stale response refresh it by one run of the handler', async () => {
    const { clock, ask } = await serve()
    expect((await ask()).text).toBe('run 1')
    clock.advance(20_000)
    expect((await ask()).text).toBe('run 1')
    await expect.poll(async () => (await ask()).text).toBe('run 2')
    expect((await ask()).headers['cache-status']).toMatch(/outer; hit; ttl=10$/)
  })

  test('the inner one revalidates also what the outer one has fresh', async () => {
    const long = { ttl: '1h', precedence: 'policy', scope: 'public' } as const
    const { clock, ask } = await serve({ ...long, when: (view) => view.header('x-inner') === undefined })
    const inside = { 'x-inner': '1' }
    expect((await ask(inside)).text).toBe('run 1')
    await ask()
    clock.advance(11_000)
    expect((await ask(inside)).text).toBe('run 1')
    await expect.poll(async () => (await ask(inside)).text).toBe('run 2')
    expect((await ask()).text).toBe('run 1')
  })

  test('are no leak of listeners to Node where a stream is sent', async () => {
    const { ask } = await serve({}, () => Readable.from(['one', 'two']))
    expect((await ask()).text).toBe('onetwo')
    expect(warnings).toEqual([])
  })
})
