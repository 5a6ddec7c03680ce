import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { killAtWork, start } from '../../../test/processes/children.ts'
import { isWhole, testProcesses } from '../../../test/processes/shared-store.ts'
import { scaled } from '../../../test/scale.ts'
import { createRandom } from '../../core/test/random.ts'
import { buildChild, openDatabase } from './built.ts'
import { createSite } from './site.ts'

let script = ''
beforeAll(async () => {
  script = await buildChild()
})

describe('sqlite: several processes on one database', () => {
  testProcesses({
    start: (mode, place, count = 0) => start(script, mode, place, count),
    newPlace: async () => {
      const site = createSite()
      onTestFinished(() => site.remove())
      return site.path
    },
    invalidations: scaled(40, 2000),
    changes: scaled(100, 5000),
    answers: 10,
    mostGaps: 0,
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
          expect(isWhole(String(key), String(value)), `${key} is torn`).toBe(true)
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
