import type { ServerResponse } from 'node:http'
import { createCache, memory } from '@stowage/core'
import { asyncBackend, chaosBackend, fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, cached, type Listener, serve } from './plain.ts'

const fresh = 'max-age=60'

/** The same listener with the cache and without, once each, and what the cache stored. */
const compare = async (listener: Listener): Promise<{ bare: Answer; miss: Answer; hit: Answer }> => {
  const bare = await ask(await serve(listener))
  const port = await serve(cached(createCache({ etag: false }), listener))
  return { bare, miss: await ask(port), hit: await ask(port) }
}

/** Without what a hit has where the handler had streamed. */
const unsized = ({ status, reason, lines, text }: Answer): unknown => ({
  status,
  reason,
  lines: lines.filter((line) => !line.startsWith('content-length')),
  text,
})

const heads: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  'a raw list': (res) => res.writeHead(200, ['Cache-Control', fresh, 'X-A', '1']).end('x'),
  'a raw list with a name twice': (res) =>
    res.writeHead(200, ['Cache-Control', fresh, 'X-A', '1', 'X-A', '2']).end('x'),
  'a list of pairs': (res) =>
    res
      .writeHead(200, [
        ['Cache-Control', fresh],
        ['X-A', '1'],
      ] as never)
      .end('x'),
  'an object': (res) => res.writeHead(200, { 'Cache-Control': fresh, 'X-A': ['1', '2'] }).end('x'),
  'a reason and an object': (res) => res.writeHead(203, 'So So', { 'Cache-Control': fresh }).end('x'),
  'a reason and a raw list': (res) => res.writeHead(200, 'Fine', ['Cache-Control', fresh]).end('x'),
  'fields set before': (res) => {
    res.setHeader('Cache-Control', fresh)
    res.setHeader('X-A', 'before')
    res.writeHead(200, { 'X-A': 'after', 'Content-Length': 1 }).end('x')
  },
  'a status as text': (res) => res.writeHead('200' as never, { 'Cache-Control': fresh }).end('x'),
  'a status that is no whole number': (res) => res.writeHead(200.9, { 'Cache-Control': fresh }).end('x'),
  'no writeHead at all': (res) => res.setHeader('Cache-Control', fresh).end('x'),
  'a reason in the property': (res) => {
    res.statusMessage = 'Mine'
    res.setHeader('Cache-Control', fresh).end('x')
  },
  'the standard reason in the property': (res) => {
    res.statusMessage = 'OK'
    res.setHeader('Cache-Control', fresh).end('x')
  },
  'an empty name': (res) => res.writeHead(200, { 'Cache-Control': fresh, '': 'x' } as never).end('x'),
}

describe('a head', () => {
  test.each(Object.entries(heads))('given as %s is sent and stored as it is', async (title, listener) => {
    if (title === 'an empty name') {
      // Node refuses it where no field was set before, so that one is.
      const inner = listener
      listener = (res) => inner(res.setHeader('X-First', '1'))
    }
    const { bare, miss, hit } = await compare((_request, response) => listener(response))
    expect(unsized(miss)).toEqual(unsized(bare))
    expect(unsized(hit)).toEqual(unsized(bare))
    expect(miss.cache).toContain('stored')
    expect(hit.cache).toMatch(/^stowage; hit/)
  })

  test('is judged when inner layers have acted on it, once each', async () => {
    const calls: string[] = []
    const layer = (name: string, inner: Listener): Listener =>
      function wrapped(request, response) {
        const { writeHead, write, end } = response
        response.writeHead = ((...given: Parameters<typeof writeHead>) => {
          calls.push(`${name} writeHead`)
          // What is not the same the second time shows whether there was one.
          response.appendHeader(`X-${name}`, String(calls.length))
          return writeHead.apply(response, given)
        }) as typeof writeHead
        response.write = ((...given: Parameters<typeof write>) => {
          calls.push(`${name} write`)
          return write.apply(response, given)
        }) as typeof write
        response.end = ((...given: Parameters<typeof end>) => {
          calls.push(`${name} end`)
          return end.apply(response, given)
        }) as typeof end
        return inner(request, response)
      }
    const handler: Listener = (_request, response) => {
      response.setHeader('Cache-Control', fresh)
      response.write('a')
      response.end('b')
    }
    const cache = createCache({ etag: false })
    const port = await serve(layer('Outer', cached(cache, layer('Inner', handler))))
    const miss = await ask(port)
    // Node's own `end` asks for no second head.
    expect(calls.splice(0)).toEqual([
      'Inner write',
      'Inner writeHead',
      'Outer write',
      'Outer writeHead',
      'Inner end',
      'Outer end',
    ])
    expect(miss.lines).toContain('x-inner: 2')
    const hit = await ask(port)
    expect(calls).toEqual(['Outer writeHead', 'Outer end'])
    expect(hit.lines.filter((line) => /^x-(inner|outer)/.test(line))).toEqual(['x-inner: 2', 'x-outer: 1'])
    expect(hit.text).toBe('ab')
  })

  test('and body that an outer layer delays are stored as they were', async () => {
    const late: Listener = (request, response) => {
      const { end } = response
      response.end = ((...given: Parameters<typeof end>) => {
        setTimeout(() => end.apply(response, given), 5)
        return response
      }) as typeof end
      return inner(request, response)
    }
    const clock = fakeClock()
    const cache = createCache({ clock, scope: 'public' })
    const inner = cached(cache, (request, response) => {
      response.setHeader('Cache-Control', fresh)
      response.setHeader('ETag', '"v"')
      response.statusCode = request.headers['if-none-match'] === '"v"' ? 304 : 200
      response.end(response.statusCode === 304 ? undefined : 'body')
    })
    const port = await serve(late)
    expect((await ask(port)).text).toBe('body')
    expect((await ask(port)).cache).toMatch(/^stowage; hit/)
    clock.advance(61_000)
    const validated = await ask(port)
    expect([validated.status, validated.text]).toEqual([200, 'body'])
    expect(validated.cache).toContain('fwd-status=304')
  })

  test('that an outer layer changes after it was judged is stored as the handler left it', async () => {
    const cache = createCache({ etag: false })
    const inner = cached(cache, (_request, response) => response.setHeader('Cache-Control', fresh).end('x'))
    let at = 0
    const port = await serve((request, response) => {
      const { writeHead } = response
      response.writeHead = ((...given: Parameters<typeof writeHead>) => {
        at++
        response.setHeader('X-Stamp', String(at))
        return writeHead.apply(response, given)
      }) as typeof writeHead
      return inner(request, response)
    })
    for (const turn of [1, 2, 3]) expect((await ask(port)).lines).toContain(`x-stamp: ${turn}`)
  })
})

