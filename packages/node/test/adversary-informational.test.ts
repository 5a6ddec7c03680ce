import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type CacheOptions, memory } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fresh, serveCached } from './cached.ts'
import { ask } from './plain.ts'

/** More than sockets hold: it is still on its way when the handler goes on. */
const size = 12_000_000

/** An application that has answered with a large page, which is stale now, and is replaced the next time. */
const open = async (
  options: CacheOptions,
  go: (response: ServerResponse, resumed: Promise<unknown>) => unknown,
) => {
  const clock = fakeClock()
  let runs = 0
  let resume = (): void => undefined
  const resumed = new Promise<void>((resolve) => {
    resume = resolve
  })
  const said: string[] = []
  const { port, handler } = await serveCached(
    async (_, response) => {
      runs += 1
      response.setHeader('Cache-Control', fresh)
      if (runs > 1) {
        await go(response, resumed)
        response.writeContinue()
        response.writeProcessing()
        response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => said.push('hints'))
      }
      response.end(runs > 1 ? 'new' : '.'.repeat(size))
    },
    { clock, backend: memory({ clock }), maxBodyBytes: '16mb', staleIfError: '10m', ...options },
  )
  handler.on('error', () => undefined)
  await ask(port)
  clock.advance(90_000)
  return { port, resume, said }
}

const speakTo = (port: number): Socket => {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return socket
}

const asked = (port: number, more = ''): string => `GET / HTTP/1.1\r\nHost: localhost:${port}\r\n${more}\r\n`

describe('what a handler says in advance does not follow the stale response', () => {
  test.each([
    [
      'that is sent while it is late',
      { softTimeout: '20ms' },
      (_: ServerResponse, resumed: Promise<unknown>) => resumed,
    ],
    ['that stands in for what it has destroyed', {}, (response: ServerResponse) => response.destroy()],
  ] as const)('%s', async (_, options, go) => {
    const { port, resume, said } = await open(options, go)
    const socket = speakTo(port)
    socket.write(asked(port))
    await once(socket, 'readable')
    resume()
    await expect.poll(() => said).toEqual(['hints'])
    socket.write(asked(port, 'Connection: close\r\n'))
    let text = ''
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece
    })
    await once(socket, 'close')
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  })
})
