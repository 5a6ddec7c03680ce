import { createCache, type Decision, memory, type ResponseCache } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { forwardOf, requestOf, respond } from './site.ts'

const clock = fakeClock()

/** A cache that remembers for `/a` the rules of a route, which leaves the query out of the key. */
const withRemembered = async () => {
  const cache = createCache({ clock, backend: memory({ clock }) })
  const rules = cache.policy({ ttl: 60, staleWhileRevalidate: 60, key: { query: 'none' } })
  const route = async (body: string) => {
    const front = forwardOf(await cache.lookup(requestOf('/a')))
    return respond(forwardOf((await cache.refine(front, rules)) as Decision), { body })
  }
  await route('of the route')
  return { cache, route }
}

/** Something between the cache and the route answers. */
const answerInFront = async (cache: ResponseCache, headers = {}) =>
  respond(forwardOf(await cache.lookup(requestOf('/a'))), { headers, body: 'closed today' })

const notStored = 'stowage; fwd=uri-miss; fwd-status=200; detail=key-changed'

describe('what answers in front of a route whose rules are remembered', () => {
  test.each([[{}], [{ 'cache-control': 'max-age=60' }]])('is not stored by them: %j', async (headers) => {
    const { cache, route } = await withRemembered()
    await cache.invalidate({ all: true })
    expect((await answerInFront(cache, headers)).how).toBe(notStored)
    expect((await route('open again')).how).toBe('stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored')
  })

  test('replaces nothing in the background', async () => {
    const { cache } = await withRemembered()
    clock.advance(61_000)
    const stale = await cache.lookup(requestOf('/a'))
    if (stale.action !== 'reuse' || stale.revalidation === undefined) throw new Error('nothing to revalidate')
    await respond(stale.revalidation, { body: 'closed today' })
    expect((await cache.lookup(requestOf('/a'))).action).toBe('forward')
  })
})
