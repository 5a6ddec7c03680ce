import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Application, RequestHandler } from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { type Express, expresses, type Runs, twins } from './support.ts'

const modified = new Date('2024-05-05T05:05:05Z')
const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256))

let root = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'stowage-files-'))
  writeFileSync(join(root, 'file.bin'), content)
  mkdirSync(join(root, 'folder'))
  writeFileSync(join(root, 'folder', 'index.html'), '<p>index')
  utimesSync(join(root, 'file.bin'), modified, modified)
})

afterAll(() => rmSync(root, { recursive: true }))

const counting =
  (runs: Runs): RequestHandler =>
  (request, _response, next) => {
    runs.add(request.path)
    next()
  }

const mountFiles = (express: Express, app: Application, layer: RequestHandler, runs: Runs): void => {
  const own = { maxAge: 60_000, root }
  app.use(layer, counting(runs))
  app.get('/sent', (_request, response) => response.sendFile('file.bin', own))
  app.get('/download', (_request, response) => response.download('file.bin', 'größe.bin', own))
  app.get('/zero', (_request, response) => response.sendFile('file.bin', { root }))
  app.get('/missing', (_request, response) => response.sendFile('none.bin', own))
  app.use('/static', express.static(root, { maxAge: 60_000, etag: true }))
}

const times = {
  same: modified.toUTCString(),
  later: new Date(modified.getTime() + 1000).toUTCString(),
  earlier: new Date(modified.getTime() - 1000).toUTCString(),
}

const conditions = (etag: string): Record<string, string>[] => [
  {},
  { 'if-none-match': etag },
  { 'if-none-match': etag.replace('W/', '') },
  { 'if-none-match': `"x", ${etag}` },
  { 'if-none-match': '*' },
  { 'if-none-match': '"other"' },
  { 'if-none-match': '"other"', 'if-modified-since': times.same },
  { 'if-modified-since': times.same },
  { 'if-modified-since': times.later },
  { 'if-modified-since': times.earlier },
  { 'if-modified-since': 'not a date' },
  { 'if-match': etag },
  { 'if-match': '"other"' },
  { 'if-unmodified-since': times.earlier },
  { 'if-unmodified-since': times.later },
]

const ranges = [
  'bytes=0-9',
  'bytes=0-0',
  'bytes=990-',
  'bytes=-10',
  'bytes=0-99999',
  'bytes=999-999',
  'bytes=0-1,5-6',
  'chunks=0-1',
].map((range): Record<string, string> => ({ range }))

/** What a 304 may leave out (RFC 9110 §15.4.5), and `send` sends. */
const optionalIn304 = ['accept-ranges', 'last-modified', 'content-disposition']

const compare = (got: Answer, expected: Answer, what: string): void =>
  expectSame(got, expected, expected.status === 304 ? optionalIn304 : [], what)

const paths = ['/sent', '/download', '/static/file.bin'] as const

describe.each(expresses)('$name: files', ({ express }) => {
  const start = () => twins(express, (app, layer, runs) => mountFiles(express, app, layer, runs))

  test.each(paths)('%s: conditions are answered as without the cache, cold and warm', async (path) => {
    const probe = await start()
    const etag = String((await ask(probe.bare, path)).headers.etag)
    for (const method of ['GET', 'HEAD'])
      for (const headers of conditions(etag)) {
        const what = `${method} ${JSON.stringify(headers)}`
        const { bare, cached, runs } = await start()
        const expected = await ask(bare, path, { headers, method })
        compare(await ask(cached, path, { headers, method }), expected, `cold ${what}`)
        await ask(cached, path)
        const before = runs.of(path)
        const warm = await ask(cached, path, { headers, method })
        compare(warm, expected, `warm ${what}`)
        const byOrigin = 'if-match' in headers || 'if-unmodified-since' in headers
        expect(runs.of(path) - before, what).toBe(byOrigin ? 1 : 0)
      }
  })

  test.each(paths)('%s: ranges are answered as without the cache, cold and warm', async (path) => {
    for (const headers of ranges) {
      const what = JSON.stringify(headers)
      const { bare, cached, runs } = await start()
      const expected = await ask(bare, path, { headers })
      expectSame(await ask(cached, path, { headers }), expected, [], `cold ${what}`)
      await ask(cached, path)
      const before = runs.of(path)
      expectSame(await ask(cached, path, { headers }), expected, [], `warm ${what}`)
      expect(runs.of(path), what).toBe(before)
    }
  })

  test('a range that is not there, and conditions of ranges', async () => {
    const { bare, cached, runs } = await start()
    await ask(cached, '/sent')
    const headers = { range: 'bytes=2000-' }
    const [got, expected] = [await ask(cached, '/sent', { headers }), await ask(bare, '/sent', { headers })]
    expect([got.status, got.headers['content-range']]).toEqual([416, 'bytes */1000'])
    expect(expected.headers['content-range']).toBe('bytes */1000')
    for (const condition of [times.same, times.earlier, '"other"']) {
      const ranged = { range: 'bytes=0-9', 'if-range': condition }
      expectSame(
        await ask(cached, '/sent', { headers: ranged }),
        await ask(bare, '/sent', { headers: ranged }),
      )
    }
    expect(runs.of('/sent')).toBe(1)
  })

  test('a file that is not there is not stored, and is found when it comes', async () => {
    const { bare, cached, runs } = await start()
    for (const turn of [1, 2]) {
      const got = await ask(cached, '/missing')
      expect([got.status, runs.of('/missing')]).toEqual([404, turn])
      const expected = await ask(bare, '/static/none')
      expectSame(await ask(cached, '/static/none'), expected)
    }
    writeFileSync(join(root, 'none.bin'), 'there now')
    expect((await ask(cached, '/missing')).text).toBe('there now')
    rmSync(join(root, 'none.bin'))
    expect((await ask(cached, '/missing')).cache).toMatch(/^stowage; hit/)
  })

  test('folders are redirected and indexed as without the cache', async () => {
    const { bare, cached } = await start()
    for (const turn of [1, 2])
      for (const path of ['/static/folder', '/static/folder/', '/static/../secret', '/static/%2e%2e/x'])
        expectSame(await ask(cached, path), await ask(bare, path), [], `${turn} ${path}`)
  })

  test('a file without a lifetime is validated each time, and read from the store', async () => {
    const { bare, cached, runs } = await start()
    const expected = await ask(bare, '/zero')
    const caches: string[] = []
    for (const turn of [1, 2, 3]) {
      const got = await ask(cached, '/zero')
      expectSame(got, expected, [], `${turn}`)
      caches.push(got.cache)
    }
    expect(caches[0]).toContain('fwd-status=200')
    for (const cache of caches.slice(1)) expect(cache).toContain('fwd=stale; fwd-status=304')
    expect(runs.of('/zero')).toBe(3)
  })
})
