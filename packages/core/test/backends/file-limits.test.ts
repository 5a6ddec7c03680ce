import { mkdirSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { encodeEntry, placeOf } from '../../src/backends/file-entry.ts'
import { filesUnder, newDirectory, openStore, until } from './file-site.ts'

/** Entries as an earlier process may have left them, the first of them the oldest. */
const fillDirectory = (directory: string, count: number): void => {
  for (let n = 0; n < count; n++) {
    const key = `old:${n}`
    const place = placeOf(directory, key)
    const entry = { key, value: 'value', expires: Number.POSITIVE_INFINITY, created: Date.now() }
    try {
      writeFileSync(place, encodeEntry(entry))
    } catch {
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
      writeFileSync(place, encodeEntry(entry))
    }
  }
}

const entriesIn = async (directory: string): Promise<readonly string[]> =>
  (await filesUnder(directory)).filter((path) => path.endsWith('.json'))

const bytesIn = async (directory: string): Promise<number> => {
  const sizes = await Promise.all((await entriesIn(directory)).map(async (path) => (await stat(path)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('file: limits', () => {
  test('the oldest entries go first, and those written anew are no longer old', async () => {
    const { store } = await openStore({ maxEntries: 10 })
    for (let n = 0; n < 10; n++) {
      await store.set(`key:${n}`, 'value', 60)
      await new Promise((resume) => setTimeout(resume, 5))
    }
    await store.set('key:0', 'again', 60)
    expect((await store.stats()).entries).toBe(10)
    await store.set('more', 'value', 60)
    await until(() => store.stats().then(({ evictions }) => evictions === 1))
    expect(await store.get('key:1')).toBeNull()
    expect(await store.get('key:0')).toBe('again')
    expect(await store.get('more')).toBe('value')
    expect((await store.stats()).entries).toBe(10)
  })

  test('writing the same entries again evicts nothing', async () => {
    const { store } = await openStore({ maxEntries: 10 })
    for (let round = 0; round < 5; round++)
      for (let n = 0; n < 10; n++) await store.set(`key:${n}`, `value ${round}`, 60)
    expect(await store.stats()).toMatchObject({ entries: 10, evictions: 0 })
  })

  test('entries never exceed 1.1 times their limit, whatever is written at once', async () => {
    const { store, directory } = await openStore({ maxEntries: 200 })
    let most = 0
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({ length: 100 }, (_, n) => `key:${round}:${n}`)
      await Promise.all(keys.map((key) => store.set(key, 'value', 60)))
      most = Math.max(most, (await entriesIn(directory)).length)
    }
    expect(most).toBeLessThanOrEqual(221)
    expect(most).toBeGreaterThan(150)
  })

  test('bytes never exceed 1.1 times their limit and one entry', async () => {
    const { store, directory } = await openStore({ maxBytes: '400kb', maxEntryBytes: '50kb' })
    let most = 0
    for (let n = 0; n < 200; n++) {
      await store.set(`key:${n}`, 'x'.repeat(1000 * (1 + (n % 40))), 60)
      if (n % 10 === 9) most = Math.max(most, await bytesIn(directory))
    }
    expect(most).toBeLessThanOrEqual(400 * 1024 * 1.1 + 50 * 1024)
    expect(most).toBeGreaterThan(200 * 1024)
    const { bytes, entries } = await store.stats()
    expect([entries, bytes]).toEqual([(await entriesIn(directory)).length, await bytesIn(directory)])
  })

  test('two stores that write at once keep to one limit', async () => {
    const { store: one, directory } = await openStore({ maxEntries: 300 })
    const { store: other } = await openStore({ directory, maxEntries: 300 })
    let most = 0
    for (let round = 0; round < 60; round++) {
      for (const [name, store] of [
        ['a', one],
        ['b', other],
      ] as const)
        await Promise.all(
          [1, 2, 3, 4, 5, 6, 7, 8].map((n) => store.set(`${name}:${round}:${n}`, 'value', 60)),
        )
      if (round % 3 === 0) most = Math.max(most, (await entriesIn(directory)).length)
    }
    expect(most).toBeLessThanOrEqual(331)
    expect(most).toBeGreaterThan(200)
  })

  test('what an earlier process left counts, and goes first', async () => {
    const directory = await newDirectory()
    fillDirectory(directory, 300)
    const { store } = await openStore({ directory, maxEntries: 100 })
    for (let n = 0; n < 50; n++) await store.set(`new:${n}`, 'value', 60)
    await until(async () => (await entriesIn(directory)).length <= 100)
    expect(await store.get('new:0')).toBe('value')
    expect(await store.get('old:0')).toBeNull()
  })

  test('an entry larger than the limit of one is not stored, and what was there is gone', async () => {
    const { store, directory } = await openStore({ maxEntryBytes: 1000 })
    await store.set('key', 'value', 60)
    for (const value of ['x'.repeat(2000), '"'.repeat(900), 'é'.repeat(900)]) {
      await store.set('key', value, 60)
      expect(await store.get('key')).toBeNull()
      expect(await entriesIn(directory)).toEqual([])
    }
  })

  const many = scaled(20_000, 100_000)

  test(`with ${many} entries in the directory, the first answers are there within a second`, async () => {
    const directory = await newDirectory()
    fillDirectory(directory, many)
    const { store } = await openStore({ directory, maxEntries: 2 * many })
    const began = performance.now()
    await store.connect()
    expect(await store.get('old:7')).toBe('value')
    await store.set('new', 'value', 60)
    expect(await store.get('new')).toBe('value')
    await store.tags.head()
    const took = performance.now() - began
    expect(took).toBeLessThan(1000)
    expect((await store.stats()).entries).toBe(many + 1)
  }, 120_000)
})
