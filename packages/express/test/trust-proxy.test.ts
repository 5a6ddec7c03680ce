import type { Application, RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, type Runs, serve, twins } from './support.ts'

/** A page full of what applications build links from. */
const links =
  (runs: Runs): RequestHandler =>
  (request, response) => {
    runs.add()
    response.json({ host: request.get('host'), hostname: request.hostname, protocol: request.protocol })
  }

const forwarded = (host?: string, proto?: string): Record<string, string> => ({
  host: 'origin.example',
  ...(host === undefined ? {} : { 'x-forwarded-host': host }),
  ...(proto === undefined ? {} : { 'x-forwarded-proto': proto }),
})

const requests = [
  forwarded(),
  forwarded('a.example'),
  forwarded('b.example'),
  forwarded('a.example', 'https'),
  forwarded(undefined, 'https'),
  forwarded('a.example, proxy.example'),
  forwarded('', 'http'),
  forwarded(' a.example ,x', 'https, http'),
  { host: 'other.example' },
  { host: 'other.example', 'x-forwarded-host': '' },
]

/** How many different answers these requests have, which is how many origin runs there must be. */
const answersOf = async (port: number): Promise<number> => {
  const texts = new Set<string>()
  for (const headers of requests) texts.add((await ask(port, '/', { headers })).text)
  return texts.size
}

describe.each(expresses)('$name: trust proxy', ({ express }) => {
  test.each([
    ['off', false],
    ['on', true],
    ['loopback', 'loopback'],
    ['another network', '10.0.0.0/8'],
    ['a function', (address: string) => address === '127.0.0.1'],
    ['one hop', 1],
  ])('%s: every answer is the one of its own host and scheme', async (_, trusted) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.set('trust proxy', trusted)
      app.use(layer, freshFor60s).get('/', links(counted))
    })
    for (const turn of [1, 2])
      for (const headers of [...requests, ...[...requests].reverse()]) {
        const got = await ask(cached, '/', { headers })
        expectSame(got, await ask(bare, '/', { headers }), [], `${turn} ${JSON.stringify(headers)}`)
      }
    // Host fields differ as well where X-Forwarded-Host hides them from the key, as `req.hostname` does.
    expect(runs.of()).toBeLessThanOrEqual(await answersOf(bare))
  })

  test('off: what a client says of its host reaches nobody else', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s).get('/', links(counted))
    })
    const poison = await ask(cached, '/', { headers: forwarded('evil.example', 'https') })
    const victim = await ask(cached, '/', { headers: forwarded() })
    expect(JSON.parse(victim.text)).toEqual({
      host: 'origin.example',
      hostname: 'origin.example',
      protocol: 'http',
    })
    expect(victim.text).toBe(poison.text)
    expect(victim.cache).toMatch(/^stowage; hit/)
    expect(runs.of()).toBe(1)
  })

  test('what a mounted application answers to a host that only it trusts is not stored', async () => {
    const { bare, cached } = await twins(express, (app, layer, counted) => {
      const sub = express()
      sub.set('trust proxy', true)
      sub.get('/', links(counted))
      app.use(layer, freshFor60s).use('/sub', sub)
    })
    const evil = await ask(cached, '/sub', { headers: forwarded('evil.example', 'https') })
    expect(evil.text).toContain('evil.example')
    for (const turn of [1, 2]) {
      await Promise.all(requests.map((headers) => ask(cached, '/sub', { headers })))
      for (const host of ['origin.example', 'other.example']) {
        const got = await ask(cached, '/sub', { headers: { host } })
        expectSame(got, await ask(bare, '/sub', { headers: { host } }), [], `${turn} ${host}`)
      }
    }
    expect((await ask(cached, '/sub', { headers: forwarded() })).cache).toMatch(/^stowage; hit/)
  })

  test('a mounted application inherits what the root trusts', async () => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.set('trust proxy', true)
      const sub = express()
      sub.use(layer, freshFor60s).get('/', links(counted))
      app.use('/sub', sub)
    })
    for (const headers of [...requests, ...requests])
      expectSame(await ask(cached, '/sub', { headers }), await ask(bare, '/sub', { headers }))
    expect(runs.of()).toBeGreaterThan(3)
  })

  test('an invalidation of one host leaves the others as they are', async () => {
    const app: Application = express()
    const cache = makeCache()
    app.set('trust proxy', true)
    app.use(cache, freshFor60s).all('/', (request, response) => void response.send(request.hostname))
    const port = await serve(app)
    const a = { headers: forwarded('a.example', 'https') }
    const b = { headers: forwarded('b.example', 'https') }
    const fill = async (): Promise<void> => {
      for (const who of [a, b]) await ask(port, '/', who)
    }
    await fill()
    await cache.invalidate({ url: 'https://a.example/' })
    expect((await ask(port, '/', b)).cache).toMatch(/^stowage; hit/)
    expect((await ask(port, '/', a)).cache).toContain('fwd=uri-miss')
    await fill()
    await ask(port, '/', { ...b, method: 'POST' })
    expect((await ask(port, '/', a)).cache).toMatch(/^stowage; hit/)
    expect((await ask(port, '/', b)).cache).toContain('fwd=uri-miss')
  })
})
