import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fakeClock, request } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { expect, onTestFinished, test } from 'vitest'

test.each([
  ['softTimeout', { softTimeout: '5ms' } as const],
  ['hardTimeout', { hardTimeout: '5ms' } as const],
])(
  'over its %s: a stale response leaves whole, though a layer in front waits with its end',
  async (_, limit) => {
    const clock = fakeClock()
    let runs = 0
    const listener = cached(
      (_request, response) => {
        runs += 1
        response.setHeader('cache-control', 'public, max-age=60, stale-if-error=600')
        if (runs === 1) response.end('first')
      },
      { ...limit, clock },
    ) as RequestListener
    const server = createServer((incoming, response) => {
      const { end } = response
      response.end = ((...given: Parameters<typeof end>) => {
        setTimeout(() => end.apply(response, given), 5)
        return response
      }) as typeof end
      listener(incoming, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close().closeAllConnections())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    // Of one without cookies the head could still begin a session.
    const ask = () => request(url, { headers: { cookie: 'a=1' } })
    expect((await ask()).text).toBe('first')
    clock.advance(90_000)
    const stale = await ask()
    expect(stale).toMatchObject({ status: 200, text: 'first' })
    expect(stale.headers.age).toBe('90')
  },
)
