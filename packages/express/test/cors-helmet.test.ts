import cors from 'cors'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { describe, expect, test } from 'vitest'
import { ask, expectSame } from './client.ts'
import { expresses, type Runs, twins } from './support.ts'

const origins = ['https://a.example', 'https://b.example', undefined, 'null', 'https://c.example'] as const

const fromOrigin = (origin: string | undefined): { headers: Record<string, string> } => ({
  headers: origin === undefined ? {} : { origin },
})

const answer =
  (runs: Runs): RequestHandler =>
  (_request, response) => {
    runs.add()
    response.set('Cache-Control', 'max-age=60').json({ shared: true })
  }

/** Origins in every order of arrival, each twice. */
const orders = origins.map((_, by) => [...origins.slice(by), ...origins.slice(0, by), ...origins])

describe.each(expresses)('$name: cors beside the cache', ({ express }) => {
  test.each(orders)('outside: every origin reads its own name, first %s', async (...order) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(cors({ origin: true, credentials: true, exposedHeaders: ['X-A'] }), layer)
      app.get('/', answer(counted))
    })
    for (const origin of order) {
      const got = await ask(cached, '/', fromOrigin(origin))
      expect(got.headers['access-control-allow-origin']).toBe(origin)
      expectSame(got, await ask(bare, '/', fromOrigin(origin)))
    }
    // Where cors answers an origin itself, the handler's response does not vary by it; without one it may.
    expect(runs.of()).toBe(order[0] === undefined ? origins.length : 1)
  })

  test.each(orders)('inside: every origin is a variant of its own, first %s', async (...order) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, cors({ origin: true, credentials: true, exposedHeaders: ['X-A'] }))
      app.get('/', answer(counted))
    })
    for (const origin of order) {
      const got = await ask(cached, '/', fromOrigin(origin))
      expect(got.headers['access-control-allow-origin']).toBe(origin)
      expectSame(got, await ask(bare, '/', fromOrigin(origin)))
    }
    expect(runs.of()).toBe(origins.length)
  })

  test.each(orders)(
    'a reflected origin without Vary is given to no other origin, first %s',
    async (...order) => {
      const { cached } = await twins(express, (app, layer) => {
        app.use(layer)
        app.get('/', (request, response) => {
          const { origin } = request.headers
          if (origin !== undefined) response.set('Access-Control-Allow-Origin', origin)
          response.set('Cache-Control', 'max-age=60').send('x')
        })
      })
      for (const origin of order) {
        const allowed = (await ask(cached, '/', fromOrigin(origin))).headers['access-control-allow-origin']
        expect([origin, undefined]).toContain(allowed)
      }
    },
  )

  test.each(['outside', 'inside'])('%s: a preflight is answered as without the cache', async (place) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const handlers = [cors({ origin: true, methods: ['PUT'] }), layer]
      app.use(place === 'outside' ? handlers : handlers.reverse())
      app.get('/', answer(counted))
    })
    await ask(cached, '/')
    for (const origin of ['https://a.example', 'https://b.example', 'https://a.example']) {
      const headers = { origin, 'access-control-request-method': 'PUT' }
      const preflight = await ask(cached, '/', { method: 'OPTIONS', headers })
      expectSame(preflight, await ask(bare, '/', { method: 'OPTIONS', headers }))
      expect(preflight.status).toBe(204)
      expect(preflight.headers['access-control-allow-origin']).toBe(origin)
      expect(preflight.cache).not.toMatch(/hit|stored/)
    }
    // A safe method invalidates nothing.
    expect((await ask(cached, '/')).cache).toMatch(/^stowage; hit/)
    expect(runs.of()).toBe(1)
  })

  test.each(['outside', 'inside'])('%s: one allowed origin is the same for everybody', async (place) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const handlers = [cors({ origin: '*' }), layer]
      app.use(place === 'outside' ? handlers : handlers.reverse())
      app.get('/', answer(counted))
    })
    for (const origin of origins)
      expectSame(await ask(cached, '/', fromOrigin(origin)), await ask(bare, '/', fromOrigin(origin)))
    expect(runs.of()).toBe(1)
  })
})

let nonces = 0

const nonce: RequestHandler = (_request, response, next) => {
  nonces++
  response.locals.nonce = `n${nonces}`
  next()
}

const policy: RequestHandler = helmet({
  contentSecurityPolicy: {
    directives: {
      scriptSrc: [
        "'self'",
        (_request, response) =>
          `'nonce-${(response as unknown as { locals: { nonce: string } }).locals.nonce}'`,
      ],
    },
  },
})

const nonceIn = (value: unknown): string | undefined => /nonce-(n\d+)/.exec(String(value))?.[1]

describe.each(expresses)('$name: helmet beside the cache', ({ express }) => {
  test('outside: every response has its own nonce, hits included', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(nonce, policy, layer).get('/', answer(counted))
    })
    const seen = new Set<string | undefined>()
    for (const headers of [{}, {}, { 'if-none-match': '*' }, { range: 'bytes=0-3' }]) {
      const got = await ask(cached, '/', { headers })
      seen.add(nonceIn(got.headers['content-security-policy']))
    }
    expect(seen.size).toBe(4)
    expect(seen.has(undefined)).toBe(false)
    expect(runs.of()).toBe(1)
  })

  test('inside: the stored nonce is that of the stored body', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, nonce, policy)
      app.get('/', (_request, response) => {
        counted.add()
        response.set('Cache-Control', 'max-age=60').send(`<script nonce="nonce-${response.locals.nonce}">`)
      })
    })
    const [miss, hit] = [await ask(cached, '/'), await ask(cached, '/')]
    for (const got of [miss, hit])
      expect(nonceIn(got.headers['content-security-policy'])).toBe(nonceIn(got.text))
    expect(hit.text).toBe(miss.text)
    expect(runs.of()).toBe(1)
  })

  test.each(['outside', 'inside'])('%s: the other fields are those that it sets', async (place) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const handlers = [helmet(), layer]
      app.use(place === 'outside' ? handlers : handlers.reverse())
      app.get('/', answer(counted))
    })
    const expected = await ask(bare, '/')
    expect(expected.headers).toHaveProperty('strict-transport-security')
    // Helmet removes the field that Express has set in front of the cache.
    expect(expected.headers).not.toHaveProperty('x-powered-by')
    for (const turn of [1, 2]) expectSame(await ask(cached, '/'), expected, [], `${place} ${turn}`)
    expect(runs.of()).toBe(1)
  })
})
