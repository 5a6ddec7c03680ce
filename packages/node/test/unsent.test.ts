import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createCache, type Forward } from '@stowage/core'
import { openForward, putHead, send, settleUnsent, type Unsent } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { drained, letGo } from '../src/body-source.ts'
import { NodeRequest } from '../src/request.ts'
import { ask, type Listener, serve } from './plain.ts'

type Leave = (response: ServerResponse, stream: Readable | undefined, unsent: Unsent) => unknown

const leave: Leave = (response, stream, unsent) => {
  if (stream !== undefined) stream.pipe(response)
  else response.end('body' in unsent ? unsent.body() : undefined)
}

/** The smallest framework that keeps a body until it sends. */
const framework = (make: () => Unsent, act: Leave = leave, given?: unknown): Listener => {
  const cache = createCache({ ttl: '1m' })
  return async (request, response) => {
    const decision = await cache.lookup(new NodeRequest(request))
    if (decision.action === 'reuse') return send(response, decision.response)
    const forward: Forward = decision
    const captured = openForward(cache, forward, response, request, () => undefined)
    const unsent = make()
    const sendable = await settleUnsent({ captured, forward, response }, given, () => unsent)
    if (sendable?.response === undefined) return act(response, sendable?.stream, unsent)
    putHead(response, sendable.response)
    return response.end(sendable.response.body)
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

describe('a body in the place of which another response is sent', () => {
  const condition = { 'if-none-match': '"1"' }
  const headers = { etag: '"1"', 'cache-control': 'max-age=60' }

  test('is read to its end first where it is stored, and it alone is', async () => {
    const source = Readable.from(['in ', 'two'])
    const port = await serve(framework(() => ({ headers, read: () => source })))
    const first = await ask(port, '/', { headers: condition })
    expect([first.status, first.text, source.readableEnded]).toEqual([304, '', true])
    expect(await ask(port)).toMatchObject({ status: 200, text: 'in two' })
  })

  test('is let go where nobody wants it', async () => {
    const given = new Readable({ read: () => undefined })
    const uncached = { ...headers, 'cache-control': 'no-store' }
    const port = await serve(framework(() => ({ headers: uncached, read: () => given }), leave, given))
    const closed = once(given, 'close')
    const { status } = await ask(port, '/', { headers: condition })
    await closed
    expect(status).toBe(304)
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
      letGo(wrap(new ReadableStream({ cancel: () => resolve('cancelled') })))
    })

  test('is destroyed where it is a stream', async () => {
    const stream = new Readable({ read: () => undefined })
    letGo(stream)
    await once(stream, 'close')
    expect(stream.destroyed).toBe(true)
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
    expect(() => letGo(body)).not.toThrow()
  })
})
