import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createCache } from '@stowage/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { decodeEntry } from '../../src/backends/file-entry.ts'
import { disk, type FileSystem, type OpenFile } from '../../src/backends/file-system.ts'
import { askOnce } from '../cache/site.ts'
import { filesUnder, newDirectory, openStore } from './file-site.ts'

interface Full {
  readonly directory: string
  readonly fs: FileSystem
  /** Room for more. */
  readonly enlarge: () => void
}

/** A file system of 2 mb, where this process may mount one. */
const mounted = async (): Promise<Full | undefined> => {
  const point = join(await newDirectory(), 'full')
  await mkdir(point)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', point])
  if (status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', point]))
  const enlarge = (): void => void spawnSync('mount', ['-o', 'remount,size=64m', point])
  return { directory: point, fs: disk, enlarge }
}

/** A disk that takes 2 mb: of the write that no longer fits, it takes the beginning. */
const injected = async (): Promise<Full> => {
  let room = 2 * 1024 ** 2
  const limited = (file: OpenFile): OpenFile => ({
    stat: () => file.stat(),
    read: (...given) => file.read(...given),
    datasync: () => file.datasync(),
    close: () => file.close(),
    write: async (from, offset, length) => {
      const fits = Math.min(room, length)
      if (fits === 0) throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' })
      room -= fits
      return file.write(from, offset, fits)
    },
  })
  const fs: FileSystem = { ...disk, open: async (...given) => limited(await disk.open(...given)) }
  const enlarge = (): void => {
    room = 64 * 1024 ** 2
  }
  return { directory: await newDirectory(), fs, enlarge }
}

describe('file: a disk that is full', () => {
  const kinds = [
    ['injected', injected],
    ['a real file system of 2 mb', mounted],
  ] as const
  test.each(kinds)(
    'leaves no torn file and fails no request, and hits are back with room (%s)',
    async (name, create) => {
      const found = await create()
      if (found === undefined)
        console.log(
          'ENOSPC on a real file system is not tested: this process may not mount a tmpfs. Injected instead.',
        )
      const { directory, fs, enlarge } = found ?? (await injected())
      await chmod(directory, 0o700)
      const { store } = await openStore({ directory }, fs)
      const cache = createCache({ backend: store, ttl: 60, backendDeadline: '5s' })
      const errors: string[] = []
      cache.on('error', ({ code }) => errors.push(code))
      for (let n = 0; n < 60; n++)
        expect(await askOnce(cache, `/${n}`, () => `${n} `.repeat(40_000))).toBe('miss')
      expect(errors, name).toContain('BACKEND_WRITE')
      for (const path of await filesUnder(directory)) {
        if (path.endsWith('.json')) expect(decodeEntry(readFileSync(path, 'utf8'))).toBeDefined()
        else expect(path).toMatch(/\.(?:log|live)$/)
      }
      enlarge()
      await askOnce(cache, '/after')
      expect(await askOnce(cache, '/after')).toBe('hit')
      await cache.invalidate({ url: '/after' })
      expect(await askOnce(cache, '/after')).toBe('miss')
    },
  )
})
