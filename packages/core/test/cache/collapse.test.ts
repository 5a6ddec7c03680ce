import { type CacheOptions, type FieldMap, memory } from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { createQueue, turns } from './queue.ts'
import { type Answer, requestOf } from './site.ts'

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

const repeat = (count: number, act: () => void): void => {
  for (let i = 0; i < count; i++) act()
}

describe('concurrent requests for one key', () => {
  test.each<[string, CacheOptions]>([
    ['memory()', {}],
    ['asyncBackend(memory())', { backend: asyncBackend(memory()) }],
  ])('run one handler and share its response: %s', async (_name, options) => {
    const queue = createQueue(options)
    repeat(1000, () => queue.ask())
    await turns()
    expect((await queue.states()).slice(0, 2)).toEqual(['forward uri-miss', 'waits'])
    await queue.answer(0, { headers: fresh, body: 'once' })
    const states = await queue.states()
    expect(new Set(states.slice(1))).toEqual(new Set(['stowage; fwd=uri-miss; ttl=60; collapsed']))
    expect(queue.cache.stats()).toMatchObject({ collapsed: 999, misses: 1, stored: 1 })
  })

  test('share what has landed before the store has it', async () => {
    let stored: () => void = () => undefined
    const set = (): Promise<void> => new Promise((resolve) => (stored = resolve))
    const queue = createQueue({ backend: { ...mockBackend(), tags: memory().tags, set } })
    queue.ask()
    await turns()
    void queue.answer(0, { headers: fresh, body: 'once' })
    queue.ask()
    expect((await queue.states())[1]).toMatch(/collapsed/)
    stored()
    await turns()
    queue.ask()
    expect((await queue.states())[2]).toBe('forward uri-miss')
  })

  test('for a stale response are one validation', async () => {
    const queue = createQueue({})
    queue.ask()
    await turns()
    await queue.answer(0, { headers: { ...fresh, etag: '"1"' }, body: 'a' })
    queue.clock.advance(61_000)
    repeat(3, () => queue.ask())
    expect((await queue.states()).slice(1)).toEqual(['forward stale', 'waits', 'waits'])
    await queue.answer(1, { status: 304, headers: fresh })
    expect((await queue.states()).slice(2)).toEqual(Array(2).fill('stowage; fwd=stale; ttl=60; collapsed'))
  })

  test('that bring their own conditions are answered by them', async () => {
    const queue = createQueue({})
    queue.ask()
    queue.ask('/a', { 'if-none-match': '"1"' })
    queue.ask('/a', { range: 'bytes=0-0' })
    await turns()
    await queue.answer(0, { headers: { ...fresh, etag: '"1"' }, body: 'abc' })
    const conditional = await queue.cache.lookup(requestOf('/a', { 'if-none-match': '"1"' }))
    expect(conditional.action === 'reuse' && conditional.response.status).toBe(304)
    // A range of what is not stored yet is the handler's to cut.
    expect(await queue.states()).toEqual([
      'forward uri-miss',
      expect.stringMatching(/collapsed/),
      'forward uri-miss',
    ])
  })

  test('with and without credentials do not wait for each other', async () => {
    const queue = createQueue({})
    for (const headers of [{}, { cookie: 'a=1' }, { authorization: 'a' }, {}, { cookie: 'a=2' }])
      queue.ask('/a', headers)
    expect(await queue.states()).toEqual([
      'forward uri-miss',
      'forward uri-miss',
      'forward uri-miss',
      'waits',
      'waits',
    ])
    await queue.answer(1, { headers: { 'cache-control': 'public, max-age=60' }, body: 'for all' })
    await queue.answer(0, { headers: { 'cache-control': 'no-store' } })
    expect((await queue.states()).slice(3)).toEqual(['forward uri-miss', expect.stringMatching(/collapsed/)])
  })

  test('HEAD, another key, and a policy without collapsing do not wait', async () => {
    const queue = createQueue({})
    queue.ask()
    queue.ask('/a', {}, { method: 'HEAD' })
    queue.ask('/b')
    expect(await queue.states()).toEqual(Array(3).fill('forward uri-miss'))
    const alone = createQueue({ collapse: false })
    repeat(3, () => alone.ask())
    expect(await alone.states()).toEqual(Array(3).fill('forward uri-miss'))
  })
})

