import type { CacheOptions } from '@stowage/core'
import express, { type Request, type RequestHandler } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, speak } from './client.ts'
import { expresses, makeCache, serve } from './support.ts'

type Policy = Pick<CacheOptions<Request>, 'key' | 'scope'>

/** A language found by a layer in front of every route. */
const localise: RequestHandler = (request, response, next) => {
  const language = /^de/.test(request.headers['accept-language'] ?? '') ? 'de' : 'en'
  response.locals.language = language
  response.vary('Accept-Language').set('Content-Language', language)
  next()
}

describe('what a layer in front of the cache varies by', () => {
  const handlers: readonly [name: string, handler: RequestHandler][] = [
    ['says nothing', (_request, response) => void response.send(response.locals.language)],
    [
      'says the same',
      (_request, response) => void response.vary('Accept-Language').send(response.locals.language),
    ],
    [
      'says something else',
      (_request, response) => void response.vary('Accept').send(response.locals.language),
    ],
  ]
  test.each(handlers)('tells variants apart where the handler %s', async (_name, handler) => {
    const cache = makeCache()
    const app = express()
    app.use(localise)
    app.get('/hello', cache.route('1m'), handler)
    const port = await serve(app)
    for (const [language, how] of [
      ['de', /stored$/],
      ['en', /stored$/],
      ['de', /^stowage; hit/],
      ['en', /^stowage; hit/],
    ] as const) {
      const answer = await ask(port, '/hello', { headers: { 'accept-language': language } })
      expect(answer).toMatchObject({ text: language, cache: expect.stringMatching(how) })
      expect(answer.headers).toMatchObject({
        'content-language': language,
        vary: expect.stringContaining('Accept-Language'),
      })
    }
  })
})

/** Splits at semicolons alone, and trims space and tab alone, as parsers do (RFC 6265). */
const cookieOf = (request: Request, name: string): string | undefined => {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at >= 0 && pair.slice(0, at).replace(/^[ \t]+|[ \t]+$/g, '') === name)
      return pair.slice(at + 1).trim()
  }
  return undefined
}

describe('cookies that a parser tells apart share no entry', () => {
  const pairs: readonly [name: string, policy: Policy, first: string, second: string][] = [
    ['a comma', { scope: 'public', key: { cookies: ['sid'] } }, 'sid=dark,<script>', 'sid=dark'],
    ['a space beyond ASCII', { scope: 'public', key: { cookies: ['sid'] } }, '\xa0sid=dark', 'sid=dark'],
    ['a comma in a scope', { scope: (view) => view.cookie('sid') }, 'x=1,sid=victim; sid=mine', 'sid=victim'],
    ['a comma in the scope', { scope: (view) => view.cookie('sid') }, 'sid=victim,mine', 'sid=victim'],
  ]
  test.each(pairs)('%s', async (_name, policy, first, second) => {
    const cache = makeCache()
    const app = express()
    app.get('/p', cache.route({ ttl: '5m', ...policy }), (request, response) => {
      response.send(`sid=${cookieOf(request, 'sid')}`)
    })
    const port = await serve(app)
    for (const cookie of [first, second, first, second])
      expect((await ask(port, '/p', { headers: { cookie } })).text).toBe(
        `sid=${cookieOf({ headers: { cookie } } as Request, 'sid')}`,
      )
  })
})

describe.each(expresses)('$name: queries that its extended parser tells apart share no entry', (version) => {
  const pairs: readonly [rule: Policy['key'], first: string, second: string][] = [
    [{ query: ['page'] }, '?[page]=2', ''],
    [{ query: ['page'] }, '?[[page]=2', ''],
    [{ query: ['page'] }, '?page=1&[page]=evil', '?page=1'],
    [{ query: ['page'] }, '?page=1&%5Bpage%5D=evil', '?page=1'],
    [{}, '?[a]=1&a=2', '?a=2&[a]=1'],
    [{}, '?a%5D=1&a=2', '?a=2&a%5D=1'],
  ]
  test.each(pairs)('%j: %s and %s', async (key, first, second) => {
    const cache = makeCache()
    const app = version.express()
    app.set('query parser', 'extended')
    app.get('/p', cache.route({ ttl: '5m', ...(key === undefined ? {} : { key }) }), (request, response) => {
      response.send(JSON.stringify(request.query))
    })
    app.get('/bare', (request, response) => void response.send(JSON.stringify(request.query)))
    const port = await serve(app)
    for (const query of [first, second])
      expect((await ask(port, `/p${query}`)).text).toBe((await ask(port, `/bare${query}`)).text)
  })
})

test('a policy function sees the query also where the host makes no URL', async () => {
  const cache = makeCache()
  const app = express()
  const by = { page: (view: { query(name: string): unknown }) => view.query('page') as string | undefined }
  const policy = cache.route({ ttl: '5m', key: { host: false, query: 'none', by } })
  app.get('/list', policy, (request, response) => void response.send(`page ${String(request.query.page)}`))
  const port = await serve(app)
  const crafted = 'GET /list?page=evil HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'
  expect(await speak(port, crafted, () => false)).toMatch(/page evil$/)
  expect(await ask(port, '/list')).toMatchObject({
    text: 'page undefined',
    cache: expect.stringMatching(/stored$/),
  })
})
