import { beforeAll, describe, expect, test } from 'vitest'
import { redisServer } from '../servers/find-redis.ts'
import { type Finished, requireBuild, runScript, shop } from './children.ts'

/** From the second request on nothing may be stored, so that handlers run more often than they should. */
const withoutReuse = `data:text/javascript,${encodeURIComponent(`
  import http from 'node:http'
  import { syncBuiltinESMExports } from 'node:module'
  const { request } = http
  let requests = 0
  http.request = (options, ...rest) => {
    requests += 1
    const headers = { ...options.headers, ...(requests > 1 && { 'cache-control': 'no-store' }) }
    return request({ ...options, headers }, ...rest)
  }
  syncBuiltinESMExports()
`)}`

/** The rows of the table: title, status, Cache-Status, milliseconds, handler runs. */
const rowsOf = ({ stdout }: Finished): readonly string[][] =>
  stdout
    .split('\n')
    .map((line) => line.trimEnd().split(/ {2,}(?=\d{3} |stowage|\d+\b)/))
    .filter(([, status]) => /^\d{3}$/.test(status ?? ''))

let onMemory: Promise<Finished> | undefined
const finishedOnMemory = (): Promise<Finished> => {
  requireBuild()
  onMemory ??= runScript(['demo.js'], shop)
  return onMemory
}

describe('the demonstration', () => {
  let finished: Finished
  let seconds: number

  beforeAll(async () => {
    const began = performance.now()
    finished = await finishedOnMemory()
    seconds = (performance.now() - began) / 1000
  }, 60_000)

  test('exits with 0, prints no error and ends its servers in time', () => {
    expect(finished.stderr).toBe('')
    expect(finished.code).toBe(0)
    expect(finished.stdout).toMatch(/Every row is as expected\. \d+\.\d s\n$/)
    expect(seconds).toBeLessThan(30)
  })

  test.each([
    ['a miss', 'GET /items', '200', /fwd=uri-miss; fwd-status=200; ttl=\d+; stored/, '1'],
    ['a hit', 'GET /items', '200', /^stowage; hit; ttl=\d+$/, '0'],
    ['a query that the key ignores', 'GET /items?utm_source=mail', '200', /hit/, '0'],
    ['a HEAD', 'HEAD /items', '200', /hit/, '0'],
    ['a 304', 'GET /items  If-None-Match: (its ETag)', '304', /hit/, '0'],
    ['a range', 'GET /catalogue.csv  Range: bytes=0-7', '206', /hit/, '0'],
    ['a variant', 'GET /items/1  Accept-Language: fr', '200', /fwd=vary-miss/, '1'],
    ['100 requests at once', '100 × GET /items/2', '200', /collapsed$/, '1'],
    ['no-cache', 'GET /items  Cache-Control: no-cache', '200', /fwd=request/, '1'],
    ['no-cache again', 'GET /items  Cache-Control: no-cache', '200', /refresh-limit/, '0'],
    ['a validation', 'GET /items/2  Cache-Control: max-age=0', '200', /fwd-status=304/, '1'],
    ['a change', 'PUT /items/1', '200', /fwd=method/, '1'],
    ['a miss after it', 'GET /items/1  Accept-Language: de', '200', /fwd=vary-miss/, '1'],
    ['a personal page', 'GET /  Cookie: session=…', '200', /detail=cookie/, '1'],
    ['a response with a cookie', 'GET /basket  (sets a cookie)', '200', /detail=set-cookie/, '1'],
    ['an event stream', 'GET /events  (an event stream)', '200', /detail=stream/, '0'],
    ['a page for each session', 'GET /account  Cookie: session=…', '200', /hit/, '0'],
    ['stale while it is refreshed', 'GET /prices  (1.1 s later)', '200', /detail=swr/, '1'],
    ['an invalidation by a tag', 'POST /import  (invalidates a tag)', '204', /fwd=method/, '1'],
    ['stale in an outage', 'GET /items  (marked stale, its handler fails)', '200', /detail=sie/, '1'],
  ])('shows %s', (_what, title, status, cacheStatus, runs) => {
    // How many of the hundred came in time to wait depends on the machine.
    const rows = rowsOf(finished).filter((row) => row[0]?.replace(/ {2}\(\d+ waited\)$/, '') === title)
    const fits = rows.filter(
      ([, s, c = '', ms, r]) => s === status && cacheStatus.test(c) && Number(ms) >= 0 && r === runs,
    )
    expect(rows.length, `rows of ${title}`).toBeGreaterThan(0)
    expect(fits, JSON.stringify(rows)).not.toEqual([])
  })
})

test.each(['Express', 'Fastify', 'Koa', 'node:http'])(
  'the demonstration shows the same on %s',
  async (name) => {
    const { stdout } = await finishedOnMemory()
    const [, chapter = ''] = stdout.split(`The same on ${name}\n`)
    const rows = chapter.split('\n\n')[0]?.split('\n') ?? []
    expect(rows.map((row) => row.slice(56, 116).trim())).toEqual([
      expect.stringMatching(/fwd=uri-miss; fwd-status=200; ttl=60; stored$/),
      expect.stringMatching(/^stowage; hit; ttl=(?:59|60)$/),
      expect.stringMatching(/^stowage; hit; ttl=(?:59|60)$/),
      expect.stringMatching(/fwd=method; fwd-status=204$/),
      expect.stringMatching(/fwd=uri-miss; fwd-status=200; ttl=60; stored$/),
    ])
  },
)

describe('the demonstration on a store outside of the process', () => {
  test.each(['file', 'sqlite', 'http', 'redis', 'tiered'])(
    'shows every row on %s, and what a second server sees',
    { timeout: 120_000 },
    async (backend) => {
      if (backend === 'redis' || backend === 'tiered') redisServer()
      const { code, stdout, stderr } = await runScript(['demo.js', '--backend', backend], shop)
      expect(stderr).toBe('')
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`^Responses are kept by: .*${backend}`))
      expect(stdout).toMatch(/GET \/items\/3 {2}\(from the second\) +200 +stowage; hit/)
      expect(stdout).toMatch(/GET \/items\/3 {2}\(from the first, invalidated\) +200 +stowage; fwd=vary-miss/)
    },
  )
})

test('the demonstration refuses a backend that it does not know, with those that it does', async () => {
  const { code, stderr } = await runScript(['demo.js', '--backend', 'redsi'], shop)
  expect([code, stderr]).toEqual([
    1,
    'demo: --backend redsi is not known. Use memory, file, sqlite, http, redis, tiered\n',
  ])
})

test('the demonstration ends with 1, and says what was wrong, when a handler runs twice', async () => {
  requireBuild()
  const { code, stdout, stderr } = await runScript(['--import', withoutReuse, 'demo.js'], shop)
  expect(stderr).toMatch(/^demo: GET \/items: .*handler runs: 1 instead of 0\n$/)
  expect(stdout).not.toContain('Every row is as expected')
  expect(code).toBe(1)
})
