import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { fakeClock } from '@stowage/core/testing'
import compression from 'compression'
import type { Application, RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame, open } from './client.ts'
import { expresses, type Runs, twins } from './support.ts'

const text = 'compress me, please. '.repeat(300)

const plain = ({ headers, body }: Answer): string => {
  switch (headers['content-encoding']) {
    case 'gzip':
      return gunzipSync(body).toString()
    case 'br':
      return brotliDecompressSync(body).toString()
    case 'deflate':
      return inflateSync(body).toString()
    default:
      return body.toString()
  }
}

const members = (value: string | undefined): string[] =>
  (value ?? '').split(',').map((member) => member.trim().toLowerCase())

const answerText =
  (runs: Runs): RequestHandler =>
  (_request, response) => {
    runs.add()
    response.set({ 'Cache-Control': 'max-age=60', Vary: 'X-Kind' }).type('txt').send(text)
  }

/** What clients accept, and the coding that they get. */
const accepted: readonly (readonly [accepts: string | undefined, coding: string | undefined])[] = [
  ['gzip', 'gzip'],
  ['br', 'br'],
  ['deflate', 'deflate'],
  ['gzip, deflate, br', 'br'],
  ['gzip;q=0', undefined],
  ['identity', undefined],
  [undefined, undefined],
  ['*', 'br'],
  ['unknown', undefined],
]

const asking = (accepts: string | undefined): { headers: Record<string, string> } => ({
  headers: accepts === undefined ? {} : { 'accept-encoding': accepts },
})

const rotated = <T>(list: readonly T[], by: number): T[] => [...list.slice(by), ...list.slice(0, by)]

/** Pieces with a flush after each; the second is written when the test says so. */
const streaming =
  (runs: Runs, more: Promise<void>): RequestHandler =>
  (_request, response) => {
    runs.add()
    response.set('Cache-Control', 'max-age=60').type('txt')
    response.write(text)
    response.flush()
    void more.then(() => response.end('the end'))
  }

const streamThrough = async (
  build: (app: Application, layer: RequestHandler, handler: RequestHandler) => void,
  express: (typeof expresses)[number]['express'],
): Promise<void> => {
  let release: () => void = () => undefined
  const more = new Promise<void>((resolve) => {
    release = resolve
  })
  const { cached, runs } = await twins(express, (app, layer, counted) =>
    build(app, layer, streaming(counted, more)),
  )
  const pieces: Buffer[] = []
  await new Promise((resolve, reject) => {
    const request = open(cached, '/', asking('gzip'))
    request.on('error', reject)
    request.on('response', (response) => {
      response.once('data', release)
      response.on('data', (piece: Buffer) => pieces.push(piece)).on('end', resolve)
    })
    request.end()
  })
  // Were the first piece not there before the end, the handler would never have ended.
  expect(gunzipSync(Buffer.concat(pieces)).toString()).toBe(`${text}the end`)
  const hit = await ask(cached, '/', asking('gzip'))
  expect(hit.cache).toMatch(/^stowage; hit/)
  expect(hit.headers['content-encoding']).toBe('gzip')
  expect(plain(hit)).toBe(`${text}the end`)
  expect(runs.of()).toBe(1)
}

describe.each(expresses)('$name: compression outside the cache', ({ express }) => {
  test.each(accepted.map(([first], by) => ({ first, by })))(
    'what "$first" had filled is stored plain and compressed for each client',
    async ({ by }) => {
      const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
        app.use(compression(), layer).get('/', answerText(counted))
      })
      for (const [accepts, coding] of rotated(accepted, by)) {
        const [answer, expected] = [
          await ask(cached, '/', asking(accepts)),
          await ask(bare, '/', asking(accepts)),
        ]
        expect(answer.headers['content-encoding'], accepts).toBe(coding)
        expect(plain(answer), accepts).toBe(text)
        expectSame(answer, expected)
        expect(members(answer.headers.vary).sort()).toEqual(['accept-encoding', 'x-kind'])
        expect(answer.headers['content-length']).toBe(coding === undefined ? String(text.length) : undefined)
      }
      expect(runs.of()).toBe(1)
    },
  )

  test('HEAD and conditional requests are answered as without the cache', async () => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(compression(), layer).get('/', answerText(counted))
    })
    const etag = String((await ask(cached, '/')).headers.etag)
    for (const headers of [
      { 'accept-encoding': 'gzip' },
      { 'accept-encoding': 'gzip', 'if-none-match': etag },
      { 'if-none-match': etag },
      { 'if-none-match': '"other"' },
    ] as Record<string, string>[])
      for (const method of ['GET', 'HEAD'])
        expectSame(
          await ask(cached, '/', { headers, method }),
          await ask(bare, '/', { headers, method }),
          // Express leaves the length of the content in the head of a 304 away, the cache does as well.
          [],
          `${method} ${JSON.stringify(headers)}`,
        )
    expect(runs.of()).toBe(1)
  })

  test('flushed pieces reach the client before the end, and the whole is stored', () =>
    streamThrough((app, layer, handler) => app.use(compression(), layer).get('/', handler), express))
})

