import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SqliteBackend } from '../src/index.ts'
import { Database } from './library.ts'
import { isMarkedFor, markedValue } from './marked.ts'
import { createSite } from './site.ts'

/** Succeeds in the end: what has failed to open is tried again once a second. */
const eventuallyStores = async (store: SqliteBackend): Promise<void> => {
  await expect
    .poll(
      () =>
        store.set('key', 'value', 60).then(
          () => true,
          () => false,
        ),
      { timeout: 5000 },
    )
    .toBe(true)
  expect(await store.get('key')).toBe('value')
}

describe('sqlite: files that cannot be used', () => {
  test('a missing directory is made, for the owner alone, as is the file', async () => {
    await using site = createSite()
    const path = join(dirname(site.path), 'a/b/cache.db')
    await site.open({ path }).set('key', 'value', 60)
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600)
  })

  test('a directory that cannot be made is a rejection, until it can be', async () => {
    await using site = createSite()
    const parent = join(dirname(site.path), 'parent')
    writeFileSync(parent, 'a file')
    const store = site.open({ path: join(parent, 'cache.db') })
    await expect(store.get('key')).rejects.toMatchObject({ code: 'BACKEND_ERROR', operation: 'get' })
    await expect(store.set('key', 'value', 60)).rejects.toMatchObject({ name: 'CacheBackendError' })
    rmSync(parent)
    await eventuallyStores(store)
  })

  test('what is no database is left as it is', async () => {
    await using site = createSite()
    const text = '{"settings":"of somebody else"}'.repeat(100)
    writeFileSync(site.path, text)
    const store = site.open()
    await expect(store.get('key')).rejects.toMatchObject({
      name: 'CacheBackendError',
      cause: { name: 'SQLITE_NOTADB' },
    })
    await expect(store.set('key', 'value', 60)).rejects.toThrow(/^sqlite: set failed/)
    expect(await store.health()).toMatchObject({
      status: 'unhealthy',
      error: expect.stringContaining('not a database'),
    })
    expect(readFileSync(site.path, 'utf8')).toBe(text)
    rmSync(site.path)
    await eventuallyStores(store)
  })

  test('tables of an older version are made anew under another epoch; those of a newer one are left', async () => {
    await using site = createSite()
    const first = site.open()
    await first.set('key', 'value', 60)
    const { epoch } = await first.tags.head()
    await first.close()
    const change = (sql: string): void => {
      const database = new Database(site.path)
      database.exec(sql)
      database.close()
    }
    change('UPDATE cache_entries_state SET version = 0')
    const second = site.open()
    expect(await second.get('key')).toBeNull()
    const head = await second.tags.head()
    expect([head.epoch === epoch, head.seq]).toEqual([false, 0])
    await second.set('key', 'value', 60)
    await second.close()
    change('UPDATE cache_entries_state SET version = 2')
    await expect(site.open().get('key')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('newer version') },
    })
  })
})

describe('sqlite: a damaged database', () => {
  /** Entries on many pages, and nothing in the log. */
  const fill = async (store: SqliteBackend): Promise<void> => {
    for (let n = 0; n < 200; n++) await store.set(`key:${n}`, markedValue(`key:${n}`, 'salt', 3000), 600)
    await store.close()
  }
  const damage = (path: string): void => {
    const bytes = readFileSync(path)
    for (let at = 4096 * 2; at < bytes.length; at += 4096) bytes.fill(0xa5, at, at + 2000)
    writeFileSync(path, bytes)
  }

  test('is put aside and begun anew under another epoch, and no wrong value is given', async () => {
    await using site = createSite()
    const before = site.open()
    const { epoch } = await before.tags.head()
    await fill(before)
    damage(site.path)
    const store = site.open()
    for (let n = 0; n < 200; n++) {
      const value = await store.get(`key:${n}`).catch(() => null)
      if (value !== null) expect(isMarkedFor(`key:${n}`, value)).toBe(true)
    }
    await eventuallyStores(store)
    expect((await store.tags.head()).epoch).not.toBe(epoch)
    expect(existsSync(`${site.path}.damaged`)).toBe(true)
  })

  test('another process goes to the new file as well', async () => {
    await using site = createSite()
    await fill(site.open())
    const [one, two] = [site.open(), site.open()]
    await two.connect()
    damage(site.path)
    await Promise.all(Array.from({ length: 200 }, (_, n) => one.get(`key:${n}`).catch(() => null)))
    await eventuallyStores(one)
    expect(await two.get('key')).toBe('value')
    expect(await two.tags.head()).toEqual(await one.tags.head())
  })

  test('cut short, it answers or begins anew, and the process lives', async () => {
    await using site = createSite()
    await fill(site.open())
    truncateSync(site.path, 4096 * 40)
    const store = site.open()
    for (let n = 0; n < 200; n++) await store.get(`key:${n}`).catch(() => null)
    await eventuallyStores(store)
  })
})

