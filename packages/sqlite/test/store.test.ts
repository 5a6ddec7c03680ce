import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askOnce } from '../../core/test/cache/site.ts'
import { type SqliteBackend, sqlite } from '../src/index.ts'
import { openDatabase } from './built.ts'
import { createSite } from './site.ts'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const setAndGet = async (store: SqliteBackend, value: string): Promise<string | null> => {
  try {
    await store.set('k', value, 60)
    return await store.get('k')
  } catch {
    return 'failed'
  }
}

describe('sqlite: after a restart', () => {
  test('entries are still there, and so is what was invalidated', async () => {
    await using site = createSite()
    const first = createCache({ backend: site.open(), ttl: 60, backendDeadline: '10s' })
    expect([await askOnce(first, '/a'), await askOnce(first, '/b')]).toEqual(['miss', 'miss'])
    await first.invalidate({ url: '/b' })
    await first.close()
    const second = createCache({ backend: site.open(), ttl: 60, backendDeadline: '10s' })
    expect([await askOnce(second, '/a'), await askOnce(second, '/b')]).toEqual(['hit', 'miss'])
    await second.close()
  })

  test('an invalidation by one backend holds for another on the same file', async () => {
    await using site = createSite()
    const [a, b] = [site.open(), site.open()].map((backend) =>
      createCache({ backend, ttl: 60, backendDeadline: '10s' }),
    )
    if (a === undefined || b === undefined) throw new Error('two caches')
    expect([await askOnce(a, '/x'), await askOnce(b, '/x')]).toEqual(['miss', 'hit'])
    await a.invalidate({ all: true })
    expect(await askOnce(b, '/x')).toBe('miss')
  })

  test('two tables in one file have nothing to do with each other', async () => {
    await using site = createSite()
    const [a, b] = [site.open({ table: 'one' }), site.open({ table: 'two' })]
    await a.set('k', 'a', 60)
    expect(await b.get('k')).toBeNull()
    await a.tags.bump(['t'])
    expect((await b.tags.head()).seq).toBe(0)
    expect([await b.clear(), await a.get('k')]).toEqual([0, 'a'])
  })
})

describe('sqlite: limits', () => {
  test('those written first go when there are too many entries', async () => {
    await using site = createSite()
    const store = site.open({ maxEntries: 100 })
    for (let i = 0; i < 300; i++) await store.set(`k${i}`, 'v', 60)
    const stats = await store.stats()
    expect(stats.entries).toBeLessThanOrEqual(110)
    expect(stats.evictions).toBeGreaterThanOrEqual(190)
    expect([await store.get('k0'), await store.get('k299')]).toEqual([null, 'v'])
  })

  test('the file stays within its bytes and a tenth, and its log within 64 mb', async () => {
    await using site = createSite()
    const maxBytes = 4 * 1024 ** 2
    const store = site.open({ maxBytes, maxEntries: Number.POSITIVE_INFINITY })
    const value = 'x'.repeat(50_000)
    let [largest, longestLog] = [0, 0]
    for (let i = 0; i < 300; i++) {
      await store.set(`k${i}`, value, 60)
      largest = Math.max(largest, statSync(site.path).size)
      longestLog = Math.max(longestLog, statSync(`${site.path}-wal`).size)
    }
    expect(largest).toBeLessThanOrEqual(1.1 * maxBytes + value.length + 8192)
    expect(longestLog).toBeLessThanOrEqual(64 * 1024 ** 2)
    expect(await store.get('k299')).toBe(value)
  })

  test('statistics count pages, and entries that have expired and are still there', async () => {
    await using site = createSite()
    const clock = fakeClock()
    const store = site.open({ clock, maxEntries: 50 })
    await store.set('a', 'v', 1)
    await store.set('b', 'v', 60)
    clock.advance(2000)
    const stats = await store.stats()
    expect(stats).toMatchObject({
      backend: 'sqlite',
      totalEntries: 2,
      activeEntries: 1,
      expiredEntries: 1,
      maxEntries: 50,
    })
    expect(stats.databaseSizeBytes % 4096).toBe(0)
    expect(stats.databaseSizeBytes).toBeGreaterThan(0)
    expect(await store.prune()).toBe(1)
    expect((await store.stats()).totalEntries).toBe(1)
  })
})

test('what has expired by the time that the answer is there has no time left, and is not there', async () => {
  await using site = createSite()
  let now = 1_000_000
  const store = site.open({ clock: () => now })
  await store.set('key', 'value', 1)
  const answer = store.getWithTtl('key')
  now += 2000
  expect(await answer).toBeNull()
})

