import { memory } from '@stowage/core'
import {
  asyncBackend,
  benchmarkBackend,
  chaosBackend,
  compareBackends,
  mockBackend,
} from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

describe('benchmarkBackend', () => {
  test('makes that many sets and gets, at most so many at once, and leaves nothing behind', async () => {
    const backend = mockBackend()
    let [now, most] = [0, 0]
    const watched = {
      ...backend,
      get: async (key: string) => {
        most = Math.max(most, ++now)
        await new Promise((resume) => setImmediate(resume))
        now--
        return backend.get(key)
      },
    }
    const result = await benchmarkBackend(watched, { operations: 50, concurrency: 4, valueBytes: 10 })
    const count = (operation: string) => backend.calls.filter((call) => call.operation === operation).length
    expect([count('set'), count('get'), count('delete'), most]).toEqual([50, 50, 50, 4])
    expect(backend.entries.size).toBe(0)
    expect(result).toMatchObject({ operations: 50, hitRate: 1 })
    expect(result.setOpsPerSecond).toBeCloseTo(50 / result.setDuration)
    expect(result.getOpsPerSecond).toBeCloseTo(50 / result.getDuration)
  })

  test('tells what was not found', async () => {
    expect(
      (await benchmarkBackend(memory({ maxEntries: 25 }), { operations: 100 })).hitRate,
    ).toBeLessThanOrEqual(0.25)
  })

  test('rejects where the backend does', async () => {
    await expect(benchmarkBackend(chaosBackend(memory(), { failRate: 1 }))).rejects.toThrow()
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses %d operations', async (operations) => {
    await expect(benchmarkBackend(memory(), { operations })).rejects.toThrow(RangeError)
  })
})

test('compareBackends has a result for each, of 100 operations', async () => {
  const results = await compareBackends({ memory: memory(), later: asyncBackend(memory()) })
  expect(Object.keys(results)).toEqual(['memory', 'later'])
  expect([results.memory.operations, results.later.hitRate]).toEqual([100, 1])
})
