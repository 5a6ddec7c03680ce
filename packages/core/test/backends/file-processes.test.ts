import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { bundle } from '../../../../test/processes/bundle.ts'
import { killAtWork, start as startChild } from '../../../../test/processes/children.ts'
import { isWhole, testProcesses } from '../../../../test/processes/shared-store.ts'
import { scaled } from '../../../../test/scale.ts'
import { decodeEntry } from '../../src/backends/file-entry.ts'
import { createRandom } from '../random.ts'
import { filesUnder, newDirectory, openStore } from './file-site.ts'

const { script, remove } = bundle(new URL('file-child.ts', import.meta.url), { format: 'esm' })
afterAll(remove)

const start = (mode: string, directory: string, count = 0): ChildProcess =>
  startChild(script, mode, directory, count)

describe('file: several processes on one directory', () => {
  testProcesses({
    start,
    newPlace: async () => {
      const directory = await newDirectory()
      // The directory is there before its first user.
      await openStore({ directory })
      return directory
    },
    invalidations: scaled(150, 5000),
    changes: scaled(300, 5000),
    answers: 100,
    // A record that was written as its log was being replaced is written once more.
    mostGaps: 20,
    // Many logs came to one.
    afterInvalidations: async (directory) => {
      const logs = (await filesUnder(directory)).filter((path) => path.endsWith('.log'))
      expect(logs).toHaveLength(1)
      expect(readFileSync(logs[0] ?? '').length).toBeLessThan(20_000)
    },
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
          expect(entry !== undefined && isWhole(entry.key, entry.value), `${path} is torn`).toBe(true)
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
