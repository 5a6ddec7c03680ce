import { type CacheBackend, createCache, type FieldMap } from '@stowage/core'
import { asyncBackend, type MockBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { encode } from '../../src/codec.ts'
import { keyPrefix, primaryKey } from '../../src/key.ts'
import { compileOptions } from '../../src/policy.ts'
import { storedResponse } from '../stored.ts'
import { muteWarnings } from '../warnings.ts'
import { createSite, forwardOf, requestOf, respond, type Site } from './site.ts'

muteWarnings()

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

/** A run of the application on a store that outlives it. */
const run = (backend: CacheBackend, name: string): Site =>
  createSite({ backend, tags: ['t'] }, () => ({ headers: fresh, body: `of ${name}` }))

describe.each<[string, () => ReturnType<typeof mockBackend>, (backend: CacheBackend) => CacheBackend]>([
  ['answering at once', mockBackend, (backend) => backend],
  ['answering later', mockBackend, asyncBackend],
])('a bare backend %s', (_name, createStore, wrap) => {
  test('keeps its entries over a restart', async () => {
    const store = createStore()
    const first = run(wrap(store), 'first')
    await first.get('/a')
    await first.settled()
    const second = run(wrap(store), 'second')
    expect(await second.get('/a')).toMatchObject({ body: 'of first', how: 'stowage; hit; ttl=60' })
  })

  test('every invalidation ends the entries of all runs before', async () => {
    const store = createStore()
    const first = run(wrap(store), 'first')
    await first.get('/a')
    await first.settled()
    const second = run(wrap(store), 'second')
    await second.cache.invalidate({ tags: ['something else'] })
    expect((await second.get('/a')).body).toBe('of second')
    await second.settled()
    // In its own run it is exact.
    await second.cache.invalidate({ tags: ['something else'] })
    expect((await second.get('/a')).how).toMatch(/hit/)
  })

  test('what was invalidated does not come back with a restart, nor does a fill that was under way', async () => {
    const store = createStore()
    const first = run(wrap(store), 'first')
    await first.get('/a')
    await first.settled()
    const fill = forwardOf(await first.decide('/b'))
    await first.cache.invalidate({ all: true })
    await respond(fill, { headers: fresh, body: 'old' })
    for (const url of ['/a', '/b']) expect((await run(wrap(store), 'second').get(url)).body).toBe('of second')
  })

  test('softly invalidated entries are removed for the next run: it cannot tell', async () => {
    const store = createStore()
    const first = run(wrap(store), 'first')
    await first.get('/a')
    await first.settled()
    await first.cache.invalidate({ tags: ['t'] }, { mode: 'stale' })
    expect((await run(wrap(store), 'second').get('/a')).body).toBe('of second')
  })

  test('an epoch that the store does not take: invalidate rejects, and nothing is stored before it is written', async () => {
    const store = createStore()
    let down = false
    const set: CacheBackend['set'] = (key, value, ttl) => {
      if (down && key.endsWith('#epoch')) throw new Error('no room')
      store.set(key, value, ttl)
    }
    const first = run(wrap({ ...store, set }), 'first')
    await first.get('/a')
    await first.settled()
    down = true
    await expect(first.cache.invalidate({ tags: ['t'] })).rejects.toMatchObject({
      cause: { message: 'no room' },
    })
    const keys = store.entries.size
    expect((await first.get('/b')).body).toBe('of first')
    await first.settled()
    expect(store.entries.size).toBe(keys)
    // This process has invalidated all the same.
    expect((await first.get('/a')).how).toMatch(/fwd=/)
    await first.settled()
    expect(first.cache.stats().errors).toBeGreaterThanOrEqual(3)
    down = false
    await first.get('/b')
    await first.settled()
    expect((await first.get('/b')).how).toMatch(/hit/)
    expect((await run(wrap(store), 'second').get('/a')).body).toBe('of second')
  })
})

test('runs at the same time do not mistake each other’s counts', async () => {
  const store = mockBackend()
  const [one, other] = [run(store, 'one'), run(store, 'other')]
  await one.get('/a')
  await other.cache.invalidate({ tags: ['x'] })
  await other.cache.invalidate({ tags: ['x'] })
  await one.cache.invalidate({ tags: ['x'] })
  // Both have counted, each for itself; neither reads the entries of the other as its own.
  expect((await one.get('/a')).body).toBe('of one')
  expect((await other.get('/a')).body).toBe('of other')
})

describe('an invalidation costs the same however many entries there are', () => {
  /** Entries of a run before this one, written as that run would have. */
  const fill = (store: MockBackend, epoch: string, count: number): void => {
    const { policy } = compileOptions({}, 'test')
    for (let i = 0; i < count; i++) {
      const { id, full } = primaryKey(keyPrefix('stowage', ''), requestOf(`/${i}`), policy)
      const entry = {
        key: full,
        tags: ['*', 't:t'],
        epoch,
        run: 'before',
        requestTime: 0,
        freshnessLifetime: 1e15,
      }
      store.set(id, encode(storedResponse(entry)) ?? '', 60)
    }
  }

  test('in calls to the store, and in time', async () => {
    const store = mockBackend()
    const cache = createCache({ backend: store, tags: ['t'] })
    await respond(forwardOf(await cache.lookup(requestOf('/new'))), { headers: fresh })
    const [epoch] = [...store.entries].filter(([key]) => key.endsWith('#epoch')).map(([, { value }]) => value)
    fill(store, epoch ?? '', 100_000)
    const actions = async (): Promise<Set<string>> => {
      const decisions = Array.from({ length: 1000 }, (_, i) => cache.lookup(requestOf(`/${i * 100}`)))
      return new Set((await Promise.all(decisions)).map(({ action }) => action))
    }
    expect(await actions()).toEqual(new Set(['reuse']))
    const calls = store.calls.length
    const before = process.cpuUsage()
    await cache.invalidate({ tags: ['t'] })
    const { user, system } = process.cpuUsage(before)
    // Microseconds of processor time, which other processes do not add to.
    expect(user + system).toBeLessThan(50_000)
    expect(store.calls.length - calls).toBe(1)
    expect(await actions()).toEqual(new Set(['forward']))
  })
})
