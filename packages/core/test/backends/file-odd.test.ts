import { copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { placeOf } from '../../src/backends/file-entry.ts'
import { disk, type FileSystem } from '../../src/backends/file-system.ts'
import { newDirectory, openStore } from './file-site.ts'

const keysOf = async (store: { keys(): AsyncIterable<string> }): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of store.keys()) keys.push(key)
  return keys.sort()
}

const failure = (): Error => Object.assign(new Error('EIO: injected'), { code: 'EIO' })

describe('file: what somebody put in the place of files', () => {
  test.each<[string, (place: string) => Promise<void>]>([
    ['a link to a file', (place) => symlink(import.meta.filename, place)],
    ['a link to nothing', (place) => symlink('/nowhere/at/all', place)],
    ['a link to itself', (place) => symlink(place, place)],
    ['a folder', (place) => mkdir(place).then(() => writeFile(join(place, 'file'), ''))],
  ])('%s is no entry, and stops neither sweep nor list nor clear', async (what, put) => {
    const clock = fakeClock()
    const { store, placeOf } = await openStore({ clock })
    for (let n = 0; n < 40; n++) await store.set(`key ${n}`, 'value', n < 20 ? 1 : 60)
    for (const key of ['key 3', 'key 33']) {
      await rm(placeOf(key))
      await put(placeOf(key))
    }
    expect([await store.get('key 3'), await store.has('key 33'), await store.get('key 1')]).toEqual([
      null,
      false,
      'value',
    ])
    clock.advance(2000)
    expect(await store.prune()).toBe(19)
    expect(await keysOf(store)).toHaveLength(19)
    expect(await store.clear()).toBe(19)
    await store.delete('key 33')
    if (what === 'a folder') return
    await store.set('key 3', 'again', 60)
    expect(await store.get('key 3')).toBe('again')
  })

  test.each<[string, Partial<Record<keyof FileSystem, true>>]>([
    ['read', { open: true }],
    ['looked at', { lstat: true }],
    ['removed', { unlink: true }],
  ])(
    'files that cannot be %s leave the others to be swept, and no rejection alone',
    async (_what, broken) => {
      const clock = fakeClock()
      const bad = new Set<string>()
      const guarded = Object.keys(broken).map((name) => {
        const method = disk[name as 'unlink'] as (...args: unknown[]) => Promise<never>
        return [
          name,
          (path: string, ...rest: unknown[]) =>
            bad.has(path) ? Promise.reject(failure()) : method(path, ...rest),
        ]
      })
      const { store, placeOf } = await openStore({ clock }, { ...disk, ...Object.fromEntries(guarded) })
      for (let n = 0; n < 40; n++) await store.set(`key ${n}`, 'value', 1)
      for (let n = 0; n < 6; n++) bad.add(placeOf(`key ${n}`))
      clock.advance(2000)
      await expect(store.prune()).rejects.toMatchObject({ code: 'BACKEND_ERROR' })
      const left: string[] = []
      for (const folder of await readdir(join(placeOf('key 0'), '..', '..', '..'), { recursive: true }))
        if (folder.endsWith('.json')) left.push(folder)
      expect(left).toHaveLength(6)
      bad.clear()
      expect(await store.prune()).toBe(6)
    },
  )
})

test.each<[string, (bad: string) => Partial<FileSystem>]>([
  [
    'folder that cannot be listed',
    (bad) => ({
      opendir: (path) =>
        bad.startsWith(`${path}/`) && !path.endsWith('tmp') ? Promise.reject(failure()) : disk.opendir(path),
    }),
  ],
  [
    'file that cannot be looked at',
    (bad) => ({
      lstat: (path) => (path === bad ? Promise.reject(failure()) : disk.lstat(path)),
    }),
  ],
  [
    'file that cannot be removed',
    (bad) => ({
      unlink: (path) => (path === bad ? Promise.reject(failure()) : disk.unlink(path)),
    }),
  ],
])('file: one %s keeps nothing from being stored, nor the limits from being kept', async (_what, broken) => {
  const directory = await newDirectory()
  const bad = placeOf(directory, 'key 0')
  const { store } = await openStore({ directory, maxEntries: 100 }, { ...disk, ...broken(bad) })
  let refused = 0
  for (let n = 0; n < 300; n++) await store.set(`key ${n}`, 'value', 60).catch(() => refused++)
  // The file itself may be one of those that are written.
  expect(refused).toBeLessThan(2)
  expect((await keysOf({ keys: () => store.keys() }).catch(() => [])).length).toBeLessThanOrEqual(110)
  expect(await store.get('key 299')).toBe('value')
})

describe('file: what somebody put in the place of the log', () => {
  test('an older copy begins another epoch, for it has forgotten invalidations', async () => {
    const { store, directory } = await openStore()
    const log = join(directory, 'tags', '1.log')
    await store.tags.bump(['a'])
    await copyFile(log, `${log}.copy`)
    await copyFile(log, `${log}.another`)
    const { epoch, seq } = await store.tags.head()
    await store.tags.bump(['b'])
    await rename(`${log}.copy`, log)
    const head = await store.tags.head()
    expect(head.epoch).not.toBe(epoch)
    expect(await store.tags.read(['a'], epoch)).toEqual([Number.MAX_SAFE_INTEGER])
    expect(await store.tags.read(['a'], head.epoch)).toEqual([head.seq])
    expect(await store.tags.read(['b'])).toEqual([expect.toSatisfy((count: number) => count > seq)])
    await rm(join(directory, 'tags', '2.log'))
    await rename(`${log}.another`, log)
    expect([epoch, head.epoch]).not.toContain((await store.tags.head()).epoch)
  })

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['a link', (path) => symlink('/dev/null', path)],
    ['a folder', (path) => mkdir(path)],
  ])('%s is left behind by the next one, under another epoch', async (_what, put) => {
    const { store, directory } = await openStore()
    const log = join(directory, 'tags', '1.log')
    const seq = await store.tags.bump(['a'])
    const { epoch } = await store.tags.head()
    await rm(log)
    await put(log)
    const head = await store.tags.head()
    expect(head.epoch).not.toBe(epoch)
    expect(await store.tags.bump(['a'])).toBeGreaterThan(seq)
    expect((await store.tags.head()).epoch).toBe(head.epoch)
  })
})