describe('it is judged at the head', () => {
  const unshareable: readonly [title: string, answer: Answer][] = [
    ['no-store', { headers: { 'cache-control': 'no-store' } }],
    ['private', { headers: { 'cache-control': 'private' } }],
    ['no-cache', { headers: { 'cache-control': 'no-cache', etag: '"1"' } }],
    ['a lifetime of 0', { headers: { 'cache-control': 'max-age=0', etag: '"1"' } }],
    ['Set-Cookie', { headers: { ...fresh, 'set-cookie': 'a=1' } }],
    ['no freshness', {}],
    ['404', { status: 404 }],
  ]
  test.each(unshareable)(
    '%s: all go to their own handlers at once, and for 10 s nobody waits',
    async (_title, answer) => {
      const queue = createQueue({})
      repeat(4, () => queue.ask())
      await turns()
      queue.forward(0).respond({ status: answer.status ?? 200, headers: answer.headers ?? {} })
      expect(await queue.states()).toEqual([
        'forward uri-miss',
        'forward uri-miss',
        'forward uri-miss',
        'forward uri-miss',
      ])
      const alone = await queue.answer(1, answer)
      expect(alone.how).toContain('; collapsed=?0')
      queue.clock.advance(9999)
      repeat(3, () => queue.ask())
      expect((await queue.states()).slice(4)).not.toContain('waits')
      expect(queue.cache.stats().hitForMiss).toBe(3)
      queue.clock.advance(1)
      repeat(2, () => queue.ask('/a', {}))
      expect((await queue.states()).slice(7)).toEqual([expect.stringMatching(/^forward/), 'waits'])
    },
  )

  test('a failure lets all go, and leaves no mark: it is no sign that responses cannot be shared', async () => {
    const queue = createQueue({})
    repeat(2, () => queue.ask())
    await turns()
    await queue.answer(0, { status: 500 })
    expect(await queue.states()).toEqual(['forward uri-miss', 'forward uri-miss'])
    repeat(2, () => queue.ask())
    expect((await queue.states()).slice(2)).toEqual(['forward uri-miss', 'waits'])
  })

  test('a response that can be shared ends the mark', async () => {
    const queue = createQueue({ collapse: { wait: 60 } })
    queue.ask()
    await turns()
    await queue.answer(0, { headers: { 'cache-control': 'no-store' } })
    queue.ask()
    await turns()
    await queue.answer(1, { headers: { 'cache-control': 'max-age=1' } })
    queue.clock.advance(2000)
    repeat(2, () => queue.ask())
    expect((await queue.states()).slice(2)).toEqual(['forward stale', 'waits'])
  })
})

describe('a handler that is lost', () => {
  test('is followed by the first who waits, and the others wait for that one', async () => {
    const queue = createQueue({})
    repeat(4, () => queue.ask())
    await turns()
    queue.forward(0).abort()
    expect(await queue.states()).toEqual(['forward uri-miss', 'forward uri-miss', 'waits', 'waits'])
    queue.forward(1).respond({ status: 200, headers: fresh })
    queue.forward(1).write(Buffer.from('half'))
    queue.forward(1).abort()
    expect(await queue.states()).toEqual([
      'forward uri-miss',
      'forward uri-miss',
      'forward uri-miss',
      'waits',
    ])
    await queue.answer(2, { headers: fresh, body: 'whole' })
    expect((await queue.states())[3]).toMatch(/collapsed/)
  })

  test('to whom the body became too large lets all go', async () => {
    const queue = createQueue({ maxBodyBytes: 4 })
    repeat(3, () => queue.ask())
    await turns()
    queue.forward(0).respond({ status: 200, headers: fresh })
    queue.forward(0).write(Buffer.from('abcd'))
    expect((await queue.states()).slice(1)).toEqual(['waits', 'waits'])
    queue.forward(0).write(Buffer.from('e'))
    expect((await queue.states()).slice(1)).toEqual(['forward uri-miss', 'forward uri-miss'])
  })

  test('who falls short of its Content-Length, or skips, lets all go', async () => {
    const queue = createQueue({})
    repeat(2, () => queue.ask())
    await turns()
    queue.forward(0).respond({ status: 200, headers: { ...fresh, 'content-length': '9' } })
    await queue.forward(0).end()
    expect((await queue.states())[1]).toBe('forward uri-miss')
    repeat(2, () => queue.ask('/b'))
    await turns()
    queue.forward(2).respond({ status: 200, headers: fresh })
    queue.forward(2).handler.skip()
    await queue.forward(2).end()
    expect((await queue.states())[3]).toBe('forward uri-miss')
  })
})
