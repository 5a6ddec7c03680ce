import { type CacheBackend, memory } from '@stowage/core'
import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { createResilient } from '../../src/backends/resilient.ts'
import { readResilientOptions } from '../../src/backends/resilient-options.ts'
import { interceptBackend } from '../../src/testing/intercept.ts'
import { muteWarnings } from '../warnings.ts'
import { type CreateBackend, runSchedule } from './schedule.ts'
import { type Scheduler, timersOf } from './scheduler.ts'

muteWarnings()

/**
 * A store that is out of reach now and then. What it is asked then fails, and may be carried out nevertheless, before
 * the failure is told or long after it.
 */
const faulty = (store: CacheBackend, scheduler: Scheduler): CacheBackend => {
  let down = false
  return interceptBackend(store, (operation, call) => {
    if (operation === 'close') return call()
    if (scheduler.random() < 0.07) down = !down
    const fails = down || scheduler.random() < 0.03
    if (!fails) return scheduler.random() < 0.5 ? call() : scheduler.later(call)
    const fate = scheduler.random()
    if (fate < 0.3) throw new Error('out of reach')
    if (fate < 0.5) void scheduler.later(call)
    return scheduler.later(async () => {
      if (fate > 0.8) await call()
      throw new Error('out of reach')
    })
  })
}

/** How often the circuit opened, and what the fallback answered: schedules without either prove nothing. */
interface Seen {
  trips: number
  fallbackHits: number
}

const guarded =
  (make: (clock: () => number) => CacheBackend, fallback: boolean, seen: Seen): CreateBackend =>
  (scheduler, clock) => {
    const options = { fallback, retryAttempts: 1, circuitBreakerThreshold: 2, deadline: 60 } as const
    const settings = readResilientOptions(options, 'resilient')
    const backend = createResilient(faulty(make(clock), scheduler), settings, timersOf(scheduler, clock))
    void scheduler.later(async () => {
      for (let i = 0; i < 10; i++) await scheduler.pause()
      const stats = await backend.stats()
      seen.trips += stats.trips
      seen.fallbackHits += stats.fallbackHits
    })
    return backend
  }

describe('nothing invalidated comes back through an outage, whatever its moment', () => {
  const count = scaled(600, 50_000)
  const rows: readonly [title: string, make: (clock: () => number) => CacheBackend, fallback: boolean][] = [
    ['a store that counts', (clock) => memory({ clock }), false],
    ['a store that counts, with a fallback', (clock) => memory({ clock }), true],
    ['a bare store', (clock) => mockBackend({ clock }), false],
    ['a bare store, with a fallback', (clock) => mockBackend({ clock }), true],
  ]
  test.each(rows)(
    `in ${count} random schedules on %s`,
    async (_title, make, fallback) => {
      const failures: string[] = []
      const seen: Seen = { trips: 0, fallbackHits: 0 }
      let reused = 0
      for (let seed = 1; seed <= count; seed++) {
        const schedule = await runSchedule(seed, guarded(make, fallback, seen), true)
        reused += schedule.reused
        for (const problem of schedule.problems) failures.push(`seed ${seed}: ${problem}`)
      }
      expect(failures.slice(0, 5)).toEqual([])
      expect(reused).toBeGreaterThan(count)
      expect(seen.trips).toBeGreaterThan(count / 10)
      expect(seen.fallbackHits > count / 10).toBe(fallback)
    },
    scaled(120_000, 3_600_000),
  )
})