describe('sqlite: a file that', () => {
  const answers = async (store: SqliteBackend): Promise<string> => {
    const cache = createCache({ backend: store, ttl: 60, logger: quiet })
    return askOnce(cache, '/a')
  }

  test('is no database is left as it is, and no request fails', async () => {
    await using site = createSite()
    writeFileSync(site.path, 'somebody else’s text '.repeat(1000))
    const { size } = statSync(site.path)
    const store = site.open()
    await expect(store.get('k')).rejects.toMatchObject({ name: 'CacheBackendError', backend: 'sqlite' })
    expect(await answers(store)).toBe('miss')
    expect(statSync(site.path).size).toBe(size)
    expect((await store.health()).status).toBe('unhealthy')
  })

  test('is damaged while it is in use is put aside, and a new one takes its place', async () => {
    await using site = createSite()
    const store = site.open()
    const value = 'x'.repeat(20_000)
    for (let i = 0; i < 50; i++) await store.set(`k${i}`, value, 60)
    await store.close()
    // The first page says that it is a database, and what follows is not one.
    writeFileSync(site.path, readFileSync(site.path).fill(0x5a, 4096))
    const again = site.open()
    await expect(async () => again.get('k1')).rejects.toMatchObject({ name: 'CacheBackendError' })
    await expect.poll(() => setAndGet(again, 'new'), { timeout: 5000 }).toBe('new')
  })

  test('another table of that name already has is left as it is', async () => {
    await using site = createSite()
    const database = openDatabase(site.path)
    database.exec('CREATE TABLE cache_entries (a); INSERT INTO cache_entries VALUES (1)')
    const store = site.open()
    await expect(store.set('k', 'v', 60)).rejects.toMatchObject({ code: 'BACKEND_ERROR' })
    expect(database.prepare('SELECT a FROM cache_entries').all()).toEqual([{ a: 1 }])
    database.close()
  })

  test('is removed while it is open is made anew', async () => {
    await using site = createSite()
    const store = site.open()
    await store.set('k', 'v', 60)
    const before = await store.tags.head()
    for (const end of ['', '-wal', '-shm']) rmSync(site.path + end, { force: true })
    await expect.poll(() => setAndGet(store, 'new')).toBe('new')
    expect((await store.tags.head()).epoch).not.toBe(before.epoch)
    expect(existsSync(site.path)).toBe(true)
  })

  test('lies in a directory that cannot be made fails no request', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stowage-sqlite-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    writeFileSync(join(directory, 'file'), '')
    const store = sqlite({ path: join(directory, 'file', 'cache.db') })
    expect(await answers(store)).toBe('miss')
    await store.close()
  })
})

describe('sqlite: a full disk', () => {
  /** A file system of 3 mb, where this process may mount one. */
  const mounted = (): string | undefined => {
    const directory = mkdtempSync(join(tmpdir(), 'stowage-full-'))
    const point = join(directory, 'full')
    mkdirSync(point)
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'tmpfs', point])
    onTestFinished(() => {
      if (status === 0) spawnSync('umount', ['-l', point])
      rmSync(directory, { recursive: true, force: true })
    })
    return status === 0 ? point : undefined
  }

  test('tears no entry, fails no request, and is used again when there is room', {
    timeout: 60_000,
  }, async () => {
    const point = mounted()
    if (point === undefined) {
      // SQLite has no file system that could be put in its place: a limit of pages has it say the same.
      console.warn(
        'sqlite: no small file system may be mounted here; the full disk was simulated by a limit of pages',
      )
    }
    await using site = createSite()
    const path = point === undefined ? site.path : join(point, 'cache.db')
    const store = sqlite({ path, maxBytes: '64mb' })
    const value = 'x'.repeat(100_000)
    let refused = 0
    const fill = async (key: string): Promise<unknown> => store.set(key, value, 60)
    for (let i = 0; i < 100; i++) await fill(`k${i}`).catch(() => refused++)
    if (point !== undefined) expect(refused).toBeGreaterThan(0)
    for (let i = 0; i < 100; i++) {
      const read = async (): Promise<string | null> => store.get(`k${i}`)
      const found = await read().catch(() => null)
      expect(found === null || found === value).toBe(true)
    }
    const cache = createCache({ backend: store, ttl: 60, logger: quiet })
    expect(await askOnce(cache, '/a')).toBe('miss')
    if (point !== undefined) spawnSync('mount', ['-o', 'remount,size=64m', point])
    await expect.poll(() => setAndGet(store, value), { timeout: 10_000 }).toBe(value)
    await store.close()
  })
})

test('64 KB entries hold the event loop for no more than a moment', async () => {
  await using site = createSite()
  const store = site.open()
  const value = 'x'.repeat(65_536)
  await store.set('k', value, 60)
  const used = async (run: () => unknown): Promise<number> => {
    const before = performance.eventLoopUtilization()
    for (let i = 0; i < 50; i++) await run()
    return performance.eventLoopUtilization(before).active / 50
  }
  await used(() => store.get('k'))
  const [get, set] = [await used(() => store.get('k')), await used(() => store.set('k', value, 60))]
  expect(Math.max(get, set)).toBeLessThan(2)
})
