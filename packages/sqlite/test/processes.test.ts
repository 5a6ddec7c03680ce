import { beforeAll, describe, expect, test } from 'vitest'
import { killAtWork, start, told } from '../../../test/processes/children.ts'
import { scaled } from '../../../test/scale.ts'
import { createRandom } from '../../core/test/random.ts'
import { buildChild, openDatabase } from './built.ts'
import { createSite } from './site.ts'

let script = ''
beforeAll(async () => {
  script = await buildChild()
})

describe('sqlite: several processes on one database', () => {
  test.each([2, 4])(
    '%s of them read nothing torn and nothing of another key, and none is told that the database is busy',
    async (count) => {
      await using site = createSite()
      const children = Array.from({ length: count }, () =>
        start(script, 'mixed', site.path, Math.ceil(scaled(6000, 100_000) / count)),
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
    'their invalidations are counted once each, without a gap',
    async () => {
      await using site = createSite()
      const each = scaled(40, 2000)
      const children = [1, 2, 3, 4].map(() => start(script, 'bump', site.path, each))
      const results = await Promise.all(
        children.map((child) => told<{ taken: number[]; behind: number; epoch: string }>(child)),
      )
      const taken = results.flatMap((result) => result.taken).sort((a, b) => a - b)
      expect(taken).toEqual(Array.from({ length: 4 * each }, (_, index) => index + 1))
      expect(results.map(({ behind }) => behind)).toEqual([0, 0, 0, 0])
      expect(new Set(results.map(({ epoch }) => epoch)).size).toBe(1)
    },
    scaled(60_000, 600_000),
  )

  test(
    'nothing that was invalidated by one is answered with by another',
    async () => {
      await using site = createSite()
      const count = scaled(100, 5000)
      const readers = [1, 2].map(() =>
        told<{ answered: number; old: number }>(start(script, 'serve', site.path, count)),
      )
      const writer = told(start(script, 'change', site.path, count))
      const results = await Promise.all(readers)
      await writer
      expect(results.map(({ old }) => old)).toEqual([0, 0])
      expect(results.reduce((sum, { answered }) => sum + answered, 0)).toBeGreaterThan(10)
    },
    scaled(60_000, 600_000),
  )
})

describe('sqlite: a process that does not close it', () => {
  test('ends all the same', async () => {
    await using site = createSite()
    const child = start(script, 'leave', site.path)
    const began = performance.now()
    await told(child)
    // The start of a process on a busy machine is part of it; the timer in use waits for 300 s.
    expect(performance.now() - began).toBeLessThan(15_000)
  })
})

describe('sqlite: processes killed at any moment', () => {
  const kills = scaled(200, 500)
  const together = 4

  test(
    `${kills} of them leave a database that is whole, and no entry that is not`,
    async () => {
      await using site = createSite()
      const random = createRandom(7)
      let entries = 0
      for (let killed = 0; killed < kills; killed += together) {
        const children = Array.from({ length: together }, () => start(script, 'write', site.path))
        const lives = children.map((child) => killAtWork(child, random() * 12))
        await Promise.all(lives)
        const database = openDatabase(site.path)
        if (killed % (10 * together) === 0)
          expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
        for (const { key, value } of database.prepare('SELECT key, value FROM cache_entries').all()) {
          entries++
          const unit = String(value).slice(0, String(value).indexOf('|', String(key).length + 1) + 1)
          const whole =
            unit.startsWith(`${key}|`) && value === unit.repeat(String(value).length / unit.length)
          expect(whole, `${key} is torn`).toBe(true)
        }
        database.close()
      }
      expect(entries).toBeGreaterThan(kills)
      const store = site.open()
      const { seq } = await store.tags.head()
      expect(await store.tags.bump(['t:after'])).toBe(seq + 1)
      await store.set('key', 'value', 60)
      expect(await store.get('key')).toBe('value')
    },
    scaled(180_000, 600_000),
  )
})
