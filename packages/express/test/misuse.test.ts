import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, twins } from './support.ts'

type Call = (response: Response) => void

/** What Node refuses with an error, so that an error handler answers instead. */
const refused: readonly (readonly [title: string, call: Call])[] = [
  ['end with a number', (res) => res.end(7 as unknown as string)],
  ['end with an object', (res) => res.end({ a: 1 } as unknown as string)],
  ['write with an object', (res) => res.write({ a: 1 })],
  ['write with null', (res) => res.write(null)],
  ['write without an argument', (res) => res.write(undefined)],
  ['a status of four digits', (res) => void res.writeHead(2000)],
  ['a status that is no number', (res) => void res.writeHead('ok' as unknown as number)],
  ['a statusCode of four digits', (res) => void Object.assign(res, { statusCode: 2000 }).end('x')],
  ['a reason with a line break', (res) => void res.writeHead(200, 'a\nb')],
  ['a statusMessage with a line break', (res) => void Object.assign(res, { statusMessage: 'a\nb' }).end('x')],
  ['a field without a value', (res) => void res.writeHead(200, { 'X-A': undefined })],
  ['a field with a line break', (res) => void res.writeHead(200, { 'X-A': 'a\r\nb' })],
  ['a field name with a space', (res) => void res.writeHead(200, { 'X A': '1' })],
  ['an odd raw list', (res) => void res.writeHead(200, ['X-A', '1', 'X-B'])],
  ['trailers with a length', (res) => void res.writeHead(200, { Trailer: 'X-A', 'Content-Length': '1' })],
]

const renderError: ErrorRequestHandler = (error, _request, response, _next) => {
  const { code } = error as NodeJS.ErrnoException
  for (const name of ['trailer', 'content-length', 'x-a']) response.removeHeader(name)
  Object.assign(response, { statusMessage: undefined })
  response.set('Cache-Control', 'no-store').status(500).send(`refused: ${code}`)
}

/** What is done with a response that is over already, or has begun. */
const after: readonly (readonly [title: string, call: Call])[] = [
  ['end', (res) => res.end('again')],
  ['end with a callback', (res) => res.end('again', () => undefined)],
  ['setHeader', (res) => void res.setHeader('X-Late', '1')],
  ['appendHeader', (res) => void res.appendHeader('X-Late', '1')],
  ['removeHeader', (res) => res.removeHeader('X-Early')],
  ['writeHead', (res) => void res.writeHead(404)],
  ['flushHeaders', (res) => res.flushHeaders()],
  ['json', (res) => void res.json({ late: true })],
  ['redirect', (res) => res.redirect('/late')],
  ['statusCode', (res) => void res.status(404)],
]

const outcomeOf = (act: () => void): string => {
  try {
    act()
    return 'nothing'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

describe.each(expresses)('$name: a handler that goes wrong', ({ express }) => {
  test.each(refused)('%s is refused as without the cache, and nothing is stored', async (_, call) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        counted.add()
        call(response)
      })
      app.use(renderError)
    })
    const expected = await ask(bare, '/')
    expect(expected.text).toMatch(/^refused: ERR_/)
    for (const turn of [1, 2]) {
      const answer = await ask(cached, '/')
      expectSame(answer, expected)
      expect(answer.cache).not.toMatch(/hit|stored/)
      expect(runs.of()).toBe(turn)
    }
  })

  test.each(after)('%s after the end does what it does without the cache', async (_, call) => {
    const seen: string[][] = []
    const { bare, cached } = await twins(express, (app, layer) => {
      const outcomes: string[] = []
      seen.push(outcomes)
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        response.on('error', (error: NodeJS.ErrnoException) => outcomes.push(`event ${error.code}`))
        response.setHeader('X-Early', '1')
        response.end('body')
        outcomes.push(outcomeOf(() => call(response)))
      })
    })
    const [expected, miss] = [await ask(bare, '/'), await ask(cached, '/')]
    expectSame(miss, expected)
    expectSame(await ask(cached, '/'), expected)
    expect(seen[1]).toEqual(seen[0])
  })

  test.each(after)('%s after the first write does what it does without the cache', async (_, call) => {
    const seen: string[][] = []
    const { bare, cached } = await twins(express, (app, layer) => {
      const outcomes: string[] = []
      seen.push(outcomes)
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        response.setHeader('X-Early', '1')
        response.write('body')
        outcomes.push(outcomeOf(() => call(response)))
        if (!response.writableEnded) response.end()
      })
    })
    const [expected, miss] = [await ask(bare, '/'), await ask(cached, '/')]
    expectSame(miss, expected)
    expectSame(await ask(cached, '/'), expected)
    expect(seen[1]).toEqual(seen[0])
  })

  test('the state of the response is what it is without the cache', async () => {
    const seen: unknown[][] = []
    const { bare, cached } = await twins(express, (app, layer) => {
      const states: unknown[] = []
      seen.push(states)
      const note = ({ headersSent, writableEnded, writableFinished, finished, statusCode }: Response): void =>
        void states.push({ headersSent, writableEnded, writableFinished, finished, statusCode })
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        note(response)
        response.setHeader('X-Early', '1')
        note(response)
        response.write('a', () => note(response))
        note(response)
        response.on('finish', () => note(response))
        response.end('b', () => note(response))
        note(response)
      })
    })
    await ask(bare, '/')
    await ask(cached, '/')
    expect(seen[1]).toEqual(seen[0])
    expect(seen[0]).toHaveLength(7)
  })

  test('a write after the end is an error event on the response', async () => {
    const codes: string[][] = []
    const { bare, cached } = await twins(express, (app, layer) => {
      const own: string[] = []
      codes.push(own)
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        response.on('error', (error: NodeJS.ErrnoException) => own.push(`event ${error.code}`))
        response.end('whole')
        response.write('late', (error) =>
          own.push(`callback ${(error as NodeJS.ErrnoException | null)?.code}`),
        )
      })
    })
    const settle = (port: number): Promise<Answer | string> => ask(port, '/').catch(() => 'cut off')
    const [expected, miss] = [await settle(bare), await settle(cached)]
    expect(typeof miss).toBe(typeof expected)
    expect(codes[1]).toEqual(codes[0])
    expect(codes[0]).not.toHaveLength(0)
  })

  test('a length that the body does not have is not stored', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      const lengths: RequestHandler = (request, response) => {
        counted.add(request.path)
        response.strictContentLength = request.path === '/strict'
        response.setHeader('Content-Length', request.path === '/long' ? 2 : 9)
        response.end('four')
      }
      app.get(['/short', '/long', '/strict'], lengths)
    })
    for (const turn of [1, 2])
      for (const path of ['/short', '/long', '/strict']) {
        await ask(cached, path, { headers: { connection: 'close' } }).catch(() => undefined)
        expect(runs.of(path), path).toBe(turn)
      }
  })
})
