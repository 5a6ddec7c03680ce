import { type CacheBackend, memory, type TagState } from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { interceptBackend } from '../../src/testing/intercept.ts'
import { muteWarnings } from '../warnings.ts'
import { type CreateBackend, runSchedule } from './schedule.ts'

muteWarnings()

/** `memory()` that tells when an invalidation counts. */
const counting: CreateBackend = (_scheduler, clock, bumped) => {
  const store = memory({ clock })
  const bump = (tags: readonly string[]): number => {
    const seq = store.tags.bump(tags)
    bumped(seq)
    return seq
  }
  return withTags(store, { ...store.tags, bump })
}

const withTags = (store: CacheBackend, tags: TagState): CacheBackend => ({
  get: (key) => store.get(key),
  set: (key, value, ttl) => store.set(key, value, ttl),
  delete: (key) => store.delete(key),
  close: () => store.close(),
  tags,
})

/** Every operation is carried out at a step of its own, and answered at another. */
const delayed =
  (create: CreateBackend): CreateBackend =>
  (scheduler, clock, bumped) =>
    interceptBackend(create(scheduler, clock, bumped), (_operation, call) => scheduler.later(call))

const bare: CreateBackend = (_scheduler, clock) => mockBackend({ clock })

/** The schedules of consecutive seeds; the seeds and the problems of those that went wrong. */
const runSchedules = async (
  create: CreateBackend,
  first: number,
  count: number,
): Promise<{ readonly failures: readonly string[]; readonly reused: number }> => {
  const failures: string[] = []
  let reused = 0
  for (let seed = first; seed < first + count; seed++) {
    const schedule = await runSchedule(seed, create)
    reused += schedule.reused
    for (const problem of schedule.problems) failures.push(`seed ${seed}: ${problem}`)
  }
  return { failures, reused }
}

const count = scaled(2000, 100_000)

describe('no invalidated response comes back, whatever is under way', () => {
  const backends: readonly [name: string, create: CreateBackend][] = [
    ['memory()', counting],
    ['asyncBackend(memory())', (...given) => asyncBackend(counting(...given))],
    ['memory() with every answer delayed', delayed(counting)],
    ['a bare backend', bare],
    ['a bare backend with every answer delayed', delayed(bare)],
  ]
  test.each(backends)(
    `in ${count} random schedules on %s`,
    async (_name, create) => {
      const { failures, reused } = await runSchedules(create, 1, count)
      expect(failures.slice(0, 5)).toEqual([])
      expect(reused).toBeGreaterThan(count * 2)
    },
    scaled(60_000, 3_600_000),
  )
})

describe('the schedules would show', () => {
  test('invalidations that do not count', async () => {
    const deaf: CreateBackend = (_scheduler, clock, bumped) => {
      let seq = 0
      const bump = (): number => {
        bumped(++seq)
        return seq
      }
      const read = (tags: readonly string[]): number[] => tags.map(() => 0)
      return withTags(memory({ clock }), { head: () => ({ epoch: 'e', seq: 0 }), read, bump })
    }
    expect((await runSchedules(deaf, 1, 50)).failures.length).toBeGreaterThan(50)
  })

  test('a count that advances before its tags do', async () => {
    const torn: CreateBackend = (scheduler, clock, bumped) => {
      const store = memory({ clock })
      const counts = new Map<string, number>()
      let seq = 0
      const bump = async (tags: readonly string[]): Promise<number> => {
        const taken = ++seq
        await scheduler.pause()
        bumped(taken)
        for (const tag of tags) counts.set(tag, taken)
        return taken
      }
      const read = (tags: readonly string[]): number[] => tags.map((tag) => counts.get(tag) ?? 0)
      return delayed(() => withTags(store, { head: () => ({ epoch: 'e', seq }), read, bump }))(
        scheduler,
        clock,
        bumped,
      )
    }
    expect((await runSchedules(torn, 1, 500)).failures.length).toBeGreaterThan(0)
  })
})
