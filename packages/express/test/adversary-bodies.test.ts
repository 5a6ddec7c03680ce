import type { CacheOptions } from '@stowage/core'
import express, { type Request, type RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { makeCache, serve } from './support.ts'

type Uploaded = Request & { file?: unknown; files?: unknown }

/** Reads a body as upload parsers do: fields into `req.body`, files elsewhere. */
const upload =
  (keep: (request: Uploaded, file: string) => unknown): RequestHandler =>
  (request, _response, next) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      keep(request, Buffer.concat(chunks).toString())
      request.body = { mode: 'fast' }
      next()
    })
  }

const multipart = 'multipart/form-data; boundary=x'

describe('a body of which a parser in front kept only a part is no key', () => {
  const hidden = new WeakMap<Request, string>()
  const keeps: readonly [name: string, type: string, parser: RequestHandler][] = [
    ['req.file', multipart, upload((request, file) => Object.assign(request, { file }))],
    ['req.files', multipart, upload((request, file) => Object.assign(request, { files: [file] }))],
    ['elsewhere', multipart, upload((request, file) => hidden.set(request, file))],
    [
      'req.file, of a type that parsers keep',
      'application/json',
      upload((request, file) => Object.assign(request, { file })),
    ],
    [
      'elsewhere, without a type that parsers keep',
      'image/png',
      upload((request, file) => hidden.set(request, file)),
    ],
  ]
  const kinds = ['bytes', 'json'] as const
  test.each(keeps.flatMap((row) => kinds.map((kind) => [...row, kind] as const)))(
    'kept in %s (%s)',
    async (_name, type, parser, body) => {
      const cache = makeCache()
      const app = express()
      const policy = cache.route({ ttl: '1m', methods: ['POST'], key: { body } })
      app.post('/search', parser, policy, (request: Uploaded, response) => {
        const file = request.file ?? (request.files as string[] | undefined)?.[0] ?? hidden.get(request)
        response.send(`found ${String(file)}`)
      })
      const port = await serve(app)
      for (const sent of ['a', 'b', 'a'])
        expect(
          await ask(port, '/search', { method: 'POST', headers: { 'content-type': type }, body: sent }),
        ).toMatchObject({ text: `found ${sent}`, cache: expect.stringMatching(/detail=request-body/) })
    },
  )
})

test('bytes that a parser has turned into an object can no longer be compared', async () => {
  const cache = makeCache()
  const app = express()
  const policy = cache.route({ ttl: '1m', methods: ['POST'], key: { body: 'bytes' } })
  app.post('/search', express.json(), policy, (request, response) => void response.json(request.body))
  const port = await serve(app)
  const headers = { 'content-type': 'application/json' }
  for (const body of ['{"a":1}', '{"a":1 }'])
    expect((await ask(port, '/search', { method: 'POST', headers, body })).cache).toMatch(
      /detail=request-body/,
    )
})

describe('a field name from the handler that is none costs the cache, not the client', () => {
  const names = ['a\nb', 'a b', '', 'ü', 'a,b', '\0']
  const options: CacheOptions<Request> = { ttl: '1m' }
  test.each(names)('vary(%j)', async (name) => {
    const app = express()
    app.use(makeCache(options))
    app.get('/a', (request, response) => {
      request.cache?.vary(name)
      response.send('x')
    })
    const port = await serve(app)
    for (let turn = 0; turn < 2; turn += 1)
      expect(await ask(port, '/a')).toMatchObject({
        status: 200,
        text: 'x',
        cache: expect.not.stringMatching(/hit|stored/),
      })
  })
})
