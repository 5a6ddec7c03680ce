import { type CacheBackend, memory } from '@stowage/core'
import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite } from './site.ts'

muteWarnings()

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('a store without counts of its own', () => {
  test('keeps the newest epoch, though an older one arrives last', async () => {
    const store = mockBackend()
    let slow: ((go: () => void) => void) | undefined
    const backend: CacheBackend = {
      get: async (key) => store.get(key),
      set: async (key, value, ttl) => {
        const hang = key.endsWith('#epoch') ? slow : undefined
        slow = key.endsWith('#epoch') ? undefined : slow
        if (hang !== undefined) await new Promise<void>(hang)
        store.set(key, value, ttl)
      },
      delete: async (key) => store.delete(key),
      close: () => undefined,
    }
    let version = 1
    const run = () => createSite({ ttl: '5m', backend }, () => ({ body: `v${version}` }))
    const first = run()
    await first.get('/x')
    await first.settled()
    let arrive: () => void = () => undefined
    slow = (go) => {
      arrive = go
    }
    const late = first.cache.invalidate({ url: '/other' })
    await turns()
    expect((await first.get('/y')).body).toBe('v1')
    await first.settled()
    version = 2
    await first.cache.invalidate({ url: '/y' })
    arrive()
    await late
    await turns()
    // A process that begins now knows nothing but what the store holds.
    expect((await run().get('/y')).body).toBe('v2')
  })
})

/** Memory, of whose counts one answers otherwise once `broken` is set. */
const doubtful = (operation: 'head' | 'bump', answer: unknown): CacheBackend & { broken: boolean } => {
  const store = memory()
  const { tags } = store
  const backend = {
    broken: false,
    get: (key: string) => store.get(key),
    set: (key: string, value: string, ttl: number) => store.set(key, value, ttl),
    delete: (key: string) => store.delete(key),
    close: () => store.close(),
    tags: {
      head: () => (backend.broken && operation === 'head' ? (answer as never) : tags.head()),
      read: (names: readonly string[]) => tags.read(names),
      bump: (names: readonly string[]) =>
        backend.broken && operation === 'bump' ? (answer as never) : tags.bump(names),
    },
  }
  return backend
}

describe('a store whose counts are garbage', () => {
  const heads: readonly [name: string, answer: unknown][] = [
    ['a number', 5],
    ['an object', {}],
    ['a list', []],
    ['text', 'xxxxxxxxxxxx'],
    ['a symbol', Symbol('x')],
    ['null', null],
    ['an epoch alone', { epoch: 'e' }],
    ['a count alone', { seq: 1 }],
    ['a count that is text', { epoch: 'e', seq: '1' }],
    ['a count that is none', { epoch: 'e', seq: Number.NaN }],
    ['an empty epoch', { epoch: '', seq: 1 }],
  ]
  test.each(heads)('head answers %s: nothing is reused or stored', async (_name, answer) => {
    const backend = doubtful('head', answer)
    const site = createSite({ ttl: '5m', backend })
    await site.get('/a')
    backend.broken = true
    for (const runs of [2, 3]) {
      expect((await site.get('/a')).how).not.toMatch(/hit|stored/)
      expect(site.runs).toHaveLength(runs)
    }
  })

  test.each(heads)('head answers %s from the start: nothing is reused', async (_name, answer) => {
    const backend = doubtful('head', answer)
    backend.broken = true
    const site = createSite({ ttl: '5m', backend })
    await site.get('/a')
    await site.cache.invalidate({ url: '/a' })
    expect((await site.get('/a')).how).not.toMatch(/hit/)
    expect(site.runs).toHaveLength(2)
  })

  const bumps: readonly [name: string, answer: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['an object', {}],
    ['text', '7'],
    ['a fraction', 1.5],
    ['a symbol', Symbol('x')],
  ]
  test.each(bumps)('bump answers %s: the invalidation is known to have failed', async (_name, answer) => {
    const backend = doubtful('bump', answer)
    const site = createSite({ ttl: '5m', backend })
    backend.broken = true
    await expect(site.cache.invalidate({ url: '/a' })).rejects.toMatchObject({
      name: expect.stringMatching(/Error/),
    })
  })
})
