import { createServer, type IncomingMessage } from 'node:http'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { expect, test } from 'vitest'
import { connectApp } from './cached.ts'
import { listen } from './plain.ts'

test('a listener that Connect mounts twice has entries for each place, by the URLs that clients know', async () => {
  const clock = fakeClock()
  let runs = 0
  const handler = cached(
    (incoming, response) => {
      runs += 1
      response.end(`${(incoming as IncomingMessage & { originalUrl?: string }).originalUrl} ${incoming.url}`)
    },
    { clock, backend: memory({ clock }), ttl: '1m', staleWhileRevalidate: '5m' },
  )
  const app = connectApp()
  for (const place of ['/a', '/b'])
    app.use(place, (incoming: IncomingMessage, response) => handler(incoming, response))
  const url = `http://127.0.0.1:${await listen(createServer(app))}`
  const askBoth = async (status: RegExp): Promise<void> => {
    for (const place of ['/a', '/b']) {
      const answer = await request(`${url}${place}/x`)
      expect(answer.text).toBe(`${place}/x /x`)
      expect(answer.headers['cache-status']).toMatch(status)
    }
  }
  await askBoth(/uri-miss/)
  await askBoth(/hit/)
  clock.advance(90_000)
  await askBoth(/fwd=stale/)
  await askBoth(/hit/)
  await handler.invalidate({ url: '/a/x' })
  expect((await request(`${url}/a/x`)).headers['cache-status']).toMatch(/uri-miss/)
  expect((await request(`${url}/b/x`)).headers['cache-status']).toMatch(/hit/)
  expect(runs).toBe(5)
})
