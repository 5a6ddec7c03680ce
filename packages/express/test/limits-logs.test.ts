import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isRevalidation } from '@stowage/express'
import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import morgan from 'morgan'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, type Runs, twins, until } from './support.ts'

const limiter = (limit: number, standardHeaders: 'draft-6' | 'draft-7' | 'draft-8'): RequestHandler =>
  rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders,
    legacyHeaders: true,
    skip: (request) => isRevalidation(request),
    validate: { ip: false },
  })

const limitFields = (answer: Answer): [string, string][] =>
  answer.lines
    .filter(([name]) => /^(x-)?ratelimit|^retry-after/.test(name))
    .map(([name, value]) => [name, value])

const remaining = (answer: Answer): number => Number(answer.headers['x-ratelimit-remaining'])

type OnFinished = (message: object, listener: (error: Error | null) => void) => void

/** Express's own, which most middleware uses to see the end of a response. */
const onFinished = createRequire(fileURLToPath(import.meta.resolve('express')))('on-finished') as OnFinished

const answer =
  (runs: Runs): RequestHandler =>
  (_request, response) => {
    runs.add()
    response.json({ a: 1 })
  }

const drafts = ['draft-6', 'draft-7', 'draft-8'] as const

describe.each(expresses)('$name: express-rate-limit beside the cache', ({ express }) => {
  test.each(drafts)('outside, %s: every answer has its own count, hits included', async (draft) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(limiter(5, draft), layer, freshFor60s).get('/', answer(counted))
    })
    for (const left of [4, 3, 2, 1, 0]) {
      const [got, expected] = [await ask(cached, '/'), await ask(bare, '/')]
      expect(remaining(got)).toBe(left)
      expect(limitFields(got).map(([name]) => name)).toEqual(limitFields(expected).map(([name]) => name))
    }
    expect(runs.of()).toBe(1)
    const refused = await ask(cached, '/')
    expect(refused.status).toBe(429)
    expect(refused.cache).toBe('')
  })

  test.each(drafts)('inside, %s: a count is given to nobody else, and a hit takes none', async (draft) => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s, limiter(2, draft)).get(['/', '/other'], answer(counted))
    })
    const miss = await ask(cached, '/')
    expect(limitFields(miss)).not.toHaveLength(0)
    for (const turn of [1, 2, 3]) {
      const hit = await ask(cached, '/')
      expect(hit.cache, `${turn}`).toMatch(/^stowage; hit/)
      expect(limitFields(hit)).toEqual([])
      const names = limitFields(miss).map(([name]) => name)
      expectSame(hit, miss, names)
    }
    expect(remaining(await ask(cached, '/other'))).toBe(0)
    expect(runs.of()).toBe(2)
  })

  test('inside: the refusal of one client is not stored for the next', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, limiter(1, 'draft-8')).get('/:n', freshFor60s, answer(counted))
    })
    await ask(cached, '/1')
    for (const turn of [1, 2]) {
      const refused = await ask(cached, '/2')
      expect([refused.status, refused.cache.includes('stored')], `${turn}`).toEqual([429, false])
    }
    expect((await ask(cached, '/1')).cache).toMatch(/^stowage; hit/)
    expect(runs.of()).toBe(1)
  })
})

describe.each(expresses)('$name: access logs and request ids beside the cache', ({ express }) => {
  test('morgan outside sees the status and the length of what each client gets', async () => {
    const logs: string[][] = []
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const log: string[] = []
      logs.push(log)
      app.use(
        morgan(':method :url :status :res[content-length] :res[etag]', {
          stream: { write: (line) => void log.push(line.trim()) },
        }),
        layer,
        freshFor60s,
      )
      app.get('/', answer(counted))
      app.get('/gone', (_request, response) => void response.status(410).end())
    })
    const requests = [
      ['GET', '/', {}],
      ['GET', '/', {}],
      ['HEAD', '/', {}],
      ['GET', '/', { 'if-none-match': '*' }],
      ['GET', '/gone', {}],
      ['GET', '/none', {}],
      ['POST', '/', {}],
    ] as const
    for (const [at, [method, path, headers]] of requests.entries())
      for (const port of [bare, cached]) {
        await ask(port, path, { method, headers })
        await until(() => logs[port === bare ? 0 : 1]?.length === at + 1, `line ${at}`)
      }
    expect(logs[1]).toEqual(logs[0])
    expect(runs.of()).toBe(1)
  })

  test('on-finished fires once for each request and response, hits included', async () => {
    const ends: string[][] = []
    const { bare, cached } = await twins(express, (app, layer, counted) => {
      const own: string[] = []
      ends.push(own)
      app.use((request, response, next) => {
        onFinished(request, (error) => void own.push(`request ${request.url} ${error}`))
        onFinished(response, (error) => void own.push(`response ${request.url} ${error}`))
        next()
      })
      app.use(layer, freshFor60s).get('/', answer(counted))
    })
    const paths = ['/', '/', '/none']
    for (const port of [bare, cached]) for (const path of paths) await ask(port, path)
    await until(() => ends.every((own) => own.length === 2 * paths.length))
    expect(ends[1]?.sort()).toEqual(ends[0]?.sort())
  })

  test('morgan inside sees what the handler makes', async () => {
    const log: string[] = []
    const { cached } = await twins(express, (app, layer, counted) => {
      app.use(
        layer,
        morgan(':status', { stream: { write: (line) => void log.push(line.trim()) } }),
        freshFor60s,
      )
      app.get('/', answer(counted))
    })
    for (const path of ['/', '/', '/none', '/']) await ask(cached, path)
    await until(() => log.length === 2)
    expect(log).toEqual(['200', '404'])
  })

  test.each(['outside', 'inside'])('%s: a request id is never that of another request', async (place) => {
    const fields = ['x-request-id', 'x-correlation-id', 'server-timing', 'x-response-time', 'traceparent']
    const identify: RequestHandler = (_request, response, next) => {
      for (const name of fields) response.setHeader(name, randomUUID())
      next()
    }
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const handlers = [identify, layer]
      app.use(...(place === 'outside' ? handlers : handlers.reverse()), freshFor60s).get('/', answer(counted))
    })
    const expected = await ask(bare, '/')
    const seen = new Set<string>()
    let given = 0
    for (const turn of [1, 2, 3]) {
      const got = await ask(cached, '/')
      expectSame(got, expected, fields, `${turn}`)
      for (const name of fields) {
        const value = got.headers[name]
        if (value === undefined) continue
        seen.add(String(value))
        given++
      }
    }
    expect(seen.size).toBe(given)
    expect(given).toBe(fields.length * (place === 'outside' ? 3 : 1))
    expect(runs.of()).toBe(1)
  })
})
