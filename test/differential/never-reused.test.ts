import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAsking, type Judged, type Question, readingMethod } from './asking.ts'
import { type Comparison, compare } from './comparison.ts'
import { frameworks } from './frameworks.ts'
import type { Shape } from './shape.ts'
import { shapesFor } from './shapes.ts'
import { users } from './stamp.ts'

describe.each(frameworks)('$name', (framework) => {
  let comparison: Comparison
  let ask: (question: Question) => Promise<Judged>

  beforeAll(async () => {
    comparison = await compare(framework, { name: 'a ttl for everything', cache: () => ({ ttl: 600 }) })
    ask = createAsking(comparison)
  })
  afterAll(() => comparison.close())

  /** How many of the answers came from the run of another exchange, and everything that is wrong with them. */
  const reuses = (
    judged: readonly Judged[],
  ): { readonly reused: number; readonly violations: readonly string[] } => ({
    reused: judged.filter(({ reused }) => reused).length,
    violations: judged.flatMap(({ violations }) => violations),
  })

  const inTurn = async (questions: readonly Question[]): Promise<readonly Judged[]> => {
    const judged: Judged[] = []
    for (const question of questions) judged.push(await ask(question))
    return judged
  }

  const none = { reused: 0, violations: [] }

  const shapes = shapesFor(framework)
    .filter(({ never }) => never === true)
    .map((shape) => ({ name: shape.name, shape }))

  const questionsOf = (shape: Shape): readonly Question[] => {
    const method = readingMethod(shape) ?? 'POST'
    const body = shape.bodies?.find((each) => each !== '')
    const target = `/${shape.name}/1`
    return ['', ...users].map((user) => ({
      target,
      method,
      headers: user === '' ? {} : { cookie: `sid=${user}` },
      ...(body === undefined || method === 'GET' ? {} : { body }),
    }))
  }

  describe('an answer that is for one exchange alone, where the route sets a ttl', () => {
    test.each(shapes)('is never given to another one after the other: $name', async ({ shape }) => {
      const questions = questionsOf(shape)
      expect(reuses(await inTurn([...questions, ...questions]))).toEqual(none)
    })

    test.each(shapes)('is never given to another at the same time: $name', async ({ shape }) => {
      const questions = questionsOf(shape)
      expect(reuses(await Promise.all([...questions, ...questions].map(ask)))).toEqual(none)
    })
  })

  const credentials: readonly { readonly headers: Readonly<Record<string, string>> }[] = [
    { headers: { cookie: 'sid=alice' } },
    { headers: { cookie: '' } },
    { headers: { cookie: 'theme=dark' } },
    { headers: { authorization: 'Bearer token-alice' } },
    { headers: { authorization: 'Basic YWxpY2U6eA==' } },
    { headers: { authorization: '' } },
    { headers: { 'proxy-authorization': 'Basic YWxpY2U6eA==' } },
    { headers: { 'x-api-key': 'key-alice' } },
    { headers: { 'x-auth-token': 'alice' } },
    { headers: { 'x-access-token': 'alice' } },
    { headers: { cookie: 'sid=alice', authorization: 'Bearer token-bob' } },
  ]

  /** Shapes whose answers do not permit sharing with requests that carry credentials, in several ways. */
  const unpermitting = ['text', 'silent', 'bare-route', 'expires', 'strong-tag', 'by-language', 'stream']

  const has = (name: string): boolean => shapesFor(framework).some((shape) => shape.name === name)

  describe.each(unpermitting.filter(has))(
    'a request with credentials for what permits no sharing (%s)',
    (name) => {
      test.each(credentials)('neither fills nor reads the cache: $headers', async ({ headers }) => {
        const target = `/${name}/${encodeURIComponent(JSON.stringify(headers))}`
        const judged = await inTurn([
          { target, headers },
          { target, headers },
          { target },
          { target, headers },
        ])
        expect(reuses(judged)).toEqual(none)
        expect(await ask({ target })).toMatchObject({ reused: true, violations: [] })
      })
    },
  )

  describe('an answer that states for whom it is', () => {
    const stating = [
      { name: 'public', headers: { cookie: 'sid=alice' }, reused: true },
      { name: 'public', headers: { authorization: 'Bearer token-alice' }, reused: true },
      { name: 'shared-max-age', headers: { cookie: 'sid=alice' }, reused: true },
      { name: 'must-revalidate', headers: { authorization: 'Bearer token-alice' }, reused: true },
      { name: 'must-revalidate', headers: { cookie: 'sid=alice' }, reused: false },
      { name: 'declared-public', headers: { cookie: 'sid=alice' }, reused: true },
    ]
    test.each(stating.filter(({ name }) => has(name)))(
      'is shared so far: $name with $headers is reused: $reused',
      async ({ name, headers, reused }) => {
        const target = `/${name}/${Object.keys(headers)[0]}`
        expect(await ask({ target, headers })).toMatchObject({ reused: false, violations: [] })
        expect(await ask({ target })).toMatchObject({ reused, violations: [] })
        expect(await ask({ target, headers })).toMatchObject({ reused, violations: [] })
      },
    )

    test.each(['by-session'].filter(has))('is kept apart for each user of a scope (%s)', async (name) => {
      const asUser = (user: string): Question => ({
        target: `/${name}/1`,
        headers: { cookie: `sid=${user}` },
      })
      expect(reuses(await inTurn(users.map(asUser)))).toEqual(none)
      expect(reuses(await inTurn(users.map(asUser)))).toEqual({ reused: users.length, violations: [] })
    })
  })

  describe('a request that a cache must not answer', () => {
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE']

    test.each(methods)('%s runs the handler, and its answer is for nobody else', async (method) => {
      const target = `/item/${method}`
      const questions = [{ target }, { target, method }, { target, method, body: '{"set":1}' }, { target }]
      expect(reuses(await inTurn(questions))).toEqual(none)
      expect(await ask({ target })).toMatchObject({ reused: true, violations: [] })
    })

    test.each(['OPTIONS', 'PROPFIND', 'PURGE', 'TRACE', 'REPORT'])(
      '%s is not answered by a GET',
      async (method) => {
        const target = `/text/${method}`
        expect(await ask({ target })).toMatchObject({ reused: false, violations: [] })
        expect(await ask({ target, method })).toMatchObject({ reused: false, violations: [] })
      },
    )

    test('a GET with content runs the handler', async () => {
      const question = { target: '/text/content', body: 'content' }
      expect(reuses(await inTurn([{ target: '/text/content' }, question, question]))).toEqual(none)
    })

    test('a POST whose body is no part of the key runs the handler', async () => {
      const question = { target: '/uncached-query/1', method: 'POST', body: '{"a":1}' }
      expect(reuses(await inTurn([question, question, { ...question, body: '{"a":2}' }]))).toEqual(none)
    })

    test('one with no-store neither fills nor reads the cache', async () => {
      const target = '/text/no-store'
      const forbidding = { target, headers: { 'cache-control': 'no-store' } }
      expect(reuses(await inTurn([forbidding, { target }, forbidding]))).toEqual(none)
    })
  })
})
