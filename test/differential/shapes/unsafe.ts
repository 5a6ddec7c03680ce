import { createHash } from 'node:crypto'
import type { Call, Shape } from '../shape.ts'
import { answer } from './answer.ts'

const changing = ['POST', 'PUT', 'PATCH', 'DELETE']

const isSafe = (call: Call): boolean => call.request.method === 'GET' || call.request.method === 'HEAD'

/** GET reads; the unsafe methods change what it reads, and answer as `changed` says. */
const item = (
  name: string,
  changed: (call: Call) => void | Promise<void>,
  rest: Partial<Shape> = {},
): Shape => ({
  name,
  fresh: 600,
  methods: ['GET', ...changing],
  bodies: ['', '{"set":1}'],
  handle: async (call) => {
    await call.request.body()
    if (isSafe(call)) {
      await call.pause()
      answer(call, { 'Cache-Control': 'max-age=600' })
    } else await changed(call)
  },
  ...rest,
})

const done = (call: Call, status: number, fields: Readonly<Record<string, string>> = {}): void => {
  call.reply.status(status)
  answer(call, fields)
}

/** The path of the same shape whose id ends in another digit. */
const sibling = (call: Call, digit: number): string =>
  call.request.url.replace(/\d?\/?(?:\?.*)?$/, String(digit))

const items: readonly Shape[] = [
  item('item', (call) => {
    call.change()
    done(call, 200, { 'Cache-Control': 'max-age=600' })
  }),
  item('item-emptied', (call) => {
    call.change()
    call.reply.status(204)
    call.stamp()
    call.reply.end()
  }),
  item('item-located', (call) => {
    const [location, content] = [sibling(call, 2), sibling(call, 3)]
    call.change([location, content])
    done(call, 201, { Location: location, 'Content-Location': content })
  }),
  item('item-redirected', (call) => {
    const location = sibling(call, 1)
    call.change([location])
    call.reply.set('Cache-Control', 'no-store')
    call.stamp()
    call.reply.redirect(303, location)
  }),
  item('item-elsewhere', (call) => {
    call.change()
    done(call, 200, { 'Content-Location': 'http://elsewhere.test/text/1', Location: 'http://[broken' })
  }),
  // An error changes nothing and invalidates nothing.
  item('item-refused', (call) => done(call, 409)),
  item('item-broken', (call) => done(call, 500)),
  item('item-slow', async (call) => {
    await call.pause()
    call.change()
    done(call, 200)
  }),
  item(
    'item-ignoring',
    (call) => {
      call.change()
      done(call, 200)
    },
    {
      fresh: 600,
      policy: { ttl: 600, key: { query: { ignore: ['utm_*'] } } },
      keeps: (name) => !name.startsWith('utm_'),
      queries: ['utm_source=a', 'utm_source=b', 'a=1&utm_source=a'],
    },
  ),
]

const tag = 'goods'

/** Data behind one tag, which an unsafe request to somewhere else changes. */
const tagged: readonly Shape[] = [
  {
    name: 'goods',
    policy: { ttl: 600, tags: [tag] },
    tags: [tag],
    handle: async (call) => {
      await call.pause()
      answer(call, {})
    },
  },
  {
    name: 'goods-remarked',
    fresh: 600,
    tags: [tag],
    handle: (call) => {
      call.cache?.tag(tag)
      answer(call, { 'Cache-Control': 'max-age=600' })
    },
  },
  {
    name: 'restock',
    methods: ['POST'],
    invalidates: { tags: [tag] },
    bodies: ['', 'x=1'],
    handle: async (call) => {
      await call.request.body()
      await call.changeTag(tag)
      done(call, 200)
    },
  },
]

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, canonical(member)]),
  )
}

const readJson = (text: string): unknown => {
  try {
    return canonical(JSON.parse(text))
  } catch {
    return { text }
  }
}

const jsonBodies = [
  '{"a":1,"b":2}',
  '{"b":2,"a":1}',
  '{"a":1}',
  '[1,2]',
  '[2,1]',
  '{"a":"1"}',
  '',
  '{broken',
  'null',
]

/** Requests whose body is part of the key (RFC 10008 for QUERY). */
const bodied: readonly Shape[] = [
  {
    name: 'search',
    methods: ['GET', 'POST', 'QUERY'],
    policy: { ttl: 60, methods: ['GET', 'POST', 'QUERY'], key: { body: 'json' } },
    bodies: jsonBodies,
    handle: async (call) => {
      const read = readJson((await call.request.body()).toString())
      answer(call, {}, { read, type: isSafe(call) ? null : (call.request.headers['content-type'] ?? null) })
    },
  },
  {
    name: 'search-bytes',
    methods: ['POST'],
    policy: { ttl: 60, methods: ['POST'], key: { body: 'bytes', maxBodyBytes: 4096 } },
    bodies: [...jsonBodies, 'x'.repeat(5000)],
    handle: async (call) => {
      const digest = createHash('sha256')
        .update(await call.request.body())
        .digest('hex')
      answer(call, {}, { digest, type: call.request.headers['content-type'] ?? null })
    },
  },
  {
    name: 'uncached-query',
    methods: ['QUERY', 'POST'],
    fresh: 60,
    never: true,
    bodies: jsonBodies,
    handle: async (call) => {
      const body = await call.request.body()
      answer(call, { 'Cache-Control': 'max-age=60' }, { length: body.length })
    },
  },
]

/** HEAD that answers otherwise than GET: a cache may use the stored GET for it. */
const heads: readonly Shape[] = [
  {
    name: 'own-head',
    methods: ['HEAD', 'GET'],
    fresh: 60,
    handle: (call) => {
      if (call.request.method === 'HEAD') call.reply.set('X-Only-Head', '1')
      answer(call, { 'Cache-Control': 'max-age=60' })
    },
  },
]

export const unsafe: readonly Shape[] = [...items, ...tagged, ...bodied, ...heads]
