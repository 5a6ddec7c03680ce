import type { IncomingMessage } from 'node:http'
import type express from 'express'
import type { RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { expresses, makeCache, Runs, serve } from './support.ts'

/** Takes the method from a field, as `method-override` does where it is told to do so for every method. */
const override: RequestHandler = (request: IncomingMessage, _response, next) => {
  const method = request.headers['x-http-method-override']
  if (typeof method === 'string') request.method = method
  next()
}

const shop = async (version: { express: typeof express }): Promise<number> => {
  const app = version.express()
  const runs = new Runs()
  app.use(makeCache({ ttl: '1m' }), override)
  for (const method of ['get', 'delete', 'post', 'put', 'patch'] as const)
    app[method]('/o', (_request, response) => void response.send(`${method} ${runs.add()}`))
  return serve(app)
}

describe.each(expresses)('$name: a GET that becomes another method behind the cache', (version) => {
  test.each(['DELETE', 'POST', 'PUT', 'PATCH'])(
    '%s: its answer is not stored as that to GET',
    async (method) => {
      const port = await shop(version)
      const answer = await ask(port, '/o', { headers: { 'x-http-method-override': method } })
      expect(answer.text).toBe(`${method.toLowerCase()} 1`)
      expect(answer.cache).not.toMatch(/stored/)
      expect((await ask(port, '/o')).text).toBe('get 2')
    },
  )

  test('invalidates what it has changed', async () => {
    const port = await shop(version)
    await ask(port, '/o')
    expect((await ask(port, '/o')).cache).toMatch(/^stowage; hit/)
    const headers = { 'x-http-method-override': 'DELETE', 'cache-control': 'no-cache' }
    expect((await ask(port, '/o', { headers })).text).toBe('delete 2')
    expect((await ask(port, '/o')).text).toBe('get 3')
  })

  test('leaves whoever waits for the GET to ask the handler', async () => {
    const port = await shop(version)
    const headers = { 'x-http-method-override': 'DELETE' }
    const [changed, ...read] = await Promise.all([
      ask(port, '/o', { headers }),
      ask(port, '/o'),
      ask(port, '/o'),
    ])
    expect(changed?.text).toMatch(/^delete/)
    for (const answer of read) expect(answer.text).toMatch(/^get/)
  })
})

test.each(expresses)('$name: a POST that becomes DELETE invalidates', async (version) => {
  const port = await shop(version)
  await ask(port, '/o')
  const headers = { 'x-http-method-override': 'DELETE' }
  expect((await ask(port, '/o', { method: 'POST', headers })).text).toBe('delete 2')
  expect((await ask(port, '/o')).text).toBe('get 3')
})
