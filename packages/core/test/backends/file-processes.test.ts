import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterAll, describe, expect, test } from 'vitest'
import { killAtWork, start as startChild, told } from '../../../../test/processes/children.ts'
import { scaled } from '../../../../test/scale.ts'
import { decodeEntry } from '../../src/backends/file-entry.ts'
import { createRandom } from '../random.ts'
import { filesUnder, newDirectory, openStore } from './file-site.ts'

const built = mkdtempSync(join(tmpdir(), 'stowage-child-'))
afterAll(() => rmSync(built, { recursive: true, force: true }))
const script = join(built, 'child.mjs')
buildSync({
  entryPoints: [new URL('file-child.ts', import.meta.url).pathname],
  outfile: script,
  bundle: true,
  platform: 'node',
  format: 'esm',
})

const start = (mode: string, directory: string, count = 0): ChildProcess =>
  startChild(script, mode, directory, count)

describe('file: several processes on one directory', () => {
  test.each([2, 4])(
    '%s of them read nothing torn and nothing of another key',
    async (count) => {
      const directory = await newDirectory()
      const children = Array.from({ length: count }, () =>
        start('mixed', directory, scaled(6000, 100_000) / count),
      )
      const results = await Promise.all(
        children.map((child) => told<{ read: number; torn: number; failed: number }>(child)),
      )
      expect(results.map(({ torn, failed }) => [torn, failed])).toEqual(results.map(() => [0, 0]))
      expect(results.reduce((sum, { read }) => sum + read, 0)).toBeGreaterThan(500)
    },
    scaled(60_000, 600_000),
  )

  test(
    'their invalidations are counted once each, without a gap, through many logs',
    async () => {
      const directory = await newDirectory()
      const each = scaled(150, 5000)
      const children = [1, 2, 3, 4].map(() => start('bump', directory, each))
      const results = await Promise.all(
        children.map((child) => told<{ taken: number[]; behind: number; epoch: string }>(child)),
      )
      const taken = results.flatMap((result) => result.taken).sort((a, b) => a - b)
      expect(taken).toEqual(Array.from({ length: 4 * each }, (_, index) => index + 1))
      expect(results.map(({ behind }) => behind)).toEqual([0, 0, 0, 0])
      expect(new Set(results.map(({ epoch }) => epoch)).size).toBe(1)
      const logs = (await filesUnder(directory)).filter((path) => path.endsWith('.log'))
      expect(logs).toHaveLength(1)
      expect(readFileSync(logs[0] ?? '').length).toBeLessThan(20_000)
    },
    scaled(60_000, 600_000),
  )

  test(
    'nothing that was invalidated by one is answered with by another',
    async () => {
      const directory = await newDirectory()
      const count = scaled(300, 5000)
      // The directory is there before its first user.
      await openStore({ directory })
      const writer = told(start('change', directory, count))
      const readers = [1, 2].map(() =>
        told<{ answered: number; old: number }>(start('serve', directory, count)),
      )
      const results = await Promise.all(readers)
      await writer
      expect(results.map(({ old }) => old)).toEqual([0, 0])
      expect(results.reduce((sum, { answered }) => sum + answered, 0)).toBeGreaterThan(100)
    },
    scaled(60_000, 600_000),
  )
})

describe('file: a process that does not close it', () => {
  test('ends all the same', async () => {
    const child = start('leave', await newDirectory())
    const began = performance.now()
    await told(child)
    // The start of a process on a busy machine is part of it; the timers in use wait for 20 s.
    expect(performance.now() - began).toBeLessThan(15_000)
  })
})

describe('file: processes killed at any moment', () => {
  const kills = scaled(200, 500)
  const together = 4

  test(
    `${kills} of them leave nothing torn`,
    async () => {
      const directory = await newDirectory()
      const random = createRandom(7)
      let entries = 0
      for (let killed = 0; killed < kills; killed += together) {
        const children = Array.from({ length: together }, () => start('write', directory))
        const lives = children.map((child) => killAtWork(child, random() * 12))
        await Promise.all(lives)
        for (const path of await filesUnder(directory)) {
          if (!path.endsWith('.json')) continue
          entries++
          const entry = decodeEntry(readFileSync(path, 'utf8'))
          const unit = entry?.value.slice(0, entry.value.indexOf('|', entry.key.length + 1) + 1) ?? ''
          expect(
            unit.startsWith(`${entry?.key}|`) &&
              entry?.value === unit.repeat((entry?.value.length ?? 0) / unit.length),
          ).toBe(true)
        }
      }
      expect(entries).toBeGreaterThan(kills)
      const { store } = await openStore({ directory })
      const { seq } = await store.tags.head()
      expect(await store.tags.bump(['t:after'])).toBe(seq + 1)
      await store.set('key', 'value', 60)
      expect(await store.get('key')).toBe('value')
    },
    scaled(180_000, 600_000),
  )
})
