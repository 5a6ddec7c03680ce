import { createCache, type FieldMap, memory } from '@stowage/core'
import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { createQueue, turns } from './queue.ts'
import { forwardOf, requestOf, respond, servedOf } from './site.ts'

const fresh: FieldMap = { 'cache-control': 'max-age=60' }
const varying: FieldMap = { ...fresh, vary: 'accept-language' }
const lang = (value: string): FieldMap => ({ 'accept-language': value })

describe('a collapsed request follows Vary (RFC 9111 §4.1)', () => {
  test('those that would not select the response have a leader of their own', async () => {
    const queue = createQueue()
    for (const language of ['de', 'de', 'fr', 'fr', 'DE', 'de']) queue.ask('/a', lang(language))
    await turns()
    queue.forward(0).respond({ status: 200, headers: varying })
    expect(await queue.states()).toEqual([
      'forward uri-miss',
      'waits',
      'forward vary-miss',
      'waits',
      'waits',
      'waits',
    ])
    // Who comes after the head knows by what it varies, and waits with its own kind.
    queue.ask('/a', lang('fr'))
    queue.ask('/a', lang('de'))
    queue.forward(0).write(Buffer.from('deutsch'))
    await queue.forward(0).end()
    expect((await queue.states()).map((state) => state.replace(/stowage; .*; /, ''))).toEqual([
      'forward uri-miss',
      'collapsed',
      'forward vary-miss',
      'waits',
      'collapsed',
      'collapsed',
      'waits',
      'collapsed',
    ])
    const french = await queue.answer(2, { headers: varying, body: 'français' })
    expect(french.how).toMatch(/stored$/)
    expect((await queue.states()).filter((state) => state === 'waits')).toEqual([])
  })

  test('with credentials as well', async () => {
    const queue = createQueue()
    const user = (language: string): FieldMap => ({ ...lang(language), cookie: 'a=1' })
    for (const headers of [user('de'), user('fr'), user('de'), lang('de')]) queue.ask('/a', headers)
    await turns()
    await queue.answer(0, { headers: { ...varying, 'cache-control': 'public, max-age=60' }, body: 'deutsch' })
    const states = await queue.states()
    expect(states[1]).toBe('forward vary-miss')
    expect(states[2]).toMatch(/collapsed/)
  })

  test('an uncollapsible variant with credentials is marked for those with credentials', async () => {
    const queue = createQueue()
    const user: FieldMap = { ...lang('de'), cookie: 'a=1' }
    queue.ask('/a', user)
    await turns()
    await queue.answer(0, {
      headers: { vary: 'accept-language', 'cache-control': 'public, no-cache', etag: '"1"' },
    })
    queue.ask('/a', user)
    queue.ask('/a', user)
    expect((await queue.states()).slice(1)).toEqual(['forward stale', 'forward stale'])
  })

  test('a request that has looked up before the head does not share another variant', async () => {
    const held: (() => void)[] = []
    const tags = memory().tags
    const read = (names: readonly string[]): Promise<readonly number[]> =>
      new Promise((resolve) => held.push(() => resolve(tags.read(names))))
    const queue = createQueue({
      backend: { ...mockBackend(), tags: { ...tags, read } },
      backendDeadline: '30s',
    })
    /** Asks, and lets the lookup find out whether the entry is still valid. */
    const ask = async (headers: FieldMap): Promise<void> => {
      await queue.cache.invalidate({ tags: ['another'] })
      queue.ask('/a', headers)
      await turns()
    }
    await ask({})
    await queue.answer(0, { headers: fresh, body: 'unvarying' })
    queue.clock.advance(61_000)
    await ask(lang('de'))
    held.pop()?.()
    await ask(lang('fr'))
    await ask({ ...lang('de'), cookie: 'a=1' })
    held.pop()?.()
    await turns()
    queue.forward(3).respond({ status: 200, headers: { ...varying, 'cache-control': 'public, max-age=60' } })
    // This one leads where the first in German would belong, so that the first stays where it is.
    queue.ask('/a', lang('de'))
    await turns()
    queue.forward(1).respond({ status: 200, headers: varying })
    held.pop()?.()
    await turns()
    queue.forward(1).write(Buffer.from('deutsch'))
    await queue.forward(1).end()
    expect(await queue.states()).toEqual([
      'forward uri-miss',
      'forward stale',
      'forward vary-miss',
      'forward request',
      'forward vary-miss',
    ])
  })
})

describe('a route with rules of its own', () => {
  test('whose key differs sends those who wait to look up by themselves', async () => {
    const cache = createCache({ backend: memory() })
    const rules = cache.policy({ ttl: 60, key: { headers: ['x-tenant'] } }, 'GET /a')
    const tenant = (name: string): FieldMap => ({ 'x-tenant': name })
    const first = forwardOf(await cache.lookup(requestOf('/a', tenant('1'))))
    const second = Promise.resolve(cache.lookup(requestOf('/a', tenant('2'))))
    const third = Promise.resolve(cache.lookup(requestOf('/a', tenant('1'))))
    expect(await cache.refine(first, rules)).toBe(first)
    // By now the path's rules are known in front: they wait, or lead, by the route's key.
    const other = forwardOf(await second)
    await respond(first, { body: 'of 1' })
    const shared = await third
    expect(shared.action === 'reuse' && servedOf(shared.response).body).toBe('of 1')
    expect(await cache.refine(other, rules)).toBe(other)
    await respond(other, { body: 'of 2' })
    for (const name of ['1', '2']) {
      const hit = await cache.lookup(requestOf('/a', tenant(name)))
      expect(hit.action === 'reuse' && servedOf(hit.response).body).toBe(`of ${name}`)
    }
  })

  test('whose key is the same goes on with the request that is under way', async () => {
    const cache = createCache({ backend: memory() })
    const rules = cache.policy({ ttl: 60, tags: ['a'] }, 'GET /a')
    const first = forwardOf(await cache.lookup(requestOf('/a')))
    const second = Promise.resolve(cache.lookup(requestOf('/a')))
    expect(await cache.refine(first, rules)).toBe(first)
    await respond(first, { body: 'a' })
    expect((await second).action).toBe('reuse')
  })

  test('that is switched off lets all go, and stores nothing', async () => {
    const cache = createCache({ ttl: 60, backend: memory() })
    const rules = cache.policy(false, 'GET /a')
    const first = forwardOf(await cache.lookup(requestOf('/a')))
    const second = Promise.resolve(cache.lookup(requestOf('/a')))
    await cache.refine(first, rules)
    const served = await respond(first, { body: 'a' })
    expect(served.how).toBe('stowage; fwd=bypass; fwd-status=200; detail=policy')
    expect((await second).action).toBe('forward')
    expect((await cache.lookup(requestOf('/a'))).action).toBe('forward')
  })

  test('finds at the route what the lookup in front could not', async () => {
    const cache = createCache({ backend: memory() })
    const rules = cache.policy(
      { ttl: 60, key: { by: { plan: (request) => request.header('x-plan') } } },
      'GET /a',
    )
    const plan = { 'x-plan': 'free' }
    const first = forwardOf(await cache.lookup(requestOf('/a', plan)))
    await cache.refine(first, rules)
    await respond(first, { body: 'free' })
    const second = forwardOf(await cache.lookup(requestOf('/a', plan)))
    expect(second.reason).toBe('bypass')
    const decision = await cache.refine(second, rules)
    expect(decision.action === 'reuse' && servedOf(decision.response).body).toBe('free')
    // What the handler would report now is of no interest any more.
    expect(second.respond({ status: 200, headers: fresh })).toEqual({ record: false, edits: {} })
  })
})
