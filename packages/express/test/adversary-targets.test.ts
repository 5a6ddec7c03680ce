import express, { type Application, type Request, type RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { expresses, makeCache, serve } from './support.ts'

const rewrite: RequestHandler = (request, _response, next) => {
  request.url = `/${request.get('x-tenant')}${request.url}`
  next()
}

const tenant = (name: string) => ({ headers: { 'x-tenant': name } })

describe.each(expresses)('$name: a target that middleware rewrites by what it likes', (version) => {
  const orders: readonly [name: string, mount: (app: Application, cache: RequestHandler) => void][] = [
    ['in front of the cache', (app, cache) => app.use(rewrite, cache)],
    ['behind the cache', (app, cache) => app.use(cache, rewrite)],
    ['with a cache at the route alone', (app) => app.use(rewrite)],
  ]
  test.each(orders)('%s tells entries apart', async (_name, mount) => {
    const cache = makeCache()
    const app = version.express()
    mount(app, cache)
    app.get('/:tenant/items', cache.route('5m') as RequestHandler, (request, response) => {
      response.send(request.params.tenant)
    })
    const port = await serve(app)
    for (const name of ['a', 'b', 'a', 'b']) expect((await ask(port, '/items', tenant(name))).text).toBe(name)
    expect((await ask(port, '/items', tenant('a'))).cache).toMatch(/hit/)
  })

  test('takes no rules of the route of another', async () => {
    const cache = makeCache()
    const app = version.express()
    app.use(rewrite, cache)
    app.get('/a/items', cache.route('5m') as RequestHandler, (_request, response) => void response.send('a'))
    app.get('/b/items', (_request, response) => void response.send('b'))
    const port = await serve(app)
    for (const name of ['a', 'b', 'b']) expect((await ask(port, '/items', tenant(name))).text).toBe(name)
    expect((await ask(port, '/items', tenant('b'))).cache).not.toMatch(/hit/)
  })
})

test('what a scope says when the response is there is for whom it is', async () => {
  type Known = Request & { user?: string }
  const cache = makeCache({ ttl: '5m', scope: ({ raw }) => (raw as Known).user ?? 'anon' })
  const app = express()
  app.use(cache, (request, response) => {
    ;(request as Known).user = request.get('x-user') ?? 'anon'
    response.send(`page of ${(request as Known).user}`)
  })
  const port = await serve(app)
  for (const user of ['alice', 'bob'])
    expect(await ask(port, '/', { headers: { 'x-user': user } })).toMatchObject({
      text: `page of ${user}`,
      cache: expect.stringMatching(/detail=key-changed$/),
    })
})