describe('a replacement', () => {
  test('does not pass through what inner layers have put in front of the body', async () => {
    const clock = fakeClock()
    const port = await serve(
      cached(createCache({ clock, ttl: 60 }), (request, response) => {
        const { write, end } = response
        // An inner layer that changes every body, such as a compressor.
        response.write = ((chunk: unknown) =>
          write.call(response, `<${String(chunk)}>`, 'utf8')) as typeof write
        response.end = ((chunk: unknown) =>
          end.call(response, chunk === undefined ? '</>' : `<${String(chunk)}/>`, 'utf8')) as typeof end
        if (request.headers['if-none-match'] !== undefined) {
          response.statusCode = 503
          response.setHeader('Content-Length', 99)
          response.setHeader('X-Failed', '1')
        }
        response.setHeader('ETag', '"v"')
        response.write('one')
        response.end('two')
      }),
    )
    const first = await ask(port)
    expect(first.text).toBe('<one><two/>')
    clock.advance(61_000)
    const stale = await ask(port)
    expect(stale.cache).toContain('fwd-status=503')
    expect([stale.status, stale.text]).toEqual([200, '<one><two/>'])
    expect(stale.lines.some((line) => line.startsWith('x-failed'))).toBe(false)
  })

  test('waits for the end where the body is wanted, and tells the handler of its end', async () => {
    const events: string[] = []
    const port = await serve(
      cached(createCache({ ttl: 60 }), (_request, response) => {
        response.on('finish', () => events.push('finish'))
        response.setHeader('ETag', '"v"')
        events.push(String(response.write('one', () => events.push('written'))))
        setImmediate(() => {
          events.push(String(response.headersSent))
          response.end('two', () => events.push('ended'))
        })
      }),
    )
    const conditional = await ask(port, '/', { headers: { 'if-none-match': '"v"' } })
    expect([conditional.status, conditional.text]).toEqual([304, ''])
    // For the handler its head has left, as without the cache.
    expect(events.slice(0, 3)).toEqual(['true', 'written', 'true'])
    expect(events).toContain('ended')
    const hit = await ask(port)
    expect([hit.text, hit.cache.includes('hit')]).toEqual(['onetwo', true])
  })
})

describe('an answer that waits', () => {
  test('takes writes of every kind, in order, and drains when it leaves', async () => {
    const backend = chaosBackend(asyncBackend(memory()), { latency: 20, only: ['tags.bump'] })
    const drains: boolean[] = []
    const port = await serve(
      cached(createCache({ backend }), (_request, response) => {
        response.on('drain', () => {
          drains.push(response.headersSent)
          response.end('five')
        })
        response.flushHeaders()
        response.write('one ')
        response.write('dHdvIA==', 'base64')
        response.write(new TextEncoder().encode('three '))
        const more = response.write('four ', () => undefined)
        if (more) response.end('unexpected')
      }),
    )
    const answer = await ask(port, '/', { method: 'POST' })
    expect(answer.text).toBe('one two three four five')
    expect(drains).toEqual([true])
  })

  test('is cut off where Node refuses what was to leave', async () => {
    const backend = chaosBackend(asyncBackend(memory()), { latency: 10, only: ['tags.bump'] })
    const port = await serve(
      cached(createCache({ backend }), (_request, response) => {
        response.statusMessage = 'a\nb'
        response.end('x')
      }),
    )
    await expect(ask(port, '/', { method: 'POST' })).rejects.toThrow()
  })
})
