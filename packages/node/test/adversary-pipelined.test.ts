import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { fakeClock } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { express, fresh, Koa } from './cached.ts'
import { ask, type Listener, listen, speak } from './plain.ts'

const host = 'h.example'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`

type Handle = (path: string, answer: (text: string) => void) => void

const listeners: readonly (readonly [string, (handle: Handle) => Listener])[] = [
  [
    'a bare listener',
    (handle) => (request, response) =>
      handle(request.url ?? '', (text) => response.setHeader('cache-control', fresh).end(text)),
  ],
  [
    'Express',
    (handle) =>
      express().use((request, response) =>
        handle(request.url, (text) => void response.set('cache-control', fresh).send(text)),
      ) as Listener,
  ],
  [
    'Koa',
    (handle) =>
      new Koa()
        .use(
          (ctx) =>
            new Promise<void>((resolve) =>
              handle(ctx.url, (text) => {
                ctx.set('cache-control', fresh)
                ctx.body = text
                resolve()
              }),
            ),
        )
        .callback() as Listener,
  ],
]

describe.each(listeners)('%s: a client that leaves with several requests under way', (_, listenerFor) => {
  /** The first request for every path is never answered. */
  const leave = async (paths: readonly string[]): Promise<number> => {
    const runs: string[] = []
    let entered: () => void = () => undefined
    const under = new Promise<void>((resolve) => {
      entered = resolve
    })
    const listener = listenerFor((path, answer) => {
      const again = runs.includes(path)
      runs.push(path)
      if (runs.length === paths.length) entered()
      if (again) answer(`run ${runs.length}`)
    })
    const handler = cached(listener as never)
    const server = createServer(handler)
    const gone = new Promise((resolve) =>
      server.once('connection', (socket: Socket) => socket.once('close', () => setImmediate(resolve))),
    )
    const port = await listen(server)
    const client = connect(port, '127.0.0.1')
    onTestFinished(() => void client.destroy())
    client.write(paths.map(get).join(''))
    await under
    client.destroy()
    await gone
    return port
  }

  test('has nobody wait for what it has asked behind another', async () => {
    const paths = ['/first', ...Array.from({ length: 12 }, (_, index) => `/${index}`)]
    const port = await leave(paths)
    for (const path of paths) {
      const { text, cache } = await ask(port, path, { headers: { host } })
      expect([path, text, cache]).toEqual([
        path,
        expect.stringContaining('run'),
        expect.stringMatching(/; stored$/),
      ])
    }
  })
})

test.each([
  ['softTimeout', { softTimeout: '20ms', staleIfError: '1h' }, 'detail=soft-timeout'],
  ['hardTimeout', { hardTimeout: '20ms' }, 'detail=hard-timeout'],
] as const)(
  'over its %s behind another, a request is answered when its turn comes',
  async (_, limits, detail) => {
    const clock = fakeClock()
    let stalls = false
    const listener: Listener = (request, response) => {
      if (!stalls) response.end('whole')
      else if (request.url === '/first') setTimeout(() => response.end('first'), 60)
    }
    const port = await listen(
      createServer(cached(listener as never, { clock, ttl: '10s', rules: { '/first': false }, ...limits })),
    )
    const asked = { headers: { host } }
    await ask(port, '/second', asked)
    clock.advance(11_000)
    stalls = true
    const received = await speak(port, get('/first') + get('/second'), (all) => all.includes(detail))
    expect(received.indexOf('first')).toBeLessThan(received.indexOf(detail))
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(2)
  },
)
