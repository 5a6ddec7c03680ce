import { listen, request } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import type { NextFunction, Response } from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExpressModule, express4, express5 } from './express.ts'

/** What a handler has done of its response when something goes wrong. */
const points: readonly (readonly [name: string, begin: (res: Response) => void])[] = [
  ['nothing', () => undefined],
  ['the fields', (res) => void res.set({ etag: '"partial"', 'content-language': 'fr' })],
  ['the head', (res) => void res.writeHead(200, { etag: '"partial"' })],
  ['the head, flushed', (res) => res.set('etag', '"partial"').flushHeaders()],
  ['a first piece', (res) => void res.write('whole ')],
  [
    'all but the end',
    (res) => {
      res.write('whole ')
      res.write('answer')
    },
  ],
  [
    'all but the end of what it has announced',
    (res) => {
      res.set('content-length', '12')
      res.write('whole answer')
    },
  ],
]

const accidents = {
  'its client leaves': (res: Response, _next: NextFunction, leave: () => void) => {
    leave()
    return new Promise((resume) => res.once('close', resume))
  },
  'it fails': (_res: Response, next: NextFunction) => next(new Error('the handler has failed')),
  'it destroys the connection': (res: Response) => void res.destroy(),
  'it destroys the socket': (res: Response) => void res.socket?.destroy(),
} as const

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

type Begin = (typeof points)[number][1]
type Accident = (typeof accidents)[keyof typeof accidents]

/** A handler that comes to grief while two others wait for its response, and does well ever after. */
const serveFill = async (express: ExpressModule, begin: Begin, accident: Accident) => {
  const leaving = new AbortController()
  const seen = { requests: 0, runs: 0 }
  const app = express()
  const cache = cacheMiddleware({ ttl: '1m' })
  app.use(cache)
  app.get('/a', async (_req, res, next) => {
    seen.runs += 1
    if (seen.runs > 1) {
      res.send('whole answer')
      return
    }
    while (seen.requests < 3) await nextTurn()
    begin(res)
    await nextTurn()
    await accident(res, next, () => leaving.abort())
  })
  const { url, close } = await listen((req, res) => {
    seen.requests += 1
    app(req, res)
  }, cache)
  onTestFinished(close)
  return { url: `${url}/a`, seen, signal: leaving.signal }
}

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('%s', (_, express: ExpressModule) => {
  describe.each(Object.entries(accidents))('amid a response %s', (_what, accident) => {
    test.each(points)('after %s: nothing is stored, and who waited gets all', async (point, begin) => {
      const { url, seen, signal } = await serveFill(express, begin, accident)
      const first = request(url, { signal }).then(
        ({ status }) => status,
        () => 'cut off',
      )
      while (seen.runs === 0) await nextTurn()
      const waiting = Promise.all([request(url), request(url)])
      for (const { status, text } of await waiting) expect([status, text]).toEqual([200, 'whole answer'])
      // Where all that was announced has arrived, only the server knows that it was not the end.
      expect(point.endsWith('announced') ? [200, 'cut off'] : [500, 'cut off']).toContain(await first)
      const after = await request(url)
      expect([after.text, after.headers['content-language']]).toEqual(['whole answer', undefined])
      expect(after.headers.etag).not.toBe('"partial"')
      expect(seen.runs).toBeLessThanOrEqual(3)
    })
  })
})
