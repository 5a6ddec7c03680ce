import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CacheBackendError, file } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { disk, type FileFacts, type FileSystem } from '../../src/backends/file-system.ts'
import { filesUnder, newDirectory, openStore, until } from './file-site.ts'

const causeOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CacheBackendError)
  return String((error as CacheBackendError).cause)
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

describe('file: what lies in the directory', () => {
  test('nothing before the first use; connect is one', async () => {
    const parent = await newDirectory()
    const directory = join(parent, 'deep', 'cache')
    const { store } = await openStore({ directory })
    await expect(stat(directory)).rejects.toThrow('ENOENT')
    await store.connect()
    expect(await modeOf(directory)).toBe(0o700)
  })

  test('an entry is a file named by the SHA-256 of its key, in two levels of folders, for its owner alone', async () => {
    const clock = fakeClock()
    const { store, directory } = await openStore({ clock })
    await store.set('key', 'välue', 60)
    const name = createHash('sha256').update('key').digest('hex')
    const path = join(directory, name[0] ?? '', name[1] ?? '', `${name}.json`)
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      key: 'key',
      value: 'välue',
      expires: clock() + 60_000,
      created: clock(),
    })
    expect(await modeOf(path)).toBe(0o600)
    expect(await modeOf(join(directory, name[0] ?? ''))).toBe(0o700)
    await store.set('key', 'other', Number.POSITIVE_INFINITY)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ value: 'other', expires: null })
  })

  test('an expired entry goes when it is read', async () => {
    const clock = fakeClock()
    const { store, placeOf } = await openStore({ clock })
    await store.set('key', 'value', 10)
    clock.advance(10_000)
    expect(await store.get('key')).toBeNull()
    await expect(stat(placeOf('key'))).rejects.toThrow('ENOENT')
    expect(await store.stats()).toMatchObject({ expired: 1, misses: 1, entries: 0 })
  })

  test('two stores on one directory see the same, and the next one what they left', async () => {
    const { store: one, directory } = await openStore()
    const { store: other } = await openStore({ directory })
    await one.set('key', 'value', 60)
    expect(await other.get('key')).toBe('value')
    const n = await other.tags.bump(['t:a'])
    expect(await one.tags.read(['t:a'])).toEqual([n])
    const before = await one.tags.head()
    await Promise.all([one.close(), other.close()])
    const { store: next } = await openStore({ directory })
    expect(await next.get('key')).toBe('value')
    expect(await next.tags.head()).toEqual(before)
    expect(await next.tags.read(['t:a'])).toEqual([n])
  })
})

