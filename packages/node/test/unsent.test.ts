import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createCache, type Forward } from '@stowage/core'
import { cancelUnread, drained, judgeUnsent, openForward, send, type Unsent } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { NodeRequest } from '../src/request.ts'
import { ask, type Listener, serve } from './plain.ts'

type Leave = (response: ServerResponse, stream: Readable | undefined, unsent: Unsent) => unknown

const leave: Leave = (response, stream, unsent) => {
  if (stream !== undefined) stream.pipe(response)
  else response.end('body' in unsent ? unsent.body() : undefined)
}

/** The smallest framework that keeps a body until it sends. */
const framework = (make: () => Unsent, act: Leave = leave): Listener => {
  const cache = createCache({ ttl: '1m' })
  return async (request, response) => {
    const decision = await cache.lookup(new NodeRequest(request))
    if (decision.action === 'reuse') return send(response, decision.response)
    const forward: Forward = decision
    const captured = openForward(cache, forward, response, request, () => undefined)
    const unsent = make()
    const judged = judgeUnsent(captured, forward, unsent)
    return act(response, judged?.record(), unsent)
  }
}

const twice = async (
  listener: Listener,
): Promise<readonly [first: string, second: string, status: string]> => {
  const port = await serve(listener)
  const first = await ask(port)
  const second = await ask(port)
  return [first.text, second.text, second.cache ?? '']
}

describe('a body that a framework keeps until it sends', () => {
  test('is stored where it is there', async () => {
    const [first, second, status] = await twice(framework(() => ({ body: () => Buffer.from('whole') })))
    expect([first, second]).toEqual(['whole', 'whole'])
    expect(status).toMatch(/^stowage; hit/)
  })

  test('is stored where it was read to its end', async () => {
    const [first, second, status] = await twice(
      framework(() => ({ read: () => Readable.from(['in ', 'two']) })),
    )
    expect([first, second]).toEqual(['in two', 'in two'])
    expect(status).toMatch(/^stowage; hit/)
  })

  test('is not stored where the response was ended before it was read', async () => {
    const early: Leave = (response, stream) => {
      stream?.destroy()
      response.end('early')
    }
    const [first, second, status] = await twice(
      framework(() => ({ read: () => Readable.from(['never']) }), early),
    )
    expect([first, second]).toEqual(['early', 'early'])
    expect(status).toContain('fwd=uri-miss')
  })
})

describe('a stream that is drained', () => {
  test('is over when it was read to its end', async () => {
    const stream = Readable.from(['a', 'b'])
    await drained(stream)
    expect(stream.readableEnded).toBe(true)
  })

  test('rejects with what broke it off', async () => {
    const broken = new Error('broken off')
    const stream = new Readable({ read: () => stream.destroy(broken) })
    await expect(drained(stream)).rejects.toBe(broken)
  })
})

describe('a body that nobody will read', () => {
  const cancelled = (wrap: (stream: ReadableStream) => unknown): Promise<string> =>
    new Promise((resolve) => {
      cancelUnread(wrap(new ReadableStream({ cancel: () => resolve('cancelled') })))
    })

  test('is cancelled where it is a web stream, or that of a Response', async () => {
    expect(await cancelled((stream) => stream)).toBe('cancelled')
    expect(await cancelled((stream) => new Response(stream))).toBe('cancelled')
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'text'],
    ['bytes', Buffer.from('bytes')],
    ['a Response without a body', new Response()],
  ])('is left alone where it is %s', (_title, body) => {
    expect(() => cancelUnread(body)).not.toThrow()
  })
})
