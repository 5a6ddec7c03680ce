import type { RoutePolicy } from '@stowage/core'
import type { Request, RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { expresses, makeCache, serve } from './support.ts'

/** Stands for authentication: it makes a field for the handler out of one that no cache knows as a credential. */
const identify: RequestHandler = (request, _response, next) => {
  const token = request.headers['x-token']
  if (token !== undefined) request.headers['x-user'] = `user of ${String(token)}`
  next()
}

const greet: RequestHandler = (request, response) => {
  response.send(`for ${request.get('x-user') ?? 'nobody'}, ${request.get('range') ?? 'all'}`)
}

const policies: readonly (readonly [string, RoutePolicy<Request>])[] = [
  ['no rules', { ttl: '1m' }],
  ['the field among key.headers', { ttl: '1m', key: { headers: ['x-user'] } }],
  ['a part of the key made of it', { ttl: '1m', key: { by: { user: (r) => r.header('x-user') } } }],
  ['a scope made of it', { ttl: '1m', scope: (r) => r.header('x-user') ?? 'nobody' }],
]

describe.each(expresses)(
  '$name: a request header that middleware behind the cache rewrites',
  ({ express }) => {
    test('reaches the handler as that middleware has left it', async () => {
      const app = express()
      const cache = makeCache()
      app.use(cache, identify)
      app.use((request, _response, next) => {
        delete request.headers['x-token']
        next()
      })
      app.get('/', cache.route({ ttl: '1m', key: { query: 'none' } }), (request, response) => {
        response.json([request.headers['x-user'], request.headers['x-token'], request.headers.range])
      })
      const port = await serve(app)
      const headers = { 'x-token': 'a', 'if-none-match': '"other"' }
      expect(JSON.parse((await ask(port, '/', { headers })).text)).toEqual(['user of a', null, null])
    })

    test.each(policies)('keeps users apart by what it says, with %s', async (_name, policy) => {
      const app = express()
      const cache = makeCache()
      app.use(cache, identify)
      app.get('/', cache.route(policy), (request, response, next) => {
        response.vary('x-user')
        greet(request, response, next)
      })
      const port = await serve(app)
      const served = async (token: string) => (await ask(port, '/', { headers: { 'x-token': token } })).text
      for (const round of [1, 2, 3])
        for (const token of ['a', 'b'])
          expect(await served(token), `round ${round}`).toBe(`for user of ${token}, all`)
    })

    test.each(policies.slice(1))('is found again by what it says, with %s', async (_name, policy) => {
      const app = express()
      const cache = makeCache()
      app.use(cache, identify)
      app.get('/', cache.route(policy), greet)
      const port = await serve(app)
      const outcome = async (token: string) => {
        const { text, cache: status } = await ask(port, '/', { headers: { 'x-token': token } })
        return `${text}: ${status.includes('hit') ? 'hit' : 'miss'}`
      }
      expect(await outcome('a')).toBe('for user of a, all: miss')
      expect(await outcome('b')).toBe('for user of b, all: miss')
      expect(await outcome('a')).toBe('for user of a, all: hit')
      expect(await outcome('b')).toBe('for user of b, all: hit')
    })
  },
)