describe('file: what does not belong there', () => {
  const damages: readonly (readonly [string, (path: string, content: Buffer) => Promise<void>])[] = [
    ['random bytes', (path) => writeFile(path, createHash('sha512').update('x').digest())],
    ['nothing', (path) => truncate(path, 0)],
    ['its first half', (path, content) => truncate(path, content.length >> 1)],
    ['all but its last byte', (path, content) => truncate(path, content.length - 1)],
    [
      'another key',
      (path, content) => writeFile(path, content.toString().replace('"key":"key"', '"key":"yek"')),
    ],
    ['no value', (path, content) => writeFile(path, content.toString().replace('"value":"value"', '"v":1'))],
    [
      'a number as value',
      (path, content) => writeFile(path, content.toString().replace('"value":"value"', '"value":1')),
    ],
    [
      'a text as expiry',
      (path, content) => writeFile(path, content.toString().replace(/"expires":\d+/, '"expires":"x"')),
    ],
    ['a list', (path) => writeFile(path, '[]')],
    ['null', (path) => writeFile(path, 'null')],
    ['a sparse file of 4 gb', (path) => truncate(path, 4 * 2 ** 30)],
  ]
  test.each(damages)('a file with %s is a miss, and gone after it was read', async (_name, damage) => {
    const { store, placeOf } = await openStore()
    await store.set('key', 'value', 60)
    await damage(placeOf('key'), await readFile(placeOf('key')))
    const began = performance.now()
    expect(await store.get('key')).toBeNull()
    expect(performance.now() - began).toBeLessThan(1000)
    await expect(stat(placeOf('key'))).rejects.toThrow('ENOENT')
    await store.set('key', 'again', 60)
    expect(await store.get('key')).toBe('again')
  })

  test.each(damages)('a file with %s goes with a sweep, too', async (_name, damage) => {
    const { store, placeOf } = await openStore()
    await store.set('key', 'value', 60)
    await store.set('other', 'value', 60)
    await damage(placeOf('key'), await readFile(placeOf('key')))
    await store.prune()
    // What only a reader of the whole file can tell stays for that one.
    if (
      await stat(placeOf('key')).then(
        () => true,
        () => false,
      )
    )
      expect(await store.get('key')).toBeNull()
    expect(await store.get('other')).toBe('value')
  })

  test('a folder or a link in the place of an entry is a miss', async () => {
    const { store, placeOf, directory } = await openStore()
    await store.set('key', 'value', 60)
    await store.set('link', 'value', 60)
    await store.delete('link')
    await store.delete('key')
    await mkdir(placeOf('key'))
    await writeFile(
      join(directory, 'target'),
      JSON.stringify({ key: 'link', expires: null, created: 1, value: 'x' }),
    )
    await symlink(join(directory, 'target'), placeOf('link'))
    expect(await store.get('key')).toBeNull()
    expect(await store.get('link').catch(() => null)).toBeNull()
  })

  test.each([
    ['the group', 0o770],
    ['everybody', 0o707],
  ])('a directory into which %s may write is refused, until that is over', async (_name, mode) => {
    const directory = await newDirectory()
    await chmod(directory, mode)
    const store = file({ directory })
    expect(await causeOf(Promise.resolve(store.connect?.()))).toMatch(/not safe/)
    expect(await causeOf(Promise.resolve(store.get('key')))).toMatch(/not safe/)
    expect(await causeOf(Promise.resolve(store.set('key', 'value', 60)))).toMatch(/not safe/)
    expect(await causeOf(Promise.resolve(store.tags?.head()))).toMatch(/not safe|others/)
    expect(await filesUnder(directory)).toEqual([])
    await chmod(directory, 0o700)
    await store.set('key', 'value', 60)
    expect(await store.get('key')).toBe('value')
    await store.close()
  })

  test('a directory of another user is refused, and a link that another user may lead elsewhere', async () => {
    const stranger = (facts: FileFacts): FileFacts => Object.assign(facts, { uid: 12_345 })
    const theirs: FileSystem = { ...disk, stat: async (path) => stranger(await disk.stat(path)) }
    const { store } = await openStore({}, theirs)
    expect(await causeOf(store.connect())).toMatch(/belongs to user 12345/)
    const parent = await newDirectory()
    const directory = join(parent, 'link')
    await symlink(await newDirectory(), directory)
    const { store: own } = await openStore({ directory })
    await own.connect()
    const linked: FileSystem = { ...disk, lstat: async (path) => stranger(await disk.lstat(path)) }
    const { store: other } = await openStore({ directory }, linked)
    expect(await causeOf(other.connect())).toMatch(/link of user 12345/)
  })

  test('a file in the place of the directory is refused', async () => {
    const parent = await newDirectory()
    await writeFile(join(parent, 'cache'), '')
    expect(await causeOf(Promise.resolve(file({ directory: join(parent, 'cache') }).connect?.()))).toMatch(
      /EEXIST|not safe/,
    )
  })
})

describe('file: the sweep', () => {
  test('removes what has expired and what is too old, and counts it', async () => {
    const clock = fakeClock()
    const { store } = await openStore({ clock, maxFileAge: '1h', cleanupInterval: '50ms' })
    await store.set('expired', 'value', 10)
    await store.set('old', 'value', 36_000)
    clock.advance(3_600_001)
    await store.set('live', 'value', 36_000)
    await until(() => store.stats().then(({ expired }) => expired === 2))
    const keys: string[] = []
    for await (const key of store.keys()) keys.push(key)
    expect(keys).toEqual(['live'])
    expect(await store.stats()).toMatchObject({ entries: 1, misses: 0 })
  })

  test('an entry older than maxFileAge is a miss, also before a sweep', async () => {
    const clock = fakeClock()
    const { store } = await openStore({ clock, maxFileAge: '1h' })
    await store.set('old', 'value', Number.POSITIVE_INFINITY)
    clock.advance(3_600_001)
    expect(await store.get('old')).toBeNull()
  })

  test('drafts of killed processes go with the next start, those of running ones stay', async () => {
    const { store: first, directory } = await openStore()
    await first.set('key', 'value', 60)
    await first.close()
    const [old, fresh] = ['a', 'b'].map((name) => join(directory, 'tmp', `${name.repeat(24)}.tmp`))
    for (const path of [old, fresh]) await writeFile(path ?? '', '{"key":"ke')
    const then = Date.now() / 1000 - 31
    await utimes(old ?? '', then, then)
    const { store } = await openStore({ directory })
    expect(await store.get('key')).toBe('value')
    await until(async () => !(await filesUnder(directory)).includes(old ?? ''))
    expect(await filesUnder(directory)).toContain(fresh)
  })

  test('a key of 100,000 characters is found by a sweep, too', async () => {
    const clock = fakeClock()
    const { store } = await openStore({ clock })
    const long = 'k'.repeat(100_000)
    await store.set(long, 'value', 60)
    expect(await store.prune()).toBe(0)
    expect(await store.has(long)).toBe(true)
    clock.advance(60_000)
    expect(await store.prune()).toBe(1)
  })
})