/** Mounts a small file system; why not, where it may not. */
const mount = (directory: string, options: string): string | undefined => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return String(error).split('\n')[0]
  }
}

describe('sqlite: an older copy in the place of the database', () => {
  test('is another epoch, for it has forgotten invalidations', async () => {
    await using site = createSite()
    const store = site.open()
    await store.tags.bump(['a'])
    const copy = new Database(site.path)
    copy.exec(`VACUUM INTO '${site.path}.copy'`)
    copy.close()
    const restore = (): void => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(site.path + suffix, { force: true })
      copyFileSync(`${site.path}.copy`, site.path)
    }
    const { epoch, seq } = await store.tags.head()
    expect(await store.tags.bump(['b'])).toBe(seq + 1)
    restore()
    const second = await store.tags.head()
    restore()
    const head = await store.tags.head()
    expect(new Set([epoch, second.epoch, head.epoch]).size).toBe(3)
    expect(await store.tags.head()).toEqual(head)
    expect(await site.open().tags.head()).toEqual(head)
    expect(await store.tags.bump(['a'])).toBeGreaterThan(seq + 1)
  })

  test('judges nothing that was stamped in another epoch', async () => {
    await using site = createSite()
    const store = site.open()
    await store.tags.bump(['a'])
    const { epoch } = await store.tags.head()
    expect(await store.tags.read(['a', 'b'], epoch)).toEqual([1, 0])
    expect(await store.tags.read(['b'], 'another')).toEqual([Number.MAX_SAFE_INTEGER])
  })
})

describe('sqlite: disks', () => {
  const onDisk = async (options: string, run: (store: SqliteBackend, directory: string) => Promise<void>) => {
    const directory = mkdtempSync(join(tmpdir(), 'stowage-disk-'))
    const refusal = mount(directory, options)
    if (refusal !== undefined)
      console.log(`not tried here, for nothing may be mounted: ${options} (${refusal})`)
    await using site = createSite()
    mkdirSync(join(directory, 'db'), { recursive: true })
    try {
      if (refusal === undefined) await run(site.open({ path: join(directory, 'db/cache.db') }), directory)
      else expect(refusal).not.toBe('')
      await site.remove()
    } finally {
      if (refusal === undefined) execFileSync('umount', [directory])
      rmSync(directory, { recursive: true, force: true })
    }
  }

  test('one that cannot be written is a rejection until it can be', async () => {
    await onDisk('size=8m', async (store, directory) => {
      await store.set('key', 'value', 600)
      await store.close()
      execFileSync('mount', ['-o', 'remount,ro', directory])
      await using site = createSite()
      const reader = site.open({ path: join(directory, 'db/cache.db') })
      await expect(reader.set('key', 'other', 60)).rejects.toMatchObject({ name: 'CacheBackendError' })
      await expect(Promise.resolve(reader.tags.bump(['t:a']))).rejects.toMatchObject({ operation: 'bump' })
      execFileSync('mount', ['-o', 'remount,rw', directory])
      await eventuallyStores(reader)
    })
  })
})
