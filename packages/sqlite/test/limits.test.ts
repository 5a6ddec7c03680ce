import { statSync } from 'node:fs'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import type { SqliteBackend } from '../src/index.ts'
import { createSite } from './site.ts'

const MB = 1024 ** 2

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

const keysOf = async (store: SqliteBackend): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of store.keys()) keys.push(key)
  return keys
}

describe('sqlite: bounds', () => {
  test('beyond maxEntries the one written first goes, and a use does not change that', async () => {
    await using site = createSite()
    const store = site.open({ maxEntries: 3 })
    for (const key of ['a', 'b', 'c']) await store.set(key, key, 60)
    await store.set('a', 'again', 60)
    await store.get('b')
    await store.set('d', 'd', 60)
    expect(await keysOf(store)).toEqual(['a', 'c', 'd'])
    expect(await store.stats()).toMatchObject({ entries: 3, maxEntries: 3, evictions: 1 })
  })

  test('the expired go before any other', async () => {
    await using site = createSite()
    const clock = fakeClock()
    const store = site.open({ maxEntries: 3, clock })
    await store.set('old', 'old', 60)
    await store.set('short', 'short', 10)
    await store.set('other', 'other', 60)
    clock.advance(10_000)
    await store.set('new', 'new', 60)
    expect(await keysOf(store)).toEqual(['new', 'old', 'other'])
    expect((await store.stats()).evictions).toBe(0)
  })

  test('what has not expired by the clock that was given is not taken for expired', async () => {
    await using site = createSite()
    const store = site.open({ maxEntries: 3, clock: fakeClock(Date.UTC(2020, 0, 1)) })
    await store.set('first', 'value', Number.POSITIVE_INFINITY)
    for (const key of ['a', 'b', 'c']) await store.set(key, 'value', 60)
    expect(await keysOf(store)).toEqual(['a', 'b', 'c'])
    expect((await store.stats()).evictions).toBe(1)
  })

  test('many are never more than maxEntries, and are evicted some at a time', async () => {
    await using site = createSite()
    const store = site.open({ maxEntries: 1000 })
    for (let from = 0; from < 2500; from += 100) {
      const entries = Array.from({ length: 100 }, (_, n) => [`key:${from + n}`, 'value'] as const)
      await store.setMany(entries, 60)
      expect((await store.stats()).entries).toBeLessThanOrEqual(1000)
    }
    const { entries } = await store.stats()
    expect(entries).toBeGreaterThanOrEqual(990)
    expect(await store.get('key:2499')).toBe('value')
    expect(await store.get('key:0')).toBeNull()
    expect((await keysOf(store)).length).toBe(entries)
  })

  test('the count is that of all processes, whoever wrote or deleted', async () => {
    await using site = createSite()
    const [one, two] = [site.open({ maxEntries: 10 }), site.open({ maxEntries: 10 })]
    for (let n = 0; n < 20; n++) await (n % 2 === 0 ? one : two).set(`key:${n}`, 'value', 60)
    await two.delete('key:19')
    expect((await one.stats()).entries).toBe(9)
    expect((await keysOf(two)).length).toBe(9)
  })

  test('the file stays within a tenth of maxBytes and one entry, the log within 64 mb', {
    timeout: 60_000,
  }, async () => {
    await using site = createSite()
    const store = site.open({ maxBytes: 4 * MB, maxEntries: 1_000_000 })
    let [largest, longest] = [0, 0]
    for (let n = 0; n < 400; n++) {
      await store.set(`key:${n}`, 'x'.repeat(n % 10 === 0 ? 300_000 : 20_000), 60)
      if (n % 50 === 0) await store.tags.bump(Array.from({ length: 500 }, (_, t) => `tag:${n}:${t}`))
      largest = Math.max(largest, sizeOf(site.path))
      longest = Math.max(longest, sizeOf(`${site.path}-wal`))
    }
    const { databaseSizeBytes, evictions, bytes } = await store.stats()
    largest = Math.max(largest, databaseSizeBytes)
    expect(largest).toBeLessThanOrEqual(4.4 * MB + 300_000)
    expect(bytes).toBeGreaterThan(2 * MB)
    expect(longest).toBeLessThanOrEqual(64 * MB)
    expect(evictions).toBeGreaterThan(200)
    expect(await store.get('key:399')).not.toBeNull()
  })

  test('a smaller maxBytes than before is reached, and the file shrinks', async () => {
    await using site = createSite()
    const before = site.open({ maxBytes: 20 * MB })
    for (let n = 0; n < 100; n++) await before.set(`key:${n}`, 'x'.repeat(100_000), 60)
    expect((await before.stats()).databaseSizeBytes).toBeGreaterThan(9 * MB)
    await before.close()
    const after = site.open({ maxBytes: 2 * MB })
    await after.set('key', 'value', 60)
    await after.prune()
    await expect.poll(async () => (await after.stats()).databaseSizeBytes).toBeLessThanOrEqual(2.2 * MB)
    expect(await after.get('key')).toBe('value')
  })

  test('a larger entry than a quarter is not stored, and takes the place of the one before', async () => {
    await using site = createSite()
    const store = site.open({ maxBytes: MB })
    await store.set('key', 'small', 60)
    await store.set('key', 'x'.repeat(MB / 4 + 1), 60)
    expect(await store.get('key')).toBeNull()
    await store.set('other', 'é'.repeat(MB / 4 - 100), 60)
    expect(await store.get('other')).toBeNull()
    expect(
      await store.setMany(
        [
          ['a', 'x'.repeat(MB)],
          ['b', 'b'],
        ],
        60,
      ),
    ).toBe(1)
  })

  test('tags beyond the bound are forgotten: what is not remembered then counts as invalidated, never as valid', async () => {
    await using site = createSite()
    const { tags } = site.open({ maxBytes: MB })
    await tags.bump(['first'])
    for (let round = 0; round < 4; round++)
      await tags.bump(Array.from({ length: 300 }, (_, n) => `tag:${round}:${n}`))
    const [first = 0, never = 0, last = 0] = await tags.read(['first', 'never', 'tag:3:0'])
    expect(first).toBeGreaterThanOrEqual(1)
    expect(never).toBe(first)
    expect(last).toBe(5)
    expect(first).toBeLessThan(last)
  })

  test('a tag of any length takes the room of a short one', async () => {
    await using site = createSite()
    const { tags } = site.open()
    const long = `u:/${'x'.repeat(10_000)}`
    const count = await tags.bump([long, `${long}y`])
    expect(await tags.read([long, `${long}y`, `${long}z`])).toEqual([count, count, 0])
  })
})
