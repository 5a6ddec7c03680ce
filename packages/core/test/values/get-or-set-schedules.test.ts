import { type CacheBackend, createCache, memory } from '@stowage/core'
import { asyncBackend, chaosBackend, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { createRandom, pick } from '../random.ts'
import { muteWarnings } from '../warnings.ts'

muteWarnings()

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await nextTurn()
}

/** Calls, refreshes and invalidations in a random order; what was handed out although it was older than it may be. */
const runSchedule = async (
  seed: number,
  backend: CacheBackend,
  clock: ReturnType<typeof fakeClock>,
): Promise<readonly string[]> => {
  const random = createRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const cache = createCache({ backend, clock })
  const keys = ['a', 'b']
  const version = new Map(keys.map((key) => [key, 0]))
  const invalidated = new Map(keys.map((key) => [key, 0]))
  const problems: string[] = []
  const call = async (key: string): Promise<void> => {
    const least = invalidated.get(key) ?? 0
    const got = await cache.getOrSet(
      key,
      async () => {
        const seen = version.get(key) ?? 0
        await turns(below(4))
        return seen
      },
      { ttl: 5, staleWhileRevalidate: below(2) * 5, tags: [key] },
    )
    if (got < least) problems.push(`seed ${seed}: ${key} is ${got}, invalidated at ${least}`)
  }
  const invalidate = async (key: string): Promise<void> => {
    const now = (version.get(key) ?? 0) + 1
    version.set(key, now)
    await cache.invalidate({ tags: [key] })
    invalidated.set(key, Math.max(now, invalidated.get(key) ?? 0))
  }
  const running: Promise<void>[] = []
  for (let step = 0; step < 30; step++) {
    const key = pick(random, keys)
    running.push(random() < 0.25 ? invalidate(key) : call(key))
    if (random() < 0.1) clock.advance(3000)
    await turns(below(3))
  }
  await Promise.all(running)
  await cache.close()
  return problems
}

describe('no value from before an invalidation is handed out after it', () => {
  const backends: readonly (readonly [string, (clock: ReturnType<typeof fakeClock>) => CacheBackend])[] = [
    ['memory', (clock) => memory({ clock })],
    ['a store that answers later', (clock) => asyncBackend(memory({ clock }))],
    ['a slow store', (clock) => chaosBackend(memory({ clock }), { latency: [0, 2] })],
    ['four methods', (clock) => mockBackend({ clock })],
  ]

  test.each(backends)('on %s', { timeout: scaled(60_000, 600_000) }, async (_name, create) => {
    const problems: string[] = []
    for (let seed = 1; seed <= scaled(150, 5000); seed++) {
      const clock = fakeClock()
      problems.push(...(await runSchedule(seed, create(clock), clock)))
    }
    expect(problems).toEqual([])
  })
})
