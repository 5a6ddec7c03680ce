import { fakeClock } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { ask } from './client.ts'
import { expresses, makeCache, serve } from './support.ts'

test.each(expresses)('$name: an access log in front reads what the client has asked', async ({ express }) => {
  const clock = fakeClock()
  const log: (string | undefined)[] = []
  const app = express()
  app.use((request, response, next) => {
    response.on('finish', () => log.push(request.headers['if-none-match']))
    next()
  })
  app.use(makeCache({ clock, ttl: '10s' })).get('/a', (_request, response) => void response.send('a'))
  const port = await serve(app)
  const { etag } = (await ask(port, '/a')).headers
  clock.advance(11_000)
  expect((await ask(port, '/a')).status).toBe(200)
  clock.advance(11_000)
  expect((await ask(port, '/a', { headers: { 'if-none-match': String(etag) } })).status).toBe(304)
  expect(log).toEqual([undefined, undefined, etag])
})