describe.each(expresses)('$name: compression inside the cache', ({ express }) => {
  test.each(accepted.map(([first], by) => ({ first, by })))(
    'each coding is a variant, beginning with "$first"',
    async ({ by }) => {
      const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
        app.use(layer, compression()).get('/', answerText(counted))
      })
      for (const [accepts, coding] of rotated(accepted, by)) {
        const expected = await ask(bare, '/', asking(accepts))
        const miss = await ask(cached, '/', asking(accepts))
        expectSame(miss, expected)
        expect(miss.headers['content-encoding'], accepts).toBe(coding)
        const before = runs.of()
        const hit = await ask(cached, '/', asking(accepts))
        expect(hit.cache).toMatch(/^stowage; hit/)
        expectSame(hit, expected)
        expect(plain(hit)).toBe(text)
        expect(hit.headers['content-length']).toBe(String(hit.body.length))
        expect(runs.of()).toBe(before)
      }
      // Every coding and every way of asking for none, but never one for another.
      expect(runs.of()).toBeLessThanOrEqual(accepted.length)
    },
  )

  test('flushed pieces reach the client before the end, and the whole is stored', () =>
    streamThrough((app, layer, handler) => app.use(layer, compression()).get('/', handler), express))

  test('a small body stays plain for everybody, as a variant of each', async () => {
    const { bare, cached } = await twins(express, (app, layer) => {
      app.use(layer, compression())
      app.get('/', (_request, response) => void response.set('Cache-Control', 'max-age=60').json({ a: 1 }))
    })
    for (const accepts of ['gzip', undefined, 'gzip', undefined])
      expectSame(await ask(cached, '/', asking(accepts)), await ask(bare, '/', asking(accepts)))
  })

  test('a validated response keeps its coded bytes', async () => {
    const clock = fakeClock()
    const { cached, runs } = await twins(
      express,
      (app, layer, counted) => void app.use(layer, compression()).get('/', answerText(counted)),
      { clock },
    )
    const [coded, identity] = [await ask(cached, '/', asking('gzip')), await ask(cached, '/')]
    clock.advance(61_000)
    for (const [accepts, before] of [
      ['gzip', coded],
      [undefined, identity],
    ] as const) {
      const validated = await ask(cached, '/', asking(accepts))
      expect(validated.cache).toContain('fwd=stale; fwd-status=304')
      expectSame(validated, before)
      const hit = await ask(cached, '/', asking(accepts))
      expect(hit.cache).toMatch(/^stowage; hit/)
      expectSame(hit, before)
    }
    expect(runs.of()).toBe(4)
  })

  test('a stale response in the place of a failure keeps its coded bytes', async () => {
    const clock = fakeClock()
    const { cached, runs } = await twins(
      express,
      (app, layer, counted) => {
        app.use(layer, compression())
        app.get('/', (_request, response) => {
          const failing = counted.add() > 1
          if (failing) response.status(503).json({ error: text })
          else response.set('Cache-Control', 'max-age=60').json({ text })
        })
      },
      { clock },
    )
    const before = await ask(cached, '/', asking('gzip'))
    clock.advance(61_000)
    const stale = await ask(cached, '/', asking('gzip'))
    expect(stale.cache).toContain('fwd-status=503')
    expect(stale.cache).toContain('detail=sie')
    expectSame(stale, before)
    expect(plain(stale)).toBe(JSON.stringify({ text }))
    expect(runs.of()).toBe(2)
  })

  test('with compression outside as well nothing is coded twice', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(compression(), layer, compression()).get('/', answerText(counted))
    })
    for (const turn of [1, 2])
      for (const accepts of ['gzip', 'br', undefined]) {
        const answer = await ask(cached, '/', asking(accepts))
        expect(answer.headers['content-encoding'], `${turn} ${accepts}`).toBe(accepts)
        expect(plain(answer)).toBe(text)
      }
    expect(runs.of()).toBe(3)
  })
})
