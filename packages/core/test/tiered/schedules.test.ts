import { type CacheBackend, memory } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { createTiered } from '../../src/backends/tiered.ts'
import { type CreateBackend, runSchedule } from '../cache/schedule.ts'
import { type Scheduler, timersOf } from '../cache/scheduler.ts'
import { muteWarnings } from '../warnings.ts'
import { sharedStore } from './shared-store.ts'

muteWarnings()

/** Whether messages come, late or never; and how often the store fails. */
interface Trouble {
  readonly bus: boolean
  readonly lost?: number
  readonly failing?: number
}

const troubled =
  ({ bus, lost = 0, failing = 0 }: Trouble): CreateBackend =>
  (scheduler, clock, bumped) => {
    let down = false
    const shared = sharedStore({
      clock,
      bumped,
      deliver: (send) => {
        if (scheduler.random() >= lost) void scheduler.later(send)
      },
      step: (operation, call) => {
        if (operation === 'close') return call()
        if (scheduler.random() < failing) down = !down
        if (!down) return scheduler.later(call)
        const fate = scheduler.random()
        // Carried out long after it was given up, before, or never.
        if (fate < 0.3) void scheduler.later(call)
        return scheduler.later(async () => {
          if (fate > 0.7) await call()
          throw new Error('out of reach')
        })
      },
    })
    const timers = timersOf(scheduler, clock)
    const open = (): CacheBackend => createTiered([memory({ clock }), shared.backend()], { bus }, timers)
    void disturb(scheduler, open())
    return open()
  }

/** Another process that invalidates what nobody has, so that counts come which the first has not made. */
const disturb = async (scheduler: Scheduler, other: CacheBackend): Promise<void> => {
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 6; j++) await scheduler.pause()
    await Promise.resolve(other.tags?.bump(['none of these'])).catch(() => undefined)
  }
}

const runAll = async (create: CreateBackend, count: number, faulty: boolean) => {
  const failures: string[] = []
  let reused = 0
  for (let seed = 1; seed <= count; seed++) {
    const schedule = await runSchedule(seed, create, faulty)
    reused += schedule.reused
    for (const problem of schedule.problems) failures.push(`seed ${seed}: ${problem}`)
  }
  return { failures, reused }
}

describe('nothing that a process has invalidated comes back in it, from whichever tier', () => {
  const count = scaled(300, 30_000)
  const rows: readonly [title: string, trouble: Trouble][] = [
    ['with a bus', { bus: true }],
    ['with a bus that loses half of the messages', { bus: true, lost: 0.5 }],
    ['with no bus', { bus: false }],
    ['with a bus, on a store that fails now and then', { bus: true, lost: 0.2, failing: 0.05 }],
    ['with no bus, on a store that fails now and then', { bus: false, failing: 0.05 }],
  ]
  test.each(rows)(
    `in ${count} random schedules ${'%s'}`,
    async (_title, trouble) => {
      const { failures, reused } = await runAll(troubled(trouble), count, trouble.failing !== undefined)
      expect(failures.slice(0, 5)).toEqual([])
      expect(reused).toBeGreaterThan(count)
    },
    scaled(120_000, 3_600_000),
  )
})
