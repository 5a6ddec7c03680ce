import { type CacheBackend, memory } from '@stowage/core'
import { chaosBackend, fakeClock } from '@stowage/core/testing'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Answer, ask } from './client.ts'
import { expresses, makeCache, pause, serve } from './support.ts'

/** What would have ended the process. */
const fatal: unknown[] = []
const note = (error: unknown): void => void fatal.push(error)

beforeEach(() => {
  fatal.length = 0
  process.on('uncaughtException', note).on('unhandledRejection', note)
  return () => void process.off('uncaughtException', note).off('unhandledRejection', note)
})

/** A store whose invalidations take their time. */
const slow = (): CacheBackend => chaosBackend(memory(), { latency: 30, only: ['tags.bump'] })

const page: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error)
  response.status(500).end('error page')
}

const handlers: Record<string, RequestHandler> = {
  'a guard that asks whether an answer was sent': (_request, response) => {
    response.json({ a: 1 })
    if (!response.headersSent) response.status(500).json({ a: 2 })
  },
  'a field set too late': (_request, response) => {
    response.json({ a: 1 })
    try {
      response.setHeader('X-Late', '1')
    } catch {}
  },
  'a body begun, then an error': (_request, response, next) => {
    response.status(200).write('x')
    next(new Error('late'))
  },
  'a stream in pieces': (_request, response) => {
    response.write('a')
    response.write('b')
    setTimeout(() => {
      response.write('c')
      response.end('d')
    }, 5)
  },
  'a write after the end': (_request, response) => {
    response.on('error', () => undefined)
    response.end('x')
    response.write('y')
  },
}

const askedFor = async (app: express.Application, path = '/'): Promise<Answer | string> => {
  const port = await serve(app)
  return ask(port, path, { method: 'POST' }).catch((error: NodeJS.ErrnoException) => String(error.code))
}

const visible = (answer: Answer | string): unknown =>
  typeof answer === 'string'
    ? answer
    : [answer.status, answer.text, answer.headers['content-type'], answer.headers['x-late']]

describe.each(expresses)('$name: while the store takes in an invalidation', (version) => {
  test.each(Object.keys(handlers))('%s: as without the cache', async (name) => {
    const answers: unknown[] = []
    for (const layer of [undefined, makeCache({ backend: slow() })]) {
      const app = version.express()
      if (layer !== undefined) app.use(layer)
      app.post('/', handlers[name] as RequestHandler)
      app.use(page)
      answers.push(visible(await askedFor(app)))
    }
    expect(answers[1]).toEqual(answers[0])
    await pause(10)
    expect(fatal).toEqual([])
  })

  test('a second answer is none, and ends no process', async () => {
    const app = version.express()
    app.use(makeCache({ backend: slow() }))
    app.post('/', (_request, response) => {
      response.json({ a: 1 })
      response.json({ a: 2, more: true })
    })
    app.use(page)
    expect(visible(await askedFor(app))).toEqual([
      200,
      '{"a":1}',
      'application/json; charset=utf-8',
      undefined,
    ])
    await pause(10)
    expect(fatal).toEqual([])
  })

  test('calls back for every piece', async () => {
    const called: string[] = []
    const app = version.express()
    app.use(makeCache({ backend: slow() }))
    app.post('/', (_request, response) => {
      response.write('a', () => called.push('write'))
      response.end('b', () => called.push('end'))
    })
    expect(visible(await askedFor(app))).toEqual([200, 'ab', undefined, undefined])
    expect(called).toEqual(['write', 'end'])
  })
})

test('a stored response in the place of a failure: what the handler still says is dropped', async () => {
  const clock = fakeClock()
  const cache = makeCache({ clock, backend: memory({ clock }) })
  const app = express()
  let failing = false
  app.get('/', cache.route({ ttl: '10s', staleIfError: '1h' }), (_request, response) => {
    if (!failing) return void response.send('stored')
    response.status(503).write('a')
    if (!response.headersSent) response.status(500)
    response.end('b')
    response.end('c')
  })
  const port = await serve(app)
  await ask(port, '/')
  failing = true
  clock.advance(20_000)
  expect(await ask(port, '/')).toMatchObject({
    status: 200,
    text: 'stored',
    cache: expect.stringMatching(/sie/),
  })
  await pause(10)
  expect(fatal).toEqual([])
})

/** A store of which one operation answers otherwise. */
const broken = (operation: string, answer: () => never): CacheBackend => {
  const store = memory()
  const { tags } = store
  const own = { [operation]: answer }
  return {
    get: (key) => store.get(key),
    set: (key, value, ttl) => store.set(key, value, ttl),
    delete: (key) => store.delete(key),
    close: () => store.close(),
    tags: {
      head: () => tags.head(),
      read: (names) => tags.read(names),
      bump: (names) => tags.bump(names),
      ...own,
    },
    ...own,
  }
}

describe('a store whose promises only look like promises', () => {
  const thenables: Record<string, () => unknown> = {
    'throw when they are asked': () => ({
      // biome-ignore lint/suspicious/noThenProperty: such is the store
      then: () => {
        throw new Error('then')
      },
    }),
    'fail to say what they are': () => ({
      // biome-ignore lint/suspicious/noThenProperty: such is the store
      get then(): never {
        throw new Error('getter')
      },
    }),
    'answer late with nothing': () => ({
      // biome-ignore lint/suspicious/noThenProperty: such is the store
      then: (resolve: (value: unknown) => void) => setTimeout(() => resolve(null), 2),
    }),
    'answer several times': () => ({
      // biome-ignore lint/suspicious/noThenProperty: such is the store
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        resolve('x')
        resolve('y')
        reject(new Error('z'))
      },
    }),
  }
  const operations = ['get', 'set', 'head', 'read', 'bump'] as const
  test.each(
    Object.keys(thenables).flatMap((name) => operations.map((operation) => [name, operation] as const)),
  )('%s (%s): every request is answered, and the process lives', async (name, operation) => {
    const backend = broken(operation, thenables[name] as () => never)
    const cache = makeCache({ backend, ttl: '1m' })
    cache.on('error', () => undefined)
    const app = express()
    app.use(cache)
    app.all('/', (request, response) => void response.send(request.method))
    const port = await serve(app)
    for (const method of ['GET', 'GET', 'POST', 'GET'])
      expect(await ask(port, '/', { method })).toMatchObject({ status: 200, text: method })
    await pause(5)
    expect(fatal).toEqual([])
  })
})
