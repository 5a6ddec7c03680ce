import { type CacheBackend, memory, type ValueCache, values } from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

/** A load that ends when it is told to. */
const begin = (cache: ValueCache, key = 'k') => {
  let end = (): void => undefined
  const loading = cache.getOrSet(key, () => new Promise((resume) => (end = () => resume('loaded before'))))
  return { loading, end: () => end() }
}

const changes: readonly (readonly [string, (cache: ValueCache) => Promise<unknown>, unknown])[] = [
  ['delete', (cache) => cache.delete('k'), undefined],
  ['deleteMany', (cache) => cache.deleteMany(['a', 'k']), undefined],
  ['clear', (cache) => cache.clear(), undefined],
  ['set', (cache) => cache.set('k', 'set'), 'set'],
  ['setMany', (cache) => cache.setMany([['k', 'set']]), 'set'],
]

const stores: readonly (readonly [string, () => CacheBackend])[] = [
  ['memory', () => memory()],
  ['a store that answers later', () => asyncBackend(memory())],
]

describe.each(stores)('what is being loaded when its key is changed, in %s,', (_name, make) => {
  test.each(changes)('is not kept after %s', async (_what, change, left) => {
    const cache = values(make())
    const { loading, end } = begin(cache)
    await nextTurn()
    await change(cache)
    const later = cache.getOrSet('k', () => 'loaded after')
    await nextTurn()
    end()
    expect(await loading).toBe('loaded before')
    expect(await later).toBe(left ?? 'loaded after')
    expect(await cache.get('k')).toBe(left ?? 'loaded after')
  })

  test('is kept where another key was changed', async () => {
    const cache = values(make())
    const { loading, end } = begin(cache)
    await nextTurn()
    await cache.delete('another')
    end()
    await loading
    expect(await cache.get('k')).toBe('loaded before')
  })
})

test('a value that cannot be read is deleted all the same', async () => {
  const store = memory()
  store.set('k', 'text', 60)
  const unreadable: CacheBackend = { ...mockBackend(), delete: (key) => store.delete(key) }
  unreadable.get = () => Promise.reject(new Error('it cannot be read'))
  expect(await values(unreadable).delete('k')).toBe(false)
  expect(store.has('k')).toBe(false)
})
