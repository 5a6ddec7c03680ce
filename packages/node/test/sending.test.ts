import type { IncomingMessage, ServerResponse } from 'node:http'
import { createCache, type HandlerCache, type SelectedResponse } from '@stowage/core'
import { attach, attachedTo, currentFields, editRequest, joinHandlers, replayOf, send } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { ask, serve } from './plain.ts'

const selected = (more: Partial<SelectedResponse> = {}): SelectedResponse => ({
  status: 200,
  headers: { 'content-length': '4', 'x-a': '1' },
  added: { 'cache-status': 'stowage; hit' },
  body: Buffer.from('body'),
  ...more,
})

const sent = async (
  response: SelectedResponse,
  outer: (response: ServerResponse) => unknown = () => undefined,
  method = 'GET',
) => {
  const port = await serve((_request, into) => {
    outer(into)
    send(into, response)
  })
  return ask(port, '/', { method })
}

describe('a selected response', () => {
  test('is sent with its fields, those of the cache and those of outer layers', async () => {
    const answer = await sent(selected(), (response) => response.setHeader('X-Outer', '1'))
    expect(answer).toMatchObject({ status: 200, reason: 'OK', text: 'body', cache: 'stowage; hit' })
    expect(answer.lines).toEqual(['content-length: 4', 'x-a: 1', 'x-outer: 1'])
  })

  test('takes the place of what outer layers have said, and unites Vary', async () => {
    const answer = await sent(
      selected({ headers: { 'x-a': 'stored', vary: 'Accept, origin', 'content-length': '4' } }),
      (response) => {
        response.statusCode = 500
        response.setHeader('X-A', 'outer')
        response.setHeader('Vary', ['Origin', 'X-B'])
      },
    )
    expect(answer.status).toBe(200)
    expect(answer.lines).toEqual(['content-length: 4', 'vary: Origin, X-B, Accept', 'x-a: stored'])
  })

  test('removes what the handler had removed, and has lists as lines', async () => {
    const answer = await sent(
      selected({ headers: { 'x-gone': [], link: ['<a>', '<b>'], 'content-length': '4' } }),
      (response) => response.setHeader('X-Gone', 'outer'),
    )
    expect(answer.lines).toEqual(['content-length: 4', 'link: <a>', 'link: <b>'])
  })

  test.each([
    ['a reason of its own', { status: 200, reason: 'Fine' }, 200, 'Fine', 'body'],
    ['a 304', { status: 304, body: null, headers: { etag: '"v"' } }, 304, 'Not Modified', ''],
    ['a 204', { status: 204, body: Buffer.alloc(0), headers: {} }, 204, 'No Content', ''],
    ['an empty body', { body: Buffer.alloc(0), headers: { 'content-length': '0' } }, 200, 'OK', ''],
  ] as const)('with %s is sent so', async (_, more, status, reason, text) => {
    expect(await sent(selected(more))).toMatchObject({ status, reason, text })
  })

  test('is sent to HEAD with the length of its content, and without it', async () => {
    const answer = await sent(selected({ body: null }), undefined, 'HEAD')
    expect([answer.text, answer.lines]).toEqual(['', ['content-length: 4', 'x-a: 1']])
  })

  test('has its fields in the bytes that they were given in', async () => {
    const disposition = 'attachment; filename="größe.txt"'
    const answer = await sent(
      selected({ headers: { 'content-disposition': disposition, 'content-length': '4' } }),
    )
    expect(answer.lines).toContain(`content-disposition: ${disposition}`)
  })
})

describe('a request header', () => {
  const requestWith = (headers: Record<string, string>): IncomingMessage =>
    ({ headers }) as unknown as IncomingMessage

  test('is seen by the handler without the conditions of the client, or with those of the cache', () => {
    const original = { 'if-none-match': '"client"', range: 'bytes=0-1', 'x-a': '1' }
    const request = requestWith({ ...original, 'x-added': 'on the way' })
    editRequest(request, original, { 'if-none-match': undefined, range: undefined })
    expect(request.headers).toEqual({ 'x-a': '1', 'x-added': 'on the way' })
    editRequest(request, original, { 'if-none-match': '"stored"' })
    expect(request.headers).toEqual({
      'if-none-match': '"stored"',
      range: 'bytes=0-1',
      'x-a': '1',
      'x-added': 'on the way',
    })
    expect(original).toEqual({ 'if-none-match': '"client"', range: 'bytes=0-1', 'x-a': '1' })
  })

  test('that has no setter is replaced', () => {
    class Request {
      get headers(): Record<string, string> {
        return { range: 'bytes=0-1', 'x-a': '1' }
      }
    }
    const request = new Request() as unknown as IncomingMessage
    editRequest(request, request.headers as Record<string, string>, { range: undefined })
    expect(request.headers).toEqual({ 'x-a': '1' })
  })

  test('counts with what was added on the way, what was taken away, and the conditions of the client', () => {
    const original = { cookie: 'a=1', 'if-none-match': '"client"' }
    const request = requestWith({ 'x-user': 'ann', 'if-none-match': '"stored"' })
    expect(currentFields(request, original)).toMatchObject({
      cookie: 'a=1',
      'x-user': 'ann',
      'if-none-match': '"client"',
    })
  })
})

describe('what a request carries', () => {
  const forwardOf = (cache: ReturnType<typeof createCache>) =>
    cache.bypass({ method: 'GET', url: '/', authority: 'h', scheme: 'http', headers: {}, raw: undefined })

  test('is told apart by cache, also where middleware and cache are two objects', () => {
    const [one, two] = [createCache(), createCache()]
    const request = {}
    const forward = forwardOf(one)
    attach(request, one, forward)
    expect(attachedTo(request, one)).toBe(forward)
    expect(
      attachedTo(
        request,
        Object.assign(() => undefined, one),
      ),
    ).toBe(forward)
    expect(attachedTo(request, two)).toBeUndefined()
    attach(request, two, forwardOf(two))
    expect(attachedTo(request, one)).toBe(forward)
    expect(replayOf(request, one)).toBeUndefined()
    expect(Object.keys(request)).toEqual([])
  })

  test('of several caches hears the handler as one', () => {
    const [outer, inner] = [forwardOf(createCache()).handler, forwardOf(createCache()).handler]
    expect(joinHandlers(undefined, inner)).toBe(inner)
    expect(joinHandlers(inner, inner)).toBe(inner)
    const heard: string[] = []
    const aborter = new AbortController()
    const listener = (name: string): HandlerCache => {
      const handler: HandlerCache = {
        status: name === 'inner' ? 'miss' : 'bypass',
        signal: name === 'inner' ? aborter.signal : new AbortController().signal,
        stale: name === 'inner' ? { etag: '"v"' } : undefined,
        ttl: (duration) => {
          heard.push(`${name} ttl ${duration}`)
          return handler
        },
        tag: (...tags) => {
          heard.push(`${name} tag ${tags.join()}`)
          return handler
        },
        vary: (...fields) => {
          heard.push(`${name} vary ${fields.join()}`)
          return handler
        },
        notModified: () => void heard.push(`${name} notModified`),
        skip: (reason) => void heard.push(`${name} skip ${reason}`),
      }
      return handler
    }
    const joined = joinHandlers(listener('outer'), listener('inner'))
    joined.ttl('1m').tag('a', 'b').vary('X').skip('why')
    joined.notModified()
    const { signal } = joined
    aborter.abort()
    expect(signal.aborted).toBe(true)
    expect([joined.status, joined.stale]).toEqual(['miss', { etag: '"v"' }])
    expect(heard).toEqual([
      'outer ttl 1m',
      'inner ttl 1m',
      'outer tag a,b',
      'inner tag a,b',
      'outer vary X',
      'inner vary X',
      'outer skip why',
      'inner skip why',
      'inner notModified',
    ])
    expect(() => joinHandlers(outer, inner).ttl('nonsense' as never)).toThrow(TypeError)
  })
})
